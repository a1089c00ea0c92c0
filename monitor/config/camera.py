"""One camera: its source and what it does differently from the rest."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from monitor.config.base import Section
from monitor.config.capture import CaptureSettings, HealthSettings
from monitor.config.overlay import OverlaySettings
from monitor.config.rules import RulesSettings
from monitor.config.tracking import TrackingSettings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.zone import Zone


def _address(value: object) -> object:
    if isinstance(value, SourceAddress):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("expected a webcam index, a device path, an RTSP or HTTP(S) URL, or a path")  # noqa: TRY004 - pydantic's protocol
    try:
        return SourceAddress(str(value))
    except SourceError as error:
        raise ValueError(str(error)) from error


Share = Annotated[float, Field(ge=0, le=1)]
Corners = Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=64)]
ZoneName = Annotated[str, Field(min_length=1, max_length=64)]

Address = Annotated[SourceAddress, BeforeValidator(_address), PlainSerializer(str, return_type=str)]


class CameraSettings(Section):
    """A camera's own settings; its sections start from the global ones, key by key.

    `detect_fps` is how many looks a second a live camera gets; `auto`: as many as the machine can give to all.
    `required` cameras make the health check fail when they are lost. With `zones`, polygons by name whose corners are
    shares of width and height, only people whose face is in one of them are judged.
    """

    source: Address
    detect_fps: Annotated[float, Field(ge=0.1, le=240)] | Literal["auto"] = 10.0
    required: bool = True
    zones: Annotated[dict[ZoneName, Corners], Field(max_length=32)] = {}
    capture: CaptureSettings = CaptureSettings()
    health: HealthSettings = HealthSettings()
    tracking: TrackingSettings = TrackingSettings()
    rules: RulesSettings = RulesSettings()
    overlay: OverlaySettings = OverlaySettings()

    def decisive(self) -> dict[str, Any]:
        """Return as plain values what decides how the people in a picture are judged."""
        return self.model_dump(mode="json", include={"tracking", "rules", "zones"})

    def polygons(self) -> tuple[Zone, ...]:
        """Return the zones as the judging of a picture needs them."""
        return tuple(Zone(name, corners) for name, corners in self.zones.items())


#: The sections of the root that a camera may override.
OVERRIDABLE = ("capture", "health", "tracking", "rules", "overlay")
