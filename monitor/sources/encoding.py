"""Encodes pictures."""

from collections.abc import Sequence

import cv2

from monitor.domain.errors import OutputError
from monitor.domain.frame import Image


def encode_picture(image: Image, suffix: str, options: Sequence[int] = ()) -> bytes:
    """Return a picture (H x W x 3, uint8, BGR) as the bytes of a file with this suffix, such as ".jpg".

    `options` are OpenCV's, in pairs. Raises `OutputError` if OpenCV cannot encode it: it returns no data for a JPEG of
    more than 65,535 pixels in width or height.
    """
    try:
        ok, data = cv2.imencode(suffix, image, list(options))
    except cv2.error as error:
        raise OutputError(f"a picture cannot be encoded as {suffix}: {error.err}") from error
    if not ok or data.size == 0:
        raise OutputError(f"a picture of {image.shape[1]} x {image.shape[0]} cannot be encoded as {suffix}")
    return data.tobytes()
