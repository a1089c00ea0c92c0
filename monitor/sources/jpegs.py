"""Finds JPEG pictures in a stream of bytes (pure).

Cameras disagree about everything that Motion JPEG over HTTP puts around the pictures: the boundary, its dashes, whether
one comes before the first picture, types and lengths of parts. The pictures themselves state where they end.
"""

import re

#: A picture of more bytes than this is not one of a camera.
MAX_JPEG_BYTES = 32 * 2**20

_START = b"\xff\xd8\xff"

#: The next marker within compressed data (ITU-T T.81, B.1.1.5): stuffed zeros, restarts and fill bytes are skipped.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_PREFIX, _BEGIN, _END, _SCAN = 0xFF, 0xD8, 0xD9, 0xDA

#: The markers of frame headers, which state the height and width (B.2.2).
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})

#: Markers without a length: TEM, and RST0 to RST7.
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})


class TooLargeError(ValueError):
    """A picture has too many bytes, or states too many pixels: `size_px` is its (width, height)."""

    def __init__(self, size_px: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.size_px = size_px


class JpegScanner:
    """Collects bytes, and returns each picture as soon as its last byte has come."""

    def __init__(self, max_pixels: int, max_bytes: int = MAX_JPEG_BYTES) -> None:
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._position = 0  # where the search goes on; 0: no picture has begun
        self._in_scan = False

    def feed(self, data: bytes) -> list[bytes]:
        """Add bytes; return the pictures completed. Raises `TooLargeError`."""
        self._data += data
        pictures = []
        while (picture := self._next()) is not None:
            pictures.append(picture)
        if len(self._data) > self._max_bytes:
            raise TooLargeError
        return pictures

    def _next(self) -> bytes | None:
        while True:
            if self._position == 0:
                start = self._data.find(_START)
                if start < 0:
                    del self._data[: -len(_START) + 1]
                    return None
                del self._data[:start]
                self._position, self._in_scan = 2, False
            end = self._end()
            if end is None:
                return None
            picture = bytes(self._data[: end or 2])
            del self._data[: end or 2]
            self._position = 0
            if end:
                return picture

    def _end(self) -> int | None:
        """Return the end of the picture at the start of the data; None if it has not come yet, 0 if it is damaged."""
        data = self._data
        while True:
            if self._in_scan:
                found = _MARKER.search(data, self._position)
                if found is None:
                    self._position = max(self._position, len(data) - 1)
                    return None
                self._position, self._in_scan = found.start(), False
            if len(data) < self._position + 2:
                return None
            first, marker = data[self._position : self._position + 2]
            if first != _PREFIX or marker == _BEGIN:
                return 0
            if marker == _PREFIX:
                self._position += 1
            elif marker == _END:
                return self._position + 2
            elif marker in _BARE:
                self._position += 2
            elif len(data) < self._position + 4 or (marker in _FRAMES and len(data) < self._position + 9):
                return None
            else:
                if marker in _FRAMES:
                    self._check_size(bytes(data[self._position + 5 : self._position + 9]))
                self._position += 2 + int.from_bytes(data[self._position + 2 : self._position + 4], "big")
                self._in_scan = marker == _SCAN

    def _check_size(self, sides: bytes) -> None:
        height_px, width_px = int.from_bytes(sides[:2], "big"), int.from_bytes(sides[2:], "big")
        if width_px * height_px > self._max_pixels:
            raise TooLargeError((width_px, height_px))


def count_scans(data: bytes, most: int) -> int:
    """Return the number of scans of a JPEG, of which a progressive one has several; no more than `most` + 1."""
    position, scans = 2, 0
    while scans <= most and (found := _MARKER.search(data, position)) is not None:
        position, marker = found.end(), data[found.end() - 1]
        if marker == _END:
            break
        if marker not in _BARE:
            scans += marker == _SCAN
            position += int.from_bytes(data[position : position + 2], "big")
    return scans
