"""What a TFLite network takes as input, and where that is stated: TFOD2's TFLite exports leave it to the caller."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from monitor.config.base import Section

_Channel = Annotated[float, Field(ge=-1000, le=1000)]
_Divisor = Annotated[float, Field(ge=1e-3, le=1000)]

#: By how much of its range a quantised input may be wider or narrower than the values it is given: calibration takes
#: the range from pictures, and a scale is rounded.
_RANGE_TOLERANCE = 0.1


class Scaling(Section):
    """`(pixel - mean) / std` of each channel, R, G and B, of pixels from 0 to 255."""

    mean: tuple[_Channel, _Channel, _Channel]
    std: tuple[_Divisor, _Divisor, _Divisor]

    def __str__(self) -> str:
        """Return the name, or the figures where there is none."""
        figures = (", ".join(f"{value:g}" for value in channel) for channel in (self.mean, self.std))
        return next((name for name, one in SCALINGS.items() if one == self), "mean {}, std {}".format(*figures))

    def values(self) -> NDArray[np.float32]:
        """Return the real value of every pixel value in each channel, (256, 3)."""
        factor = np.float32(1) / np.array(self.std, np.float32)
        offset = np.array(self.mean, np.float64) / self.std
        return np.arange(256, dtype=np.float32)[:, None] * factor - offset.astype(np.float32)


#: What TFOD2's feature extractors do in `preprocess`, and the other conventions of the field, by the names that
#: `preprocessing` in `model.yaml` takes.
SCALINGS = {
    "minus_one_to_one": Scaling(mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5)),
    "zero_to_one": Scaling(mean=(0, 0, 0), std=(255, 255, 255)),
    "pixels": Scaling(mean=(0, 0, 0), std=(1, 1, 1)),
    "channel_means": Scaling(mean=(123.68, 116.779, 103.939), std=(1, 1, 1)),
    "imagenet": Scaling(
        mean=(255 * 0.485, 255 * 0.456, 255 * 0.406),
        std=(255 * 0.229, 255 * 0.224, 255 * 0.225),
    ),
}


def as_scaling(value: Any) -> Any:
    """Return the scaling with this name, or anything else as it is; raises `ValueError` for an unknown name."""
    if not isinstance(value, str):
        return value
    if value not in SCALINGS:
        raise ValueError(f"{value!r} is not one of {', '.join(SCALINGS)}, nor a mapping with 'mean' and 'std'")
    return SCALINGS[value]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """A scaling, and where it was read from."""

    scaling: Scaling
    origin: str

    def __str__(self) -> str:
        """Return both for people."""
        return f"{self.scaling}, from {self.origin}"


@dataclass(frozen=True, slots=True)
class InputType:
    """The type of a network's input; where it is an integer, its value q means the real value scale * (q - zero).

    `scale` 0 means that an integer input states no quantisation.
    """

    dtype: np.dtype[Any]
    scale: float = 0.0
    zero: int = 0

    def table(self, scaling: Scaling) -> NDArray[Any] | None:
        """Return the input value of every pixel value in each channel, (256, 3); None if the input cannot take it.

        It cannot if the range of an integer input is another than that of the scaled pixels.
        """
        values = scaling.values()
        if self.dtype == np.float32:
            return values
        limits = np.iinfo(self.dtype)
        if self.scale == 0:  # it takes pixels, which only uint8 can hold
            return _pixels(self.dtype) if self.dtype == np.uint8 and scaling == SCALINGS["pixels"] else None
        low, high = (self.scale * (limit - self.zero) for limit in (limits.min, limits.max))
        tolerance = _RANGE_TOLERANCE * (high - low)
        if abs(values.min() - low) > tolerance or abs(values.max() - high) > tolerance:
            return None
        exact = values.astype(np.float64) / self.scale + self.zero
        pixels = _pixels(self.dtype)
        if np.abs(exact - pixels).max() <= 1:  # rounding aside, scaling and quantisation cancel out
            return pixels
        return np.clip(np.floor(exact + 0.5), limits.min, limits.max).astype(self.dtype)

    def own_scaling(self) -> Scaling | None:
        """Return the scaling that an integer input itself implies: that with which it takes pixels as they are."""
        if self.dtype == np.float32:
            return None
        for name in ("pixels", "minus_one_to_one", "zero_to_one"):
            table = self.table(SCALINGS[name])
            if table is not None and (table == _pixels(self.dtype)).all():
                return SCALINGS[name]
        return None


def _pixels(dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return pixel values from 0 to 255 in each channel, (256, 3), as uint8 or shifted to int8."""
    return np.repeat(np.arange(256)[:, None] + np.iinfo(dtype).min, 3, axis=1).astype(dtype)
