"""Moments of the bundled sample with the faces that are in them."""

import json
from dataclasses import dataclass

import numpy as np

from monitor.detectors.folder import KNOWN_LABELS
from monitor.domain.address import SourceAddress
from monitor.domain.detection import MaskState
from monitor.domain.geometry import Box
from monitor.sources.recording import RecordingSource
from tests.conftest import SAMPLE

#: Moments about four seconds apart, so that most people of the sample are in one of them.
_EVERY, _FIRST = 100, 40


@dataclass(frozen=True)
class Scene:
    """A frame and its true faces, clipped to the picture."""

    image: np.ndarray
    faces: list[tuple[Box, MaskState]]


def read_scenes() -> list[Scene]:
    truth = json.loads(SAMPLE.with_suffix(".json").read_text("utf-8"))
    source = RecordingSource("sample", SourceAddress(str(SAMPLE)))
    source.open()
    scenes = []
    for index in range(truth["frames"]):
        assert source.grab() is not None
        if index % _EVERY == _FIRST:
            scenes.append(Scene(source.retrieve().image, _faces(truth, index)))
    source.close()
    return scenes


def _faces(truth: dict, index: int) -> list[tuple[Box, MaskState]]:
    faces = []
    for person in truth["people"]:
        place = index - person["first_frame"]
        if 0 <= place < len(person["boxes"]):
            box = Box(*person["boxes"][place])
            shown = box.clipped(truth["width"], truth["height"])
            if shown.area_px2 >= 0.7 * box.area_px2:
                faces.append((shown, KNOWN_LABELS[person["state"]]))
    return faces
