"""Compares a model's TFLite exports with its SavedModel, on frames of the bundled sample."""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np

from monitor.commands.show import PROJECT
from monitor.config.detector import Backend, DetectorSettings, Precision
from monitor.detectors.agreement import SURE_SCORE, disagreement
from monitor.detectors.folder import TFLITE, ModelFolder
from monitor.detectors.opening import open_detector
from monitor.detectors.resize import resize_to_input
from monitor.domain.address import SourceAddress
from monitor.domain.detection import DECIDED_STATES
from monitor.domain.errors import ModelError, SourceError
from monitor.domain.frame import Image
from monitor.domain.ports import Detector
from monitor.sources.opening import make_recording

_SAMPLE = PROJECT / "recordings" / "samples" / "entrance.mp4"

#: Frames of the sample with two or three faces each.
_FRAMES = (40, 140, 240, 340)

#: Well under `SURE_SCORE`, so that no face that one export is sure of is lost to the other's threshold.
_THRESHOLD = 0.2


def has_tensorflow() -> bool:
    """Return whether SavedModels can be run here."""
    return importlib.util.find_spec("tensorflow") is not None


def compare(settings: DetectorSettings, folder: ModelFolder) -> list[dict[str, Any]]:
    """Return one row for each TFLite export beside a SavedModel: its `file`, whether it `agrees`, and the `result`.

    `agrees` is None where the exports cannot be compared.
    """
    precisions = [precision for precision in (Precision.FLOAT, Precision.INT8) if folder.tflite(precision)]
    if folder.saved_model is None or not precisions:
        return []
    chosen = settings.model_copy(
        update={"thresholds": {state.value: _THRESHOLD for state in DECIDED_STATES}, "device": "cpu"}
    )
    try:
        frames = _frames()
        saved = open_detector(chosen.model_copy(update={"backend": Backend.SAVEDMODEL})).detector
    except (ModelError, SourceError) as error:
        return [_row(precision, None, f"not compared with the SavedModel: {error}") for precision in precisions]
    try:
        return [_compared(chosen, precision, frames, saved) for precision in precisions]
    finally:
        saved.close()


def _compared(
    settings: DetectorSettings, precision: Precision, frames: Sequence[Image], saved: Detector
) -> dict[str, Any]:
    sure = 0
    try:
        opened = open_detector(settings.model_copy(update={"backend": Backend.LITERT, "precision": precision}))
        for frame in frames:
            # At the size of the input neither export resizes it, so that only the networks differ.
            rgb = resize_to_input(frame, opened.input) if opened.input else frame[..., ::-1]
            picture = np.ascontiguousarray(rgb[..., ::-1])
            (expected,), (found,) = saved.detect([picture]), opened.detector.detect([picture])
            if fault := disagreement(expected, found, precision):
                result = f"does not find the faces of the SavedModel beside it: {fault}"
                return _row(precision, False, f"{result}; check its preprocessing, or export both again")
            sure += sum(face.score >= SURE_SCORE for face in expected)
    except ModelError as error:
        return _row(precision, None, f"not compared with the SavedModel: {error}")
    if not sure:
        return _row(precision, None, "not compared with the SavedModel: neither is sure of a face in the sample")
    return _row(precision, True, f"finds the same {sure} faces as the SavedModel")


def _row(precision: Precision, agrees: bool | None, result: str) -> dict[str, Any]:
    return {"file": TFLITE[precision], "agrees": agrees, "result": f"{TFLITE[precision]}: {result}"}


def _frames() -> list[Image]:
    """Return frames of the sample; raises `SourceError`."""
    source = make_recording("sample", SourceAddress(str(_SAMPLE)))
    source.open()
    try:
        frames = []
        for index in range(_FRAMES[-1] + 1):
            if source.grab() is None:
                raise SourceError(f"{_SAMPLE}: ends before frame {_FRAMES[-1]}")
            if index in _FRAMES:
                frames.append(source.retrieve().image)
        return frames
    finally:
        source.close()
