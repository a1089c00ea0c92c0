"""The zones of a camera's picture in which people are analysed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitor.domain.detection import Detection
from monitor.domain.frame import Frame

Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon; its corners (x, y) are fractions (0..1) of the picture's width and height."""

    name: str
    corners: tuple[Corner, ...]

    def holds(self, x: float, y: float) -> bool:
        """Return whether a point, in fractions (0..1) of width and height, lies inside, by the even-odd rule."""
        crossings = 0
        for (x1, y1), (x2, y2) in pairwise([*self.corners, self.corners[0]]):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
                crossings += 1
        return crossings % 2 == 1


def inside(detections: Sequence[Detection], zones: Sequence[Zone], frame: Frame) -> list[Detection]:
    """Return the detections whose box centre lies in a zone; all of them if there are no zones."""
    if not zones:
        return list(detections)
    return [detection for detection in detections if any(zone.holds(*_centre(detection, frame)) for zone in zones)]


def _centre(detection: Detection, frame: Frame) -> Corner:
    box = detection.box
    return (box.x1_px + box.x2_px) / 2 / frame.width_px, (box.y1_px + box.y2_px) / 2 / frame.height_px
