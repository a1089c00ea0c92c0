"""How a camera is read, and when what it shows is no longer believed."""

from typing import Annotated

from pydantic import Field, model_validator

from monitor.config.base import Section
from monitor.config.words import saying

Timeout = Annotated[float, Field(gt=0, le=300)]


Side = Annotated[int, Field(ge=16, le=16384)]
Fourcc = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]{4}$"), saying("expected four letters or digits, such as MJPG or YUYV")
]

#: The keys that set a webcam up; other sources decide these for themselves.
WEBCAM_KEYS = ("width", "height", "fps", "fourcc")


class CaptureSettings(Section):
    """Time limits of one camera; `loop` plays a file as a camera, over and over.

    `width` and `height` in pixels (both or none), `fps` and the pixel format `fourcc` are what a webcam is asked for;
    what is left out is the driver's choice.
    """

    loop: bool = False
    open_timeout_s: Timeout = 10.0
    read_timeout_s: Timeout = 5.0
    reconnect_max_s: Annotated[float, Field(ge=1, le=3600)] = 30.0
    width: Side | None = None
    height: Side | None = None
    fps: Annotated[float, Field(gt=0, le=1000)] | None = None
    fourcc: Fourcc | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> "CaptureSettings":
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height belong together: give both or none")
        return self


class HealthSettings(Section):
    """After how many seconds a picture is stale, frozen (the same to the pixel) or black."""

    stale_after_s: Annotated[float, Field(ge=0.5, le=60)] = 2.0
    frozen_after_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
    black_after_s: Annotated[float, Field(ge=1, le=3600)] = 5.0
