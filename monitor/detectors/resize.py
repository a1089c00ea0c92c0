"""Resizes pictures to a model's input."""

import cv2
import numpy as np

from monitor.detectors.fitting import ModelInput
from monitor.domain.frame import Image


def resize_to_input(image: Image, target: ModelInput, out: Image | None = None) -> Image:
    """Return a picture (H x W x 3, uint8, BGR) as RGB at the input's size, placed and padded as `target` states.

    While it is at least twice too large it is first halved by area averaging, so that bilinear sampling does not alias
    small faces away; halving is exact and several times cheaper than area sampling at an odd ratio. The result is
    written to `out` where that is given, an array of the input's height, width and 3 channels.
    """
    place = target.place(*image.shape[:2])
    rows, columns = place.height_px, place.width_px
    while image.shape[0] >= 2 * rows and image.shape[1] >= 2 * columns:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    resized = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR)
    if out is None:
        out = np.empty((target.height_px, target.width_px, 3), np.uint8)
    padding = target.resizing.padding
    bottom, right = place.top_px + rows, place.left_px + columns
    out[: place.top_px] = out[bottom:] = padding
    out[place.top_px : bottom, : place.left_px] = out[place.top_px : bottom, right:] = padding
    cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=out[place.top_px : bottom, place.left_px : right])
    return out
