"""How a picture lies in a model's input: stretched to fill it, or in its own shape with padding around it (pure)."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.detectors.preprocessing import Scaling


class Resize(StrEnum):
    """How pictures are brought to the size of a model's input."""

    #: Both sides to the input's, as TFOD2's `fixed_shape_resizer` does; the shape of faces changes.
    STRETCH = "stretch"
    #: As large as fits, in the middle of the input; the rest is padding.
    FIT = "fit"
    #: As large as fits, at the top left, as TFOD2's `keep_aspect_ratio_resizer` with `pad_to_max_dimension` does.
    FIT_TOP_LEFT = "fit_top_left"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a picture of `picture_px` lies in an input of `input_px`, both (height, width) in pixels.

    It covers `height_px` rows from `top_px` on and `width_px` columns from `left_px` on.
    """

    picture_px: tuple[int, int]
    input_px: tuple[int, int]
    top_px: int
    left_px: int
    height_px: int
    width_px: int

    def to_picture(self, boxes: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return boxes as fractions of the picture, (N, 4), and whether each lies in the picture, (N,).

        `boxes` (N, 4) are `[ymin, xmin, ymax, xmax]` as fractions of the input. A box with its centre in the padding
        does not lie in the picture. Coordinates are not clipped.
        """
        height, width = self.input_px
        offset = np.array([self.top_px / height, self.left_px / width] * 2, np.float32)
        share = np.array([self.height_px / height, self.width_px / width] * 2, np.float32)
        moved = ((boxes - offset) / share).astype(np.float32)
        centre = (moved[:, :2] + moved[:, 2:]) / 2
        beside = ((centre < 0) | (centre > 1)) & (share[:2] < 1)
        return moved, ~np.logical_or(beside[:, 0], beside[:, 1])


@dataclass(frozen=True, slots=True)
class Resizing:
    """How pictures are brought to an input's size, and the RGB colour of the padding, 0 to 255."""

    resize: Resize = Resize.STRETCH
    padding: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A model's input: its size in pixels, and how pictures are brought to it."""

    height_px: int
    width_px: int
    resizing: Resizing = Resizing()

    def place(self, height_px: int, width_px: int) -> Placement:
        """Return where a picture of this size lies in the input."""
        rows, columns = self.height_px, self.width_px
        top = left = 0
        if self.resizing.resize is not Resize.STRETCH:
            scale = min(rows / height_px, columns / width_px)
            rows = min(rows, max(1, round(height_px * scale)))
            columns = min(columns, max(1, round(width_px * scale)))
        if self.resizing.resize is Resize.FIT:
            top, left = (self.height_px - rows) // 2, (self.width_px - columns) // 2
        return Placement((height_px, width_px), (self.height_px, self.width_px), top, left, rows, columns)


def neutral_colour(scaling: Scaling | None) -> tuple[int, int, int]:
    """Return the RGB pixel that a network with this scaling takes as nearly 0; a middle grey if it is unknown."""
    if scaling is None:
        return 128, 128, 128
    red, green, blue = (min(255, max(0, int(mean + 0.5))) for mean in scaling.mean)
    return red, green, blue
