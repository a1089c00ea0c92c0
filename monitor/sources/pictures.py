"""Turns pictures opened with Pillow upright, and converts them to BGR; shared by the photo page and training."""

import warnings

import numpy as np
from PIL import Image as Pillow

from monitor.domain.frame import Image

#: The EXIF tag of the orientation, and the operation that turns a stored picture upright, by its value.
_ORIENTATION = 0x0112
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}


def exif_orientation(picture: Pillow.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) if there is none or its EXIF data are damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damaged EXIF data
            value = picture.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001 - wrong metadata does not make the picture unusable
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def upright(picture: Pillow.Image) -> Pillow.Image:
    """Return the picture as its EXIF orientation says that it is shown."""
    turn = _TURNS.get(exif_orientation(picture))
    return picture if turn is None else picture.transpose(turn)


def as_bgr(picture: Pillow.Image) -> Image:
    """Return the pixels, H x W x 3, uint8, BGR; transparency is dropped, 16 bits are scaled to 8."""
    if picture.mode.startswith("I"):  # grey in 16 bits, which Pillow would clip at 255
        grey = (np.asarray(picture).astype(np.int64).clip(0, 0xFFFF) >> 8).astype(np.uint8)
        return np.ascontiguousarray(np.repeat(grey[:, :, np.newaxis], 3, axis=2))
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"), np.uint8)[:, :, ::-1])
