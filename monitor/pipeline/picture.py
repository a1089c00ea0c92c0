"""Checks of whole pictures, without a detector: frozen and black (pure)."""

import zlib

from monitor.domain.frame import Image
from monitor.domain.picture import is_black, sampled


class PictureCheck:
    """The times since which pictures have been identical to the pixel, or black; None if they are not."""

    def __init__(self) -> None:
        self.same_since_s: float | None = None
        self.black_since_s: float | None = None
        self._last: int | None = None
        self._last_s = 0.0

    def update(self, image: Image, time_s: float) -> None:
        """Add one picture (H x W x 3, uint8, BGR) with its time in seconds."""
        sample = sampled(image)
        number = zlib.crc32(sample.tobytes())
        if number != self._last:
            self.same_since_s = None
        elif self.same_since_s is None:
            self.same_since_s = self._last_s
        if not is_black(sample):
            self.black_since_s = None
        elif self.black_since_s is None:
            self.black_since_s = time_s
        self._last, self._last_s = number, time_s
