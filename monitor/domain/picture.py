"""What the pixels alone tell about a picture (pure)."""

import numpy as np

from monitor.domain.frame import Image

#: Every sixteenth pixel of every sixteenth row: enough to tell, and some 20 microseconds on 720p.
_SAMPLE_STEP = 16

#: Grey levels (0..255) below which there is nothing to see. A lens cap gives 0 to 5 with sensor noise around it, and 16
#: where video range is taken for full range; a street at night is over 20, and has lamps in it.
_BLACK_MEAN, _BLACK_SPREAD = 20.0, 8.0


def sampled(image: Image) -> Image:
    """Return every sixteenth pixel of every sixteenth row, as an array of its own."""
    return np.ascontiguousarray(image[::_SAMPLE_STEP, ::_SAMPLE_STEP])


def is_black(sample: Image) -> bool:
    """Return whether a picture, or a sample of its pixels, is black: dark, and without anything that stands out."""
    return float(sample.mean()) < _BLACK_MEAN and float(sample.std()) < _BLACK_SPREAD
