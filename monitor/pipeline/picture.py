"""What a look at the whole picture, without a detector, tells about a camera (pure)."""

import zlib

import numpy as np

from monitor.domain.frame import Image

#: Every sixteenth pixel of every sixteenth row: enough to tell, and some 20 microseconds on 720p.
_STEP = 16

#: Below these, of 255, there is nothing to see: a lens cap gives 0 to 5 with sensor noise, a street at night over 20.
_BLACK_MEAN, _BLACK_SPREAD = 10.0, 5.0


class PictureCheck:
    """Since when the pictures have been the same to the pixel, or black; None while they are not."""

    def __init__(self) -> None:
        self.same_since_s: float | None = None
        self.black_since_s: float | None = None
        self._last: int | None = None
        self._last_s = 0.0

    def update(self, image: Image, time_s: float) -> None:
        """Take one BGR picture."""
        sample = np.ascontiguousarray(image[::_STEP, ::_STEP])
        number = zlib.crc32(sample.tobytes())
        if number != self._last:
            self.same_since_s = None
        elif self.same_since_s is None:
            self.same_since_s = self._last_s
        black = float(sample.mean()) < _BLACK_MEAN and float(sample.std()) < _BLACK_SPREAD
        if not black:
            self.black_since_s = None
        elif self.black_since_s is None:
            self.black_since_s = time_s
        self._last, self._last_s = number, time_s
