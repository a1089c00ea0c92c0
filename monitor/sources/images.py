"""An image, or a folder of images in the order of their names."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from monitor.domain.address import IMAGE_SUFFIXES
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.files import check_file
from monitor.sources.libraries import prepare_opencv
from monitor.sources.picture_decoding import UnreadableError
from monitor.sources.picture_reader import Picture, PictureReader
from monitor.sources.video import MAX_PIXELS

#: Each image is shown, and counted, as one second.
IMAGE_PERIOD_S = 1.0


#: Suffixes of images in a folder; a GIF that is named itself is replayed as a video.
_IN_FOLDERS = IMAGE_SUFFIXES | {".gif"}


def list_images(path: Path) -> Sequence[Path]:
    """Return the image itself, or a folder's images in natural order; raises `SourceError` if there is none."""
    if not path.is_dir():
        check_file(path)
        return [path]
    try:
        with os.scandir(path) as items:
            found = [item.name for item in items if _suffix(item.name) in _IN_FOLDERS and item.is_file()]
    except OSError as error:
        raise SourceError(f"{path}: cannot be listed: {error.strerror}") from error
    if not found:
        raise SourceError(f"{path}: contains no image (looked for {', '.join(sorted(_IN_FOLDERS))})")
    return [path / name for name in sorted(found, key=lambda name: (_natural(name), name))]


def image_reader() -> PictureReader:
    """Return a reader for image files, which accepts as many pixels as a video."""
    return PictureReader(MAX_PIXELS)


def read_image(reader: PictureReader, path: Path) -> Picture:
    """Read an image file, turned upright by its EXIF orientation; raises `SourceError`."""
    check_file(path)
    try:
        with path.open("rb") as file:
            return reader.read(file)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    except UnreadableError as error:
        raise SourceError(f"{path}: {error}", Cause.UNDECODABLE) from error


class ImageSource:
    """Images as frames, `IMAGE_PERIOD_S` apart."""

    def __init__(self, source_id: str, path: Path) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self._path = path
        self._reader = image_reader()
        self._images: Sequence[Path] = ()
        self._index = -1
        self._notes: dict[str, tuple[str, int]] = {}

    def open(self) -> SourceInfo:
        """List the images and read the size of the first readable one; raises `SourceError` if there is none."""
        prepare_opencv()
        self._images = list_images(self._path)
        height, width = self._first_readable().image.shape[:2]
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
            picture = read_image(self._reader, path)
        except SourceError as error:  # one faulty picture does not prevent reading the others
            raise SourceError(str(error), Cause.UNDECODABLE) from error
        if picture.note is not None:
            first, count = self._notes.get(picture.note, (path.name, 0))
            self._notes[picture.note] = (first, count + 1)
        return Frame(picture.image, self.source_id, self._index, self.media_s, None, self.media_s)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the images read so far: one line for each kind."""
        return tuple(
            f"{first}: {note}" + (f"; {count - 1} more alike" if count > 1 else "")
            for note, (first, count) in self._notes.items()
        )

    def close(self) -> None:
        """Release the list, and end the process that decodes."""
        self._images = ()
        self._reader.close()

    def _first_readable(self) -> Picture:
        failure: SourceError | None = None
        for path in self._images:
            try:
                return read_image(self._reader, path)
            except SourceError as error:
                failure = failure or error
        assert failure is not None
        raise failure


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a path for each file of a large folder takes longer


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"(\d+)", name.lower())]
