"""Pictures of an incident, with everybody but its subject made unrecognisable (pure)."""

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.domain.frame import Image
from monitor.domain.geometry import Box

#: A hidden face keeps this many blocks across, too few to tell who it is.
_BLOCKS = 6
_HEIGHT_PX = 240


def hide_faces(image: Image, faces: Iterable[Box]) -> Image:
    """Return a copy of the BGR picture with the given faces, and a margin around them, turned into coarse blocks."""
    hidden = image.copy()
    for face in faces:
        place = _inside(hidden, face.padded(0.2))
        if place.size:
            blocks = cv2.resize(place, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
            place[...] = cv2.resize(blocks, place.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return hidden


def incident_picture(image: Image, subject: Box, others: Sequence[Box]) -> Image:
    """Return the subject's head and shoulders, 240 px high, with all other faces hidden."""
    height, width = image.shape[:2]
    hidden = hide_faces(image, others)
    # A neighbour's margin must not hide the evidence; a neighbour's face stays hidden even in front of it.
    own = np.zeros((height, width), bool)
    _inside(own, subject)[...] = True
    for other in others:
        _inside(own, other)[...] = False
    hidden[own] = image[own]
    crop = _inside(hidden, subject.padded(0.8))
    scale = _HEIGHT_PX / crop.shape[0]
    size = (max(1, round(crop.shape[1] * scale)), _HEIGHT_PX)
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)  # type: ignore[return-value]


def _inside(picture: NDArray[Any], box: Box) -> NDArray[Any]:
    x1, y1, x2, y2 = box.clipped(picture.shape[1], picture.shape[0]).as_ints()
    return picture[y1:y2, x1:x2]
