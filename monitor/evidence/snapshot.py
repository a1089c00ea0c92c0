"""Pictures of an incident, with all faces except the subject's made unrecognisable (pure)."""

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.domain.frame import Image
from monitor.domain.geometry import Box

#: A hidden face has this many blocks across, too few to recognise a person.
_BLOCKS = 6
_HEIGHT_PX = 240

#: The margin hidden around a face, and the one shown around the subject's, in fractions of the face's size.
_MARGIN, _AROUND = 0.2, 0.8


def hide_faces(image: Image, faces: Iterable[Box]) -> Image:
    """Return a copy of the picture (H x W x 3, uint8, BGR) with these faces, and a margin, pixelated."""
    hidden = image.copy()
    for face in faces:
        place = _inside(hidden, face.padded(_MARGIN))
        if place.size:
            blocks = cv2.resize(place, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
            place[...] = cv2.resize(blocks, place.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return hidden


def hide_everything(image: Image) -> Image:
    """Return the picture (H x W x 3, uint8, BGR) in as few blocks as a hidden face has in that size."""
    blocks = cv2.resize(image, (2 * _BLOCKS, 2 * _BLOCKS), interpolation=cv2.INTER_AREA)
    return cv2.resize(blocks, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)  # type: ignore[return-value]


def hide_all_but(image: Image, subject: Box | None, others: Sequence[Box]) -> Image:
    """Return a copy of the picture (H x W x 3, uint8, BGR) with all faces hidden but the subject's."""
    hidden = hide_faces(image, others)
    if subject is not None:
        # The margin of another face must not hide the subject's; another face stays hidden even in front of it.
        own = np.zeros(image.shape[:2], np.uint8)
        _inside(own, subject)[...] = 1
        for other in others:
            _inside(own, other)[...] = 0
        cv2.copyTo(image, own, hidden)
    return hidden


def incident_picture(image: Image, subject: Box, others: Sequence[Box]) -> Image:
    """Return the subject's head and shoulders (240 x W x 3, uint8, BGR), with all other faces hidden.

    `image` is the whole frame (H x W x 3, uint8, BGR); boxes are in its pixels.
    """
    view = subject.padded(_AROUND)
    near = [other for other in others if other.padded(_MARGIN).intersection_px2(view) > 0]
    # Whole faces are hidden, even those partly in view: blocks of a part would show more. The rest is not copied.
    left, top, right, bottom = _around([view, *(other.padded(_MARGIN) for other in near)], image)
    part = image[top:bottom, left:right]
    subject, view, *near = (box.moved(-left, -top) for box in (subject, view, *near))
    crop = _inside(hide_all_but(part, subject, near), view)
    scale = _HEIGHT_PX / crop.shape[0]
    size = (max(1, round(crop.shape[1] * scale)), _HEIGHT_PX)
    return cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)  # type: ignore[return-value]


def _around(boxes: Sequence[Box], image: Image) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) in whole pixels of the part of a picture that contains all boxes."""
    height, width = image.shape[:2]
    return (
        max(0, floor(min(box.x1_px for box in boxes))),
        max(0, floor(min(box.y1_px for box in boxes))),
        min(width, ceil(max(box.x2_px for box in boxes))),
        min(height, ceil(max(box.y2_px for box in boxes))),
    )


def _inside(picture: NDArray[Any], box: Box) -> NDArray[Any]:
    x1, y1, x2, y2 = box.clipped(picture.shape[1], picture.shape[0]).as_ints()
    return picture[y1:y2, x1:x2]
