"""Turns pictures opened with Pillow upright, and converts them to RGB; shared by photographs and training."""

import warnings

from PIL import Image as Pillow
from PIL import ImageOps

#: What to do with a picture that cannot be used.
REMEDY = "save it as JPEG or PNG"

#: The TIFF tag that says whether 0 is white (0) or black (1).
_PHOTOMETRIC = 262

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


def as_rgb(picture: Pillow.Image) -> Pillow.Image:
    """Return the picture in RGB, 8 bits; without transparency; raises `ValueError` for unknown colours."""
    if picture.mode.startswith("I;16"):
        return _from_16_bits(picture)
    if picture.mode in ("I", "F"):
        raise ValueError(f"32 bits a value, whose white is unknown; {REMEDY}")
    if picture.mode == "LAB":
        raise ValueError(f"the colours L*a*b*, which are not supported; {REMEDY}")
    if "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _from_16_bits(picture: Pillow.Image) -> Pillow.Image:
    """Return 16 bits of grey as 8; Pillow itself would clip them at 255."""
    grey = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    white_is_zero = getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    return (ImageOps.invert(grey) if white_is_zero else grey).convert("RGB")
