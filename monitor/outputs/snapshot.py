"""Pictures of an incident, with everybody but its subject made unrecognisable (pure)."""

from collections.abc import Iterable

import cv2

from monitor.domain.frame import Image
from monitor.domain.geometry import Box

#: A hidden face keeps this many blocks across, too few to tell who it is.
_BLOCKS = 6
_HEIGHT_PX = 240


def hide_faces(image: Image, faces: Iterable[Box]) -> Image:
    """Return a copy of the BGR picture with the given faces, and a margin around them, turned into coarse blocks."""
    hidden = image.copy()
    height, width = image.shape[:2]
    for face in faces:
        x1, y1, x2, y2 = face.padded(0.2).clipped(width, height).as_ints()
        if x2 > x1 and y2 > y1:
            blocks = cv2.resize(hidden[y1:y2, x1:x2], (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
            hidden[y1:y2, x1:x2] = cv2.resize(blocks, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST)
    return hidden


def incident_picture(image: Image, subject: Box, others: Iterable[Box]) -> Image:
    """Return the subject's head and shoulders, 240 px high, with all other faces hidden."""
    hidden = hide_faces(image, others)
    if any(subject.intersection_px2(other.padded(0.2)) > 0 for other in others):
        x1, y1, x2, y2 = subject.clipped(image.shape[1], image.shape[0]).as_ints()
        hidden[y1:y2, x1:x2] = image[y1:y2, x1:x2]  # a neighbour's margin must not hide the evidence
    x1, y1, x2, y2 = subject.padded(0.8).clipped(image.shape[1], image.shape[0]).as_ints()
    crop = hidden[y1:y2, x1:x2]
    scale = _HEIGHT_PX / crop.shape[0]
    size = (max(1, round(crop.shape[1] * scale)), _HEIGHT_PX)
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)  # type: ignore[return-value]
