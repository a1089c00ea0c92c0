"""TFLite exports of TFOD2 (`export_tflite_graph_tf2`) on LiteRT with XNNPACK."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.detectors.decode import decode
from monitor.detectors.folder import ModelFolder
from monitor.detectors.quiet import native_notices_hidden
from monitor.detectors.resize import resize_to_input
from monitor.detectors.score_floor import with_score_floor
from monitor.domain.detection import Detection
from monitor.domain.errors import ModelError
from monitor.domain.frame import Image


class LiteRtDetector:
    """One interpreter; it runs pictures one at a time, since batches gain nothing on a CPU.

    Float inputs are scaled to -1..1 as TFOD2's MobileNet preprocessing does; quantised inputs take the pixel values
    (uint8, or shifted to int8). Raises `ModelError` if the file cannot be loaded or does not fit the folder.
    """

    def __init__(self, folder: ModelFolder, file: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        folder.verify(file)
        self._folder = folder
        try:
            model = with_score_floor(file.read_bytes(), min(folder.thresholds.values()))
            with native_notices_hidden():
                self._interpreter = Interpreter(model_content=model, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (OSError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"{file}: LiteRT cannot load it; export it again: {reason}") from error
        self._input = _the_input(file, self._interpreter.get_input_details())
        self._outputs = _Outputs(file, self._interpreter)
        _, self.height_px, self.width_px, _ = (int(side) for side in self._input["shape"])
        self.signature = f"{self._input['dtype'].__name__} (1, {self.height_px}, {self.width_px}, 3)"
        if folder.input_size not in (None, (self.height_px, self.width_px)):
            raise ModelError(
                f"{file}: takes {self.height_px} x {self.width_px}, but model.yaml states {folder.input_size}"
            )
        folder.check_class_count(file, _class_counts(self._interpreter.get_tensor_details()))
        self._file = file

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        """Return the detections of each picture (H x W x 3, uint8, BGR), best score first, boxes in its pixels.

        Raises `ModelError` if inference fails.
        """
        return [self._detect_one(image) for image in images]

    def close(self) -> None:
        """Release the interpreter."""
        del self._interpreter

    def _detect_one(self, image: Image) -> list[Detection]:
        self._set_input(resize_to_input(image, self.height_px, self.width_px))
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise ModelError(f"{self._folder.path}: inference failed: {' '.join(str(error).split())}") from error
        boxes, class_ids, scores = self._outputs.read()
        self._folder.check_class_ids(self._file, class_ids)
        height, width = image.shape[:2]
        return decode(boxes, class_ids, scores, width, height, self._folder.states, self._folder.thresholds)

    def _set_input(self, rgb: Image) -> None:
        tensor = self._interpreter.tensor(self._input["index"])()[0]
        dtype = self._input["dtype"]
        if dtype == np.uint8:
            tensor[:] = rgb
        elif dtype == np.int8:
            tensor[:] = (rgb ^ 0x80).view(np.int8)
        else:
            np.multiply(rgb, np.float32(1 / 127.5), out=tensor, dtype=np.float32)
            np.subtract(tensor, np.float32(1), out=tensor)


class _Outputs:
    """The detection post-processing op's four tensors, identified by shape and content, never by their position."""

    def __init__(self, file: Path, interpreter: Any) -> None:
        self._interpreter = interpreter
        details = sorted(interpreter.get_output_details(), key=lambda detail: int(detail["index"]))
        shapes = [tuple(int(side) for side in detail["shape"]) for detail in details]
        boxes = [d for d, shape in zip(details, shapes, strict=True) if len(shape) == 3 and shape[2] == 4]
        rows = [d for d, shape in zip(details, shapes, strict=True) if len(shape) == 2 and shape[0] == 1]
        counts = [d for d, shape in zip(details, shapes, strict=True) if shape in ((1,), ())]
        if (len(boxes), len(rows), len(counts)) != (1, 2, 1):
            raise ModelError(
                f"{file}: outputs {shapes} are not those of TFOD2's detection post-processing "
                "(boxes 1xNx4, classes 1xN, scores 1xN, count 1); export it with export_tflite_graph_tf2"
            )
        self._boxes, self._count = int(boxes[0]["index"]), int(counts[0]["index"])
        # The op creates its tensors in the order boxes, classes, scores, count.
        self._classes, self._scores = (int(row["index"]) for row in rows)

    def read(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
        """Return boxes (N, 4), normalised, 1-based class ids (N,) and scores (N,)."""
        get = self._interpreter.get_tensor
        count = max(int(np.asarray(get(self._count)).reshape(-1)[0]), 0)  # rows after these are undefined
        boxes, classes, scores = (
            get(self._boxes)[0, :count],
            get(self._classes)[0, :count],
            get(self._scores)[0, :count],
        )
        if _are_scores(classes) and not _are_scores(scores):
            self._classes, self._scores = self._scores, self._classes
            classes, scores = scores, classes
        return boxes, classes.astype(np.int64) + 1, scores


def _are_scores(values: NDArray[np.float32]) -> bool:
    """Return whether values are scores, which are descending fractions, and not class ids, which are whole numbers."""
    return bool((np.diff(values) <= 0).all() and (values != np.round(values)).any() and values.max() <= 1)


def _the_input(file: Path, details: list[dict[str, Any]]) -> dict[str, Any]:
    shape = tuple(int(side) for side in details[0]["shape"])
    if len(details) != 1 or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise ModelError(f"{file}: input {shape} is not one RGB picture (1, height, width, 3)")
    if details[0]["dtype"] not in (np.float32, np.uint8, np.int8):
        raise ModelError(f"{file}: input type {details[0]['dtype'].__name__} is not float32, uint8 or int8")
    return details[0]


def _class_counts(details: list[dict[str, Any]]) -> set[int]:
    """Return the model's possible numbers of classes, from the shapes of the inputs of its post-processing op.

    Its inputs in TFOD2 are anchors (A, 4), boxes (1, A, 4) and scores (1, A, background and classes).
    """
    shapes = [tuple(int(side) for side in detail["shape"]) for detail in details]
    anchors = {shape[0] for shape in shapes if len(shape) == 2 and shape[1] == 4}
    widths = {shape[2] for shape in shapes if len(shape) == 3 and shape[0] == 1 and shape[1] in anchors}
    return {width - 1 for width in (widths - {4}) or widths}
