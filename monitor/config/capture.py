"""How a camera is read, and when what it shows is no longer believed."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section

Timeout = Annotated[float, Field(gt=0, le=300)]


class CaptureSettings(Section):
    """Time limits of one camera; `loop` plays a file as a camera, over and over."""

    loop: bool = False
    open_timeout_s: Timeout = 10.0
    read_timeout_s: Timeout = 5.0
    reconnect_max_s: Annotated[float, Field(ge=1, le=3600)] = 30.0


class HealthSettings(Section):
    """After how many seconds a picture is stale, frozen (the same to the pixel) or black."""

    stale_after_s: Annotated[float, Field(ge=0.5, le=60)] = 2.0
    frozen_after_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
    black_after_s: Annotated[float, Field(ge=1, le=3600)] = 5.0
