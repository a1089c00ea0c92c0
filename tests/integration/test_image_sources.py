"""Files with pictures of every kind."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image, ImageOps

from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Image as Pixels
from monitor.sources.images import ImageSource, image_reader, list_images
from monitor.sources.images import read_image as read_file
from monitor.sources.opening import make_recording
from monitor.sources.picture_reader import PictureReader
from tests.conftest import PROJECT
from tests.integration.clips import corner_colours, number_of, numbered, quadrants

SIZE = (64, 48)


@pytest.fixture(scope="module")
def reader() -> Iterator[PictureReader]:
    with image_reader() as reader:
        yield reader


@pytest.fixture
def read_image(reader: PictureReader) -> Callable[[Path], Pixels]:
    return lambda path: read_file(reader, path).image


def coloured(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return red, green, blue and white quarters."""
    return Image.fromarray(quadrants(0, *size)[..., ::-1].copy())


def test_rgb_arrives_as_bgr(tmp_path: Path, read_image) -> None:
    coloured().save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (48, 64, 3)
    assert corner_colours(image) == "RGBW"


@pytest.mark.parametrize(
    "suffix", ["jpg", "jpeg", "jfif", "png", "bmp", "tif", "tiff", "webp", "avif", "gif", "JPG", "Png"]
)
def test_every_listed_kind_is_read(tmp_path: Path, suffix: str, read_image) -> None:
    coloured().save(tmp_path / f"a.{suffix}")
    assert list_images(tmp_path) == [tmp_path / f"a.{suffix}"]
    assert corner_colours(read_image(tmp_path / f"a.{suffix}")) == "RGBW"


def test_grey(tmp_path: Path, read_image) -> None:
    Image.new("L", SIZE, 77).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (48, 64, 3)
    assert np.unique(image).tolist() == [77]


def test_grey_with_transparency(tmp_path: Path, read_image) -> None:
    Image.new("LA", SIZE, (77, 128)).save(tmp_path / "a.png")
    assert np.unique(read_image(tmp_path / "a.png")).tolist() == [77]


def test_one_bit(tmp_path: Path, read_image) -> None:
    picture = Image.new("1", SIZE, 0)
    picture.paste(1, (32, 0, 64, 48))
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert (image[:, :32] == 0).all()
    assert (image[:, 32:] == 255).all()


def test_transparency_is_dropped(tmp_path: Path, read_image) -> None:
    picture = coloured().convert("RGBA")
    picture.putalpha(1)
    picture.save(tmp_path / "a.png")
    assert corner_colours(read_image(tmp_path / "a.png")) == "RGBW"


def test_palette(tmp_path: Path, read_image) -> None:
    coloured().quantize(8).save(tmp_path / "a.png")
    assert corner_colours(read_image(tmp_path / "a.png")) == "RGBW"


def test_palette_with_transparent_entry(tmp_path: Path, read_image) -> None:
    coloured().quantize(8).save(tmp_path / "a.png", transparency=0)
    assert corner_colours(read_image(tmp_path / "a.png")) == "RGBW"


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_is_scaled(tmp_path: Path, suffix: str, read_image) -> None:
    values = np.full((48, 64), 40_000, np.uint16)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), values)
    assert abs(read_image(tmp_path / f"a.{suffix}").astype(int) - 40_000 / 257).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_colour_is_scaled(tmp_path: Path, suffix: str, read_image) -> None:
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), quadrants(0, *SIZE).astype(np.uint16) * 257)
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.dtype == np.uint8
    assert abs(image.astype(int) - quadrants(0, *SIZE)).max() <= 1


def test_cmyk_jpeg_keeps_its_colours(tmp_path: Path, read_image) -> None:
    coloured().convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    image = read_image(tmp_path / "a.jpg")
    expected = np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB"))[..., ::-1]
    assert corner_colours(image) == "RGBW"
    assert abs(image.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_picture_upright(tmp_path: Path, orientation: int, read_image) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    coloured().save(tmp_path / "a.jpg", exif=exif, quality=95)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")))[..., ::-1]
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == expected.shape
    assert corner_colours(image) == corner_colours(expected)
    assert abs(image.astype(int) - expected).mean() < 3


def test_exif_orientation_of_a_png(tmp_path: Path, read_image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    coloured().save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png").shape == (64, 48, 3)


def test_progressive_jpeg(tmp_path: Path, read_image) -> None:
    coloured().save(tmp_path / "a.jpg", progressive=True, quality=95)
    assert corner_colours(read_image(tmp_path / "a.jpg")) == "RGBW"


def test_one_pixel(tmp_path: Path, read_image) -> None:
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[30, 20, 10]]]


def test_eight_k(tmp_path: Path, read_image) -> None:
    coloured((7680, 4320)).save(tmp_path / "a.jpg", quality=50)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (4320, 7680, 3)
    assert corner_colours(image) == "RGBW"


@pytest.mark.parametrize("name", ["100%d.png", "ünï 口罩 🎭.png", "a b.png", "#?.png", "%05d.png"])
def test_any_name_can_be_read(tmp_path: Path, name: str, read_image) -> None:
    coloured().save(tmp_path / name)
    assert corner_colours(read_image(tmp_path / name)) == "RGBW"


def test_a_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    names = ["img1.png", "img2.png", "img9.jpg", "img10.png", "IMG11.PNG", "img100.png"]
    for index, name in reversed(list(enumerate(names))):
        cv2.imwrite(str(tmp_path / name), numbered(index, 64, 48))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    source = make_recording("photos", SourceAddress(str(tmp_path)))
    info = source.open()
    seen = []
    while (time_s := source.grab()) is not None:
        frame = source.retrieve()
        seen.append((number_of(frame.image), frame.index, time_s))
        assert frame.time_s == time_s
    source.close()
    assert [path.name for path in list_images(tmp_path)] == names
    assert seen == [(index, index, float(index)) for index in range(6)]
    assert info.frame_count == 6
    assert source.end_reason is EndReason.FINISHED


def test_photographs_of_telephones_in_a_folder(tmp_path: Path, read_image) -> None:
    for name in ("a.heic", "b.HEIF"):
        shutil.copy(PROJECT / "tests" / "pictures" / "quarters.heic", tmp_path / name)
    assert [corner_colours(read_image(path)) for path in list_images(tmp_path)] == ["RGBW", "RGBW"]


def test_what_is_left_out_of_the_pictures_is_in_the_notes(tmp_path: Path) -> None:
    for name in ("1.gif", "3.gif", "4.gif"):
        coloured().save(tmp_path / name, save_all=True, append_images=[coloured().rotate(180)])
    coloured().save(tmp_path / "2.png")
    coloured().save(tmp_path / "5.tif", save_all=True, append_images=[coloured()])
    source = ImageSource("photos", tmp_path)
    source.open()
    assert source.notes == ()
    while source.grab() is not None:
        assert corner_colours(source.retrieve().image) == "RGBW"
    assert source.notes == (
        "1.gif: the picture is animated; only its first frame is read; 2 more alike",
        "5.tif: the file has several pages; only its first page is read",
    )
    source.close()


def test_of_a_folder_one_picture_at_a_time_is_in_memory(tmp_path: Path) -> None:
    coloured((4000, 3000)).save(tmp_path / "0.png")
    for number in range(1, 20):
        (tmp_path / f"{number}.png").hardlink_to(tmp_path / "0.png")
    source = ImageSource("photos", tmp_path)
    source.open()
    before_mb = psutil.Process().memory_info().rss / 2**20
    while source.grab() is not None:
        assert source.retrieve().height_px == 3000
    assert psutil.Process().memory_info().rss / 2**20 - before_mb < 100  # all of them have 720 MB
    source.close()


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(SourceError, match="contains no image") as caught:
        ImageSource("photos", tmp_path).open()
    assert str(tmp_path) in str(caught.value)


def broken_jpeg(path: Path) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200))


def half_a_png(path: Path) -> None:
    coloured((500, 400)).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_text("hello"), "not a readable picture"),
        (broken_jpeg, "not a readable picture"),
        (half_a_png, "the picture is damaged"),
        (lambda path: path.touch(), "is empty"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: None, "no such file"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path, spoil, words: str, read_image) -> None:
    path = tmp_path / "a.jpg"
    spoil(path)
    with pytest.raises(SourceError) as caught:
        read_image(path)
    message = str(caught.value)
    assert str(path) in message
    assert words in message
    assert "\n" not in message
