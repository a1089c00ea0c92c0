"""Pictures found between whatever a camera puts around them."""

import cv2
import numpy as np
import pytest

from monitor.sources.jpegs import JpegScanner, TooLargeError


def jpeg(number: int, *, quality: int = 90, progressive: bool = False) -> bytes:
    noise = np.random.default_rng(number).integers(0, 255, (40, 56, 3), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    return cv2.imencode(".jpg", noise, [*options, cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1].tobytes()


def with_thumbnail(picture: bytes, thumbnail: bytes) -> bytes:
    """Put a whole JPEG into an APP1 segment, as cameras do with previews."""
    return picture[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + picture[2:]


PIXELS = 56 * 40

PICTURES = [
    jpeg(1),
    jpeg(2, progressive=True),
    with_thumbnail(jpeg(3), jpeg(4, quality=20)),
    jpeg(5)[:2] + b"\xff\xff\xff" + jpeg(5)[3:],  # fill bytes before a marker
]
BETWEEN = [b"", b"\r\n--frame\r\nContent-Type: image/jpg;\r\n\r\n", b"\xff", b"\xff\xd8", b"\x00" * 100]


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("chunk", [1, 7, 1000, 1_000_000])
def test_pictures_come_out_as_they_went_in(between: bytes, chunk: int) -> None:
    data = between + b"".join(picture + between for picture in PICTURES)
    scanner, found = JpegScanner(PIXELS), []
    for start in range(0, len(data), chunk):
        found += scanner.feed(data[start : start + chunk])
    assert found == PICTURES


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_comes_with_its_last_byte(picture: bytes) -> None:
    scanner = JpegScanner(PIXELS)
    assert scanner.feed(picture[:-1]) == []
    assert scanner.feed(picture[-1:]) == [picture]


def test_a_picture_that_is_cut_off_hides_only_itself() -> None:
    scanner = JpegScanner(PIXELS)
    found = scanner.feed(PICTURES[0][:20] + b"\r\n--frame\r\n\r\n" + PICTURES[1] + PICTURES[2])
    found += scanner.feed(PICTURES[1])
    assert found[-1] == PICTURES[1]
    assert PICTURES[2] in found


def test_memory_is_bounded() -> None:
    with pytest.raises(TooLargeError):
        JpegScanner(PIXELS, 1000).feed(PICTURES[0][:-1] + b"\x00" * 2000)
    scanner = JpegScanner(PIXELS, 1000)
    for _ in range(100):
        assert scanner.feed(b"no picture at all" * 50) == []


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_that_states_more_pixels_is_refused_before_its_data(picture: bytes) -> None:
    header = picture[: picture.rindex(b"\xff\xda")]
    with pytest.raises(TooLargeError) as caught:
        JpegScanner(PIXELS - 1).feed(header)
    assert caught.value.size_px == (56, 40)
