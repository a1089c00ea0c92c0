"""Fitting a picture into a model's input."""

import cv2

from monitor.domain.frame import Image


def resize_to_input(image: Image, height_px: int, width_px: int) -> Image:
    """Return the BGR picture as RGB at the input's size, its sides stretched as TFOD2's fixed-shape resizer does.

    Halved by area first while it is twice too large, so that small faces of a large picture do not alias away under
    bilinear sampling; halving is exact and several times cheaper than area sampling at an odd ratio.
    """
    while image.shape[0] >= 2 * height_px and image.shape[1] >= 2 * width_px:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    resized = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
