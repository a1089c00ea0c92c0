"""Measures how well masks can be detected in the pictures of a source: light, blur, size of faces (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import cv2
import numpy as np

from monitor.config.rules import RulesSettings
from monitor.domain.detection import Detection
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.picture import is_black, sampled
from monitor.rules.quality import GOOD_FACE_PX, face_weight, sharpness

#: Grey level (0..255) from which a pixel counts as burnt out.
_BURNT = 250

#: Light is measured on every fourth pixel in each direction, which is accurate enough.
_STRIDE = 4


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one picture: height in px of the full picture, mean grey level, sharpness and weight (0..1).

    `across` is the ratio of horizontal to vertical detail of the face: sideways motion blur reduces only the
    horizontal.
    """

    height_px: float
    luma: float
    sharpness: float
    across: float
    weight: float


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """A summary of pictures; grey levels 0..255, shares 0..1, None if there was no picture or no face.

    `still_s` is the longest time in which no picture differed in a single pixel from the one before.
    """

    pictures: int
    luma: float | None
    contrast: float | None
    burnt_share: float | None
    black_share: float
    still_s: float
    watched_s: float
    pictures_with_faces: int
    faces: int
    face_heights_px: tuple[float, ...]
    face_height_px: float | None
    large_enough_share: float | None
    in_full_share: float | None
    usable_share: float | None
    face_luma: float | None
    face_sharpness: float | None
    face_across: float | None


@dataclass(frozen=True, slots=True)
class _Measured:
    time_s: float
    luma: float
    contrast: float
    burnt: float
    black: bool
    same: bool
    faces: tuple[Face, ...]


class SceneMeasure:
    """Summarises pictures with their detections, in order."""

    def __init__(self, rules: RulesSettings) -> None:
        self._rules = rules
        self._pictures: list[_Measured] = []
        self._last: Image | None = None

    def add(self, time_s: float, image: Image, detections: Sequence[Detection]) -> None:
        """Measure one more picture (H x W x 3, uint8, BGR)."""
        grey = cv2.cvtColor(image[::_STRIDE, ::_STRIDE], cv2.COLOR_BGR2GRAY)
        same = self._last is not None and np.array_equal(self._last, image)
        faces = tuple(self._face(image, detection.box) for detection in detections)
        burnt = float(np.mean(grey >= _BURNT))
        black = is_black(sampled(image))
        self._pictures.append(_Measured(time_s, float(grey.mean()), float(grey.std()), burnt, black, same, faces))
        self._last = image

    def facts(self) -> SceneFacts:
        """Return the summary of all pictures so far."""
        pictures, rules = self._pictures, self._rules
        faces = [face for picture in pictures for face in picture.faces]
        sized = [face for face in faces if face.height_px >= rules.min_face_px]
        heights = [face.height_px for face in faces]
        black = sum(picture.black for picture in pictures)
        return SceneFacts(
            pictures=len(pictures),
            luma=_median([picture.luma for picture in pictures]),
            contrast=_median([picture.contrast for picture in pictures]),
            burnt_share=_median([picture.burnt for picture in pictures]),
            black_share=black / len(pictures) if pictures else 0.0,
            still_s=self._still_s(),
            watched_s=pictures[-1].time_s - pictures[0].time_s if pictures else 0.0,
            pictures_with_faces=sum(bool(picture.faces) for picture in pictures),
            faces=len(faces),
            face_heights_px=tuple(sorted(heights)),
            face_height_px=_median(heights),
            large_enough_share=_share([height >= rules.min_face_px for height in heights]),
            in_full_share=_share([height >= GOOD_FACE_PX for height in heights]),
            usable_share=_share([face.weight > 0 for face in faces]),
            face_luma=_median([face.luma for face in faces]),
            face_sharpness=_median([face.sharpness for face in sized]),
            face_across=_median([face.across for face in sized]),
        )

    def _still_s(self) -> float:
        longest = running = 0.0
        for earlier, later in pairwise(self._pictures):
            running = running + later.time_s - earlier.time_s if later.same else 0.0
            longest = max(longest, running)
        return longest

    def _face(self, image: Image, box: Box) -> Face:
        x1, y1, x2, y2 = box.clipped(image.shape[1], image.shape[0]).as_ints()
        pixels = image[y1:y2, x1:x2]
        if pixels.size == 0:
            return Face(box.height_px, 0.0, 0.0, 1.0, 0.0)
        grey = cv2.cvtColor(cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        levels = grey.astype(np.float32)
        sideways, downwards = np.abs(np.diff(levels, axis=1)).mean(), np.abs(np.diff(levels, axis=0)).mean()
        across = float(sideways / downwards) if downwards > 0 else 1.0
        sharp = sharpness(image, box)
        return Face(box.height_px, float(grey.mean()), sharp, across, face_weight(image, box, sharp, self._rules))


def histogram_edges(rules: RulesSettings) -> list[float]:
    """Return the limits in px between the classes of face height, including the two limits of the rules."""
    small, good = rules.min_face_px, max(GOOD_FACE_PX, rules.min_face_px)
    return sorted({small / 2, small, (small + good) / 2, good, 2 * good})


def histogram(heights_px: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Return how many heights lie below the first edge, from each edge to the next, and from the last on."""
    counts = [0] * (len(edges) + 1)
    for place in np.searchsorted(edges, heights_px, side="right"):
        counts[int(place)] += 1
    return counts


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None
