"""Pictures that people send: all that they may be, and all that they may only seem to be."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monitor.sources.picture_decoding import MAX_SCANS, UnreadableError, decode, prepare, write_bgr
from tests.conftest import PROJECT

_ORIENTATION = 0x0112
KINDS = ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "GIF"]
RED, GREEN, BLUE, WHITE = (250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)


prepare()


def read_with_note(data: bytes, max_megapixels: float) -> tuple[np.ndarray, str | None]:
    picture, note = decode(io.BytesIO(data), round(max_megapixels * 1e6))
    pixels = io.BytesIO()
    write_bgr(picture, pixels)
    return np.frombuffer(pixels.getvalue(), np.uint8).reshape(picture.height, picture.width, 3), note


def read_photo(data: bytes, max_megapixels: float) -> np.ndarray:
    return read_with_note(data, max_megapixels)[0]


def quarters() -> Image.Image:
    """A picture whose four quarters differ: red, green / blue, white."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:16, :32], pixels[:16, 32:], pixels[16:, :32], pixels[16:, 32:] = RED, GREEN, BLUE, WHITE
    return Image.fromarray(pixels)


def saved(picture: Image.Image, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def corners(image: np.ndarray) -> list[tuple[int, ...]]:
    """Return the colours near the four corners as RGB, rounded to what was painted."""
    height, width = image.shape[:2]
    places = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(250 if value > 125 else 0 for value in image[place][::-1]) for place in places]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_bgr(kind: str):
    image = read_photo(saved(quarters(), kind), 1)
    assert image.shape == (32, 64, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


#: By orientation: what stands upright when a picture with this mark is shown, row by row.
UPRIGHT = {
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_picture_stands_upright_by_its_exif(kind: str, orientation: int):
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    image = read_photo(saved(quarters(), kind, exif=exif), 1)
    assert image.shape == ((32, 64, 3) if orientation <= 4 else (64, 32, 3))
    assert corners(image) == UPRIGHT[orientation]


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0XX", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0" + b"\xff" * 90]
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_good_picture_with_damaged_exif_is_taken_as_it_is(exif: bytes):
    assert corners(read_photo(saved(quarters(), "JPEG", exif=exif), 1)) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_there_is_not_turns_nothing(orientation: int):
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    assert read_photo(saved(quarters(), "JPEG", exif=exif), 1).shape == (32, 64, 3)


def palette() -> bytes:
    return saved(quarters().convert("P", palette=Image.Palette.ADAPTIVE), "PNG")


def palette_with_alpha() -> bytes:
    picture = quarters().convert("P", palette=Image.Palette.ADAPTIVE)
    return saved(picture, "PNG", transparency=bytes(range(255, 251, -1)))


def alpha() -> bytes:
    picture = quarters()
    picture.putalpha(200)
    return saved(picture, "PNG")


@pytest.mark.parametrize(
    "make",
    [
        palette,
        palette_with_alpha,
        alpha,
        lambda: saved(quarters().convert("CMYK"), "JPEG"),
        lambda: saved(quarters().convert("CMYK"), "TIFF"),
        lambda: saved(quarters().convert("YCbCr"), "TIFF"),
        lambda: saved(quarters().convert("P", palette=Image.Palette.ADAPTIVE), "TIFF"),
        lambda: saved(quarters(), "JPEG", progressive=True),
        lambda: saved(quarters().convert("P", palette=Image.Palette.ADAPTIVE), "GIF", transparency=0),
        lambda: saved(quarters(), "WEBP", lossless=True),
    ],
)
def test_colours_are_kept_however_they_are_stored(make: Callable[[], bytes]):
    assert corners(read_photo(make(), 1)) == [RED, GREEN, BLUE, WHITE]


def test_sixteen_bits_of_grey_become_eight():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    image = read_photo(saved(Image.fromarray(ramp), "PNG"), 1)
    assert (image[:, :, 0].ravel().astype(int) == np.arange(256)).all()
    assert (image[:, :, 0] == image[:, :, 2]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_is_a_colour_too(mode: str):
    image = read_photo(saved(Image.new("L", (8, 4), 255).convert(mode), "PNG"), 1)
    assert image.shape == (4, 8, 3)
    assert image.min() == 255


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_a_moving_picture_the_first_is_taken_and_that_is_said(kind: str):
    data = saved(quarters(), kind, save_all=True, append_images=[quarters().rotate(180)] * 3, duration=100)
    image, note = read_with_note(data, 1)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]
    assert note == "the picture is animated; only its first frame is read"


def test_of_several_pages_the_first_is_taken_and_that_is_said():
    image, note = read_with_note(saved(quarters(), "TIFF", save_all=True, append_images=[quarters().rotate(180)]), 1)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]
    assert note == "the file has several pages; only its first page is read"


def test_a_gain_map_beside_a_jpeg_is_not_worth_a_note():
    data = saved(quarters(), "MPO", save_all=True, append_images=[Image.new("L", (8, 8))])
    image, note = read_with_note(data, 1)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]
    assert note is None


@pytest.mark.parametrize("kind", KINDS)
def test_one_picture_has_no_note(kind: str):
    assert read_with_note(saved(quarters(), kind), 1)[1] is None


@pytest.mark.parametrize(
    ("name", "shape", "colours"),
    [("quarters", (32, 64, 3), [RED, GREEN, BLUE, WHITE]), ("quarters-turned", (64, 32, 3), [BLUE, RED, WHITE, GREEN])],
)
def test_photographs_of_telephones_are_read(name: str, shape: tuple[int, ...], colours: list[tuple[int, ...]]):
    image, note = read_with_note((PROJECT / "tests" / "pictures" / f"{name}.heic").read_bytes(), 1)
    assert image.shape == shape
    assert corners(image) == colours
    assert note is None


@pytest.mark.parametrize("mode", ["I", "F"])
def test_a_picture_whose_white_is_unknown_is_refused(mode: str):
    with pytest.raises(UnreadableError, match="32 bits a value, whose white is unknown; save it as JPEG or PNG"):
        read_photo(saved(Image.new(mode, (8, 4), 1), "TIFF"), 1)


def test_colours_that_are_not_supported_are_refused():
    with pytest.raises(UnreadableError, match="L\\*a\\*b\\*, which are not supported; save it as JPEG or PNG"):
        read_photo(saved(Image.new("LAB", (8, 4)), "TIFF"), 1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled(kind: str):
    image = read_photo(saved(Image.fromarray(np.full((4, 8), 0x9C40, np.uint16)), kind), 1)
    assert np.unique(image).tolist() == [0x9C]


def test_sixteen_bits_whose_zero_is_white_are_inverted():
    data = saved(Image.fromarray(np.full((4, 8), 0x4000, np.uint16)), "TIFF", tiffinfo={262: 0})
    assert np.unique(read_photo(data, 1)).tolist() == [255 - 0x40]


@pytest.mark.parametrize("kind", KINDS)
def test_one_pixel_is_a_picture(kind: str):
    assert read_photo(saved(Image.new("RGB", (1, 1), WHITE), kind), 1).shape == (1, 1, 3)


@pytest.mark.parametrize("size", [(10, 1000), (1000, 10), (1, 100), (30_000, 300)])
def test_a_strip_is_a_picture(size: tuple[int, int]):
    assert read_photo(saved(Image.new("RGB", size), "PNG"), 10).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((1, 40_000_000), "1 x 40000000 pixels; a side of at most 30,000 is accepted"),
        ((30_001, 400), "30001 x 400 pixels; a side of at most 30,000 is accepted"),
        ((1, 101), "1 x 101 pixels; one side may be at most 100 times the other"),
        ((4000, 39), "4000 x 39 pixels; one side may be at most 100 times the other"),
    ],
)
def test_a_picture_with_such_sides_is_refused_before_a_pixel_is_decoded(size: tuple[int, int], words: str):
    with pytest.raises(UnreadableError, match=words):
        read_photo(png_of(*size), 40)


def with_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan comes so many times in all."""
    data = saved(quarters(), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scans = data.count(b"\xff\xda")
    return data[:-2] + data[last:-2] * (count - scans) + data[-2:]


def test_a_jpeg_of_too_many_scans_is_refused():
    assert corners(read_photo(with_scans(MAX_SCANS), 1)) == [RED, GREEN, BLUE, WHITE]
    for count in (MAX_SCANS + 1, 290_000):
        with pytest.raises(UnreadableError, match="more than 100 scans"):
            read_photo(with_scans(count), 1)


def test_what_only_looks_like_scans_is_not_counted():
    """Bytes of a thumbnail or of what follows the picture."""
    exif = b"Exif\0\0" + b"\xff\xda" * 1000
    data = saved(quarters(), "JPEG", exif=exif) + b"\xff\xda" * 1000
    assert corners(read_photo(data, 1)) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"not a picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"BM",
        b"II*\0" + bytes(100),
        b"P6 1 1 255 abc",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
        bytes(10_000),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(data: bytes):
    with pytest.raises(UnreadableError):
        read_photo(data, 1)


@pytest.mark.parametrize("kind", ["ICO", "PPM", "TGA", "PCX", "EPS"])
def test_kinds_that_nobody_sends_are_not_taken(kind: str):
    with pytest.raises(UnreadableError, match="JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and GIF"):
        read_photo(saved(quarters(), kind), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_was_cut_off_is_said_to_be_damaged(kind: str):
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    data = saved(noisy, kind)
    with pytest.raises(UnreadableError):
        read_photo(data[: len(data) // 2], 1)


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """Return a PNG that says to be so large."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(65_000, 65_000), (2**31 - 1, 2**31 - 1), (1001, 1000), (1, 1_000_001)])
def test_a_bomb_is_refused_before_a_pixel_is_decoded(size: tuple[int, int]):
    bomb = png_of(*size, zlib.compress(bytes(10_000_000), 9))
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableError, match="at most 1 megapixels"):
        read_photo(bomb, 1)


def test_the_limit_itself_is_taken():
    assert read_photo(saved(Image.new("RGB", (1000, 1000)), "PNG"), 1).shape == (1000, 1000, 3)
    with pytest.raises(UnreadableError, match="1001 x 1000 pixels"):
        read_photo(saved(Image.new("RGB", (1001, 1000)), "PNG"), 1)


def test_words_that_unfold_without_end_beside_a_picture_are_refused():
    """Compressed text in a PNG: a thousand times its size in memory."""
    text = b"comment\0\0" + zlib.compress(bytes(80_000_000), 9)
    body = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    whole = saved(quarters(), "PNG")
    with pytest.raises(UnreadableError):
        read_photo(whole[:33] + body + whole[33:], 1)


def test_a_frame_outside_its_picture_is_measured_too():
    """The head of a GIF may say less than its frames take."""
    frame = saved(Image.new("P", (2000, 2000)), "GIF")
    with pytest.raises(UnreadableError, match="2000 x 2000"):
        read_photo(frame[:6] + struct.pack("<HH", 1, 1) + frame[10:], 1)


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_a_picture_without_a_pixel_is_none(size: tuple[int, int]):
    with pytest.raises(UnreadableError):
        read_photo(png_of(*size), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_to_a_picture_it_is_read_or_said_to_be_damaged(kind: str):
    chance = np.random.default_rng(1)
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    whole = saved(quarters(), kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "AVIF") else {}))
    for _ in range(300):
        data = bytearray(whole)
        for place in chance.integers(0, len(data), chance.integers(1, 16)):
            data[place] = chance.integers(0, 256)
        try:
            image = read_photo(bytes(data), 0.01)
        except UnreadableError:
            continue
        assert image.ndim == 3
        assert image.size <= 30_000
