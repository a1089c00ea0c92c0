"""Reads pictures for training and evaluation: every reader gets the same pixels, upright.

Libraries differ: OpenCV turns a picture by its EXIF orientation or does not, by version and format, and fills up a
cut-off file with grey; TensorFlow never turns. Here Pillow decodes, a picture is turned by its orientation once, and a
cut-off file is an error.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from monitor.sources.pictures import as_rgb, exif_orientation, upright
from monitor.training.errors import TrainingError

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")

#: JPEG quality of turned photographs in records, without chroma subsampling: no visible loss, a tenth of a PNG's size.
_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class Stored:
    """How a file stores its picture: (width, height) in pixels before it is turned, and EXIF orientation 1 to 8."""

    size: tuple[int, int]
    orientation: int

    @property
    def shown(self) -> tuple[int, int]:
        """The (width, height) in pixels of the upright picture."""
        width, height = self.size
        return (height, width) if self.orientation >= 5 else (width, height)

    def turned(self, box: Box) -> Box:
        """Return a box `x1, y1, x2, y2` of the stored picture as a box of the upright one."""
        (x1, y1), (x2, y2) = (self._turned(*corner) for corner in (box[:2], box[2:]))
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    def _turned(self, x: float, y: float) -> tuple[float, float]:
        across, down = self.size[0] - x, self.size[1] - y
        return ((x, y), (across, y), (across, down), (x, down), (y, x), (down, x), (down, across), (y, across))[
            self.orientation - 1
        ]


def inspect(path: Path) -> Stored:
    """Decode a picture once and return how it is stored; raises `TrainingError` if any of it is missing."""
    with _opened(path, path.name) as picture:
        stored = Stored(picture.size, exif_orientation(picture))
        picture.draft("L", (1, 1))  # a JPEG is read to its end, at an eighth of its size
        picture.load()
    return stored


def read(path: Path) -> Pixels:
    """Return the picture upright, BGR (H, W, 3); raises `TrainingError`."""
    with _opened(path, str(path)) as picture:
        return _as_bgr(picture)


def decode(data: bytes, name: str) -> Pixels:
    """Return the picture of these bytes upright, BGR (H, W, 3); raises `TrainingError`."""
    with _opened(io.BytesIO(data), name) as picture:
        return _as_bgr(picture)


def record_bytes(path: Path) -> bytes:
    """Return the picture as a JPEG or PNG that every decoder reads alike; raises `TrainingError`.

    TFOD2 decodes JPEG and PNG only, and ignores EXIF. A JPEG or PNG that is stored upright, in 8-bit grey or colour, is
    returned unchanged. Turned JPEGs are encoded anew with a high quality, since PNGs of photographs are ten times as
    large; all others become PNGs, without loss.
    """
    with _opened(path, str(path)) as picture:
        jpeg = picture.format in {"JPEG", "MPO"}
        common = picture.mode in {"L", "RGB"} and (jpeg or picture.format == "PNG")
        if common and exif_orientation(picture) == 1:
            return path.read_bytes()
        pixels = _as_bgr(picture)
    full_chroma = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full_chroma]
    return encoded(pixels, ".jpg", options) if jpeg else encoded(pixels, ".png", [])


def encoded(pixels: Pixels, suffix: str, options: list[int]) -> bytes:
    """Return a picture as the bytes of a file; raises `TrainingError`."""
    good, data = cv2.imencode(suffix, pixels, options)
    if not good:
        raise TrainingError(f"a picture of {pixels.shape[1]} x {pixels.shape[0]} cannot be encoded as {suffix}")
    return data.tobytes()


def embedded_size(data: bytes, name: str) -> tuple[int, int]:
    """Return the (width, height) of a picture in a record; raises `TrainingError` if it is not stored upright."""
    with _opened(io.BytesIO(data), name) as picture:
        if exif_orientation(picture) != 1:
            raise TrainingError(f"{name} is turned by EXIF, which TFOD2 ignores; write the records anew")
        return picture.size


def _as_bgr(picture: Pillow.Image) -> Pixels:
    return np.ascontiguousarray(np.asarray(as_rgb(upright(picture)), np.uint8)[:, :, ::-1])


@contextmanager
def _opened(file: Path | io.BytesIO, name: str) -> Iterator[Pillow.Image]:
    try:
        with Pillow.open(file, formats=_FORMATS) as picture:
            yield picture
    except TrainingError:
        raise
    except UnidentifiedImageError as error:
        raise TrainingError(f"{name} is not a readable JPEG, PNG, WebP or BMP picture") from error
    except Exception as error:  # a decoder may raise anything for damaged files
        raise TrainingError(f"{name} is damaged or cannot be read ({error})") from error
