"""Photographs and Motion JPEG."""

import contextlib
import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monitor.sources.jpegs import JpegScanner, TooLargeError, count_scans
from monitor.sources.picture_reader import PictureReader, UnreadableError
from tests.conftest import PROJECT
from tests.fuzz.mutations import attack

MAX_PIXELS = 20_000


def saved(kind: str, **more: object) -> bytes:
    chance = np.random.default_rng(0)
    picture = Image.fromarray(chance.integers(0, 256, (32, 64, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF") else {}), **more)
    return file.getvalue()


def several(kind: str) -> bytes:
    return saved(kind, save_all=True, append_images=[Image.new("RGB", (64, 32), "red")])


#: The valid pictures of each format.
PICTURES = {
    "jpeg": [saved("JPEG"), saved("JPEG", progressive=True), several("MPO")],
    "png": [saved("PNG"), several("PNG")],
    "webp": [saved("WEBP"), saved("WEBP", lossless=True), several("WEBP")],
    "avif": [saved("AVIF", quality=50)],
    "tiff": [saved("TIFF"), several("TIFF"), *(saved("TIFF", compression=name) for name in ("tiff_lzw", "jpeg"))],
    "bmp": [saved("BMP")],
    "gif": [saved("GIF"), several("GIF")],
    "heic": [
        (PROJECT / "tests" / "pictures" / f"{name}.heic").read_bytes() for name in ("quarters", "quarters-turned")
    ],
}


@pytest.mark.parametrize("kind", PICTURES)
def test_photographs(tmp_path: Path, kind: str) -> None:
    with PictureReader(MAX_PIXELS) as reader:

        def check(data: bytes) -> None:
            with contextlib.suppress(UnreadableError):
                image = reader.read_bytes(data).image
                assert image.shape[2] == 3
                assert 0 < image.shape[0] * image.shape[1] <= MAX_PIXELS

        attack(PICTURES[kind], check, tmp_path, 400)


def test_motion_jpeg(tmp_path: Path) -> None:
    part = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 1\r\n\r\n"
    whole = b"".join(part + picture for picture in PICTURES["jpeg"]) + part
    tokens = [
        b"\xff\xd8\xff",
        b"\xff\xd9",
        b"\xff\xda",
        b"\xff\xe1\xff\xff",
        b"\xff\xda\0\0",
        b"\xff\xc0\0\x02",
        b"\xff",
    ]

    def check(data: bytes) -> None:
        whole, pieces = JpegScanner(MAX_PIXELS, 1 << 16), JpegScanner(MAX_PIXELS, 1 << 16)
        chance = random.Random(len(data))
        with contextlib.suppress(TooLargeError):
            found = whole.feed(data)
            start, again = 0, []
            while start < len(data):
                size = chance.choice((1, 5, 1000))
                again += pieces.feed(data[start : start + size])
                start += size
            assert again == found
            assert all(picture in data and picture.startswith(b"\xff\xd8\xff") for picture in found)
        count_scans(data, 100)

    attack([whole], check, tmp_path, 300, tokens)
