"""An image, or a folder of images in the order of their names."""

import re
from pathlib import Path

import cv2

from monitor.domain.address import IMAGE_SUFFIXES
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.sources.files import check_file
from monitor.sources.libraries import prepare_opencv

#: Each image is shown, and counted, as one second.
IMAGE_PERIOD_S = 1.0


def list_images(path: Path) -> list[Path]:
    """Return the image itself, or a folder's images in natural order; raises `SourceError` if there is none."""
    if not path.is_dir():
        check_file(path)
        return [path]
    try:
        found = [item for item in path.iterdir() if item.suffix.lower() in IMAGE_SUFFIXES and item.is_file()]
    except OSError as error:
        raise SourceError(f"{path}: cannot be listed: {error.strerror}") from error
    if not found:
        raise SourceError(f"{path}: contains no image (looked for {', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(found, key=lambda item: (_natural(item.name), item.name))


def read_image(path: Path) -> Image:
    """Read a picture as H x W x 3 uint8 BGR, turned upright by its EXIF orientation; raises `SourceError`.

    Grey, palette, CMYK, 16-bit and transparent pictures are converted; transparency is dropped.
    """
    check_file(path)
    prepare_opencv()
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise SourceError(f"{path}: cannot be decoded: {error.err}", Cause.UNDECODABLE) from error
    if image is None:
        raise SourceError(f"{path}: not a readable picture: damaged, or another kind of file", Cause.UNDECODABLE)
    return image  # type: ignore[return-value]


class ImageSource:
    """Images as frames, `IMAGE_PERIOD_S` apart."""

    def __init__(self, source_id: str, path: Path) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self.repairs = None
        self._path = path
        self._images: list[Path] = []
        self._index = -1

    def open(self) -> SourceInfo:
        """List the images and read the size of the first readable one; raises `SourceError` if there is none."""
        self._images = list_images(self._path)
        height, width = _first_readable(self._images).shape[:2]
        return SourceInfo(width, height, 1 / IMAGE_PERIOD_S, len(self._images), None, live=False)

    def grab(self) -> float | None:
        """Step to the next image; see the port."""
        if self._index + 1 >= len(self._images):
            return None
        self._index += 1
        return self.media_s

    @property
    def media_s(self) -> float:
        """The image's position in seconds."""
        return self._index * IMAGE_PERIOD_S

    def retrieve(self) -> Frame:
        """Read the image; see the port."""
        path = self._images[self._index]
        try:
            image = read_image(path)
        except SourceError as error:  # one faulty picture does not prevent reading the others
            raise SourceError(str(error), Cause.UNDECODABLE) from error
        image.setflags(write=False)
        return Frame(image, self.source_id, self._index, self.media_s, None, self.media_s)

    def close(self) -> None:
        """Release the list."""
        self._images = []


def _first_readable(paths: list[Path]) -> Image:
    failure: SourceError | None = None
    for path in paths:
        try:
            return read_image(path)
        except SourceError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name.lower())]
