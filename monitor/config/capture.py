"""How a camera is read, and when its picture counts as stale, frozen or black."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.config.base import Section
from monitor.config.words import saying

Timeout = Annotated[float, Field(gt=0, le=300)]


Side = Annotated[int, Field(ge=16, le=16384)]
Fourcc = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]{4}$"), saying("expected four letters or digits, such as MJPG or YUYV")
]

Transport = Annotated[Literal["auto", "tcp", "udp", "multicast"], saying("expected auto, tcp, udp or multicast")]

#: The keys that configure a webcam; other sources decide these themselves.
WEBCAM_KEYS = ("width", "height", "fps", "fourcc")


class CaptureSettings(Section):
    """How one camera is read; the driver chooses the webcam settings that are not set."""

    loop: bool = Field(default=False, title="Loop")
    """A file used as a camera plays in a loop."""
    open_timeout_s: Timeout = Field(default=10.0, title="Time to connect")
    """Seconds that a camera may take to connect before it counts as lost."""
    read_timeout_s: Timeout = Field(default=5.0, title="Time without a picture")
    """Seconds without a picture after which a camera counts as lost."""
    reconnect_max_s: Annotated[float, Field(ge=1, le=3600)] = Field(default=30.0, title="Longest wait to reconnect")
    """The longest wait, in seconds, before a lost camera is tried again."""
    stream: Annotated[int, Field(ge=0, le=99)] | None = Field(default=None, title="Video track")
    """The number of the video track, from 0, of a source that has several; else the largest up to 1920 x 1080."""
    transport: Transport = Field(default="auto", title="RTSP transport")
    """How RTSP is sent: tcp, udp, multicast, or auto: TCP, or UDP if the camera refuses it."""
    tls_verify: bool = Field(default=True, title="Verify certificates")
    """The certificate of a camera with an rtsps or https address is verified."""
    tls_ca: Path | None = Field(default=None, title="Certificate authority")
    """A file with the certificates that are trusted, in place of the system's: the camera's own or its authority's."""
    width: Side | None = Field(default=None, title="Width")
    """The width in pixels requested from a webcam, together with the height."""
    height: Side | None = Field(default=None, title="Height")
    """The height in pixels requested from a webcam, together with the width."""
    fps: Annotated[float, Field(gt=0, le=1000)] | None = Field(default=None, title="Frame rate")
    """The frames per second requested from a webcam."""
    fourcc: Fourcc | None = Field(default=None, title="Pixel format")
    """The pixel format requested from a webcam, such as MJPG or YUYV."""

    @model_validator(mode="after")
    def _both_or_none(self) -> "CaptureSettings":
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height belong together: give both or none")
        return self


class HealthSettings(Section):
    """When a picture is stale, frozen or black."""

    stale_after_s: Annotated[float, Field(ge=0.5, le=60)] = Field(default=2.0, title="Stale after")
    """Seconds after which a picture is no longer shown as current."""
    frozen_after_s: Annotated[float, Field(ge=1, le=3600)] = Field(default=10.0, title="Frozen after")
    """Seconds without a change in any pixel after which a camera counts as frozen."""
    black_after_s: Annotated[float, Field(ge=1, le=3600)] = Field(default=5.0, title="Black after")
    """Seconds of black pictures after which a camera counts as covered."""
