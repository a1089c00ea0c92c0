"""What a look at the whole picture, without a detector, tells about a camera (pure)."""

import zlib

from monitor.domain.frame import Image
from monitor.domain.picture import is_black, sampled


class PictureCheck:
    """Since when the pictures have been the same to the pixel, or black; None while they are not."""

    def __init__(self) -> None:
        self.same_since_s: float | None = None
        self.black_since_s: float | None = None
        self._last: int | None = None
        self._last_s = 0.0

    def update(self, image: Image, time_s: float) -> None:
        """Take one BGR picture."""
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
