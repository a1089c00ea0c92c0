"""Frames with their times, and the description of a source."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

#: H x W x 3, uint8, BGR.
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source.

    `time_s` is the only clock that rules see: monotonic seconds when live, media position when replayed. `captured_at`
    is UTC, or None if the time of the recording is unknown. `media_s` is the source's own clock in seconds from an
    arbitrary start, or None if it has none.
    """

    image: Image
    source_id: str
    index: int
    time_s: float
    captured_at: datetime | None
    media_s: float | None = None

    @property
    def width_px(self) -> int:
        """Width of the picture in pixels."""
        return int(self.image.shape[1])

    @property
    def height_px(self) -> int:
        """Height of the picture in pixels."""
        return int(self.image.shape[0])


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source's own description when it was opened; None for what it does not know."""

    width_px: int
    height_px: int
    fps: float | None
    frame_count: int | None
    codec: str | None
    live: bool
