"""Resizes pictures to a model's input."""

import cv2

from monitor.domain.frame import Image


def resize_to_input(image: Image, height_px: int, width_px: int) -> Image:
    """Return a picture (H x W x 3, uint8, BGR) as RGB at the input's size, stretched as by TFOD2's fixed-shape resizer.

    While it is at least twice too large it is first halved by area averaging, so that bilinear sampling does not alias
    small faces away; halving is exact and several times cheaper than area sampling at an odd ratio.
    """
    while image.shape[0] >= 2 * height_px and image.shape[1] >= 2 * width_px:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    resized = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]
