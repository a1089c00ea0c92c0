"""One camera: its source, and where it differs from the global settings."""

from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, ValidationInfo, field_validator

from monitor.config.base import Section
from monitor.config.capture import WEBCAM_KEYS, CaptureSettings, HealthSettings
from monitor.config.clips import ClipsSettings
from monitor.config.overlay import OverlaySettings
from monitor.config.rules import RulesSettings
from monitor.config.tracking import TrackingSettings
from monitor.config.words import saying
from monitor.domain.address import SourceAddress, SourceKind, login_fault
from monitor.domain.errors import SourceError
from monitor.domain.zone import Corner, Zone

_CORNERS = "expected a list of corners [x, y], in fractions of width and height (0 to 1)"
_TEXT = "expected text; put it in quotes"
_ADDRESS = "expected a webcam index, a device path, an RTSP or HTTP(S) URL, or a path"


def _address(value: object) -> object:
    if isinstance(value, SourceAddress):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(_ADDRESS)  # noqa: TRY004 - pydantic's protocol
    try:
        return SourceAddress(str(value))
    except SourceError as error:  # its message contains the address, which may come from the environment
        raise ValueError(login_fault(str(value)) or _ADDRESS) from error


def _as_fractions(corners: object) -> object:
    """Return valid corners unchanged; raises `ValueError` for corners in pixels or of another shape."""
    for corner in corners if isinstance(corners, list | tuple) else [None]:
        if not isinstance(corner, list | tuple) or len(corner) != 2:
            raise ValueError(_CORNERS)
        for number in corner:
            try:
                fraction = float(number)
            except (TypeError, ValueError) as error:
                raise ValueError(_CORNERS) from error
            if not 0 <= fraction <= 1:
                found = "" if isinstance(number, str) else f", not {number}"  # text may come from the environment
                remedy = "; divide by the picture's size" if fraction > 1 else ""
                raise ValueError(f"corners are fractions of width and height (0 to 1){found}{remedy}")
    return corners


def _with_area(corners: tuple[Corner, ...]) -> tuple[Corner, ...]:
    """Return corners that enclose an area; raises `ValueError` if all lie on one line."""
    for (x1, y1), (x2, y2), (x3, y3) in combinations(corners, 3):
        if abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)) > 1e-6:
            return corners
    raise ValueError("all corners lie on one line, so the zone has no area")


Share = Annotated[float, Field(ge=0, le=1)]
Corners = Annotated[
    tuple[tuple[Share, Share], ...],
    Field(min_length=3, max_length=64),
    AfterValidator(_with_area),
    BeforeValidator(_as_fractions),
]
ZoneName = Annotated[str, Field(min_length=1, max_length=64)]

Address = Annotated[SourceAddress, BeforeValidator(_address), PlainSerializer(str, return_type=str)]


class CameraSettings(Section):
    """A camera's own settings; its sections start from the global ones, key by key."""

    user: Annotated[str, Field(min_length=1, max_length=200), saying(_TEXT)] | None = Field(
        default=None, exclude=True, title="User"
    )
    """The user name that the camera asks for; any characters."""
    password: Annotated[SecretStr, saying(_TEXT)] | None = Field(default=None, exclude=True, title="Password")
    """The password that the camera asks for; any characters, better from an environment variable."""
    source: Address = Field(title="Source")
    """A webcam's number or device, an RTSP or HTTP(S) URL, or the path of a file."""
    detect_fps: Annotated[float, Field(ge=0.1, le=240)] | Literal["auto"] = Field(
        default=10.0, title="Analyses per second"
    )
    """How many pictures per second are analysed, or auto: as many as the machine can analyse for every camera."""
    required: bool = Field(default=True, title="Required")
    """The health check fails while this camera is lost."""
    zones: Annotated[dict[ZoneName, Corners], Field(max_length=32)] = Field(default={}, title="Zones")
    """Polygons by name, in fractions of width and height; people outside all of them are not analysed."""
    capture: CaptureSettings = Field(default=CaptureSettings(), title="Capture")
    """How this camera is read."""
    health: HealthSettings = Field(default=HealthSettings(), title="Health")
    """When this camera's picture counts as stale, frozen or black."""
    tracking: TrackingSettings = Field(default=TrackingSettings(), title="Tracking")
    """How the faces of this camera are tracked."""
    rules: RulesSettings = Field(default=RulesSettings(), title="Rules")
    """When a person at this camera gets a verdict, and when a violation becomes an incident."""
    overlay: OverlaySettings = Field(default=OverlaySettings(), title="Overlay")
    """What is drawn over this camera's picture."""
    clips: ClipsSettings = Field(default=ClipsSettings(), title="Clips")
    """Whether incidents of this camera keep a video."""

    @field_validator("source")
    @classmethod
    def _log_in(cls, source: SourceAddress, info: ValidationInfo) -> SourceAddress:
        user, password = info.data.get("user"), info.data.get("password")
        if user is None and password is None:
            return source
        if source.kind is not SourceKind.STREAM:
            raise ValueError("user and password: only for an RTSP or HTTP(S) URL")
        if user is None:
            raise ValueError("password: needs user as well")
        if source.has_login:
            raise ValueError("the address contains a user already; remove it there, or the keys user and password")
        return source.with_login(user, None if password is None else password.get_secret_value())

    @field_validator("capture")
    @classmethod
    def _refuse_webcam_keys(cls, capture: CaptureSettings, info: ValidationInfo) -> CaptureSettings:
        source = info.data.get("source")
        set_keys = [key for key in WEBCAM_KEYS if getattr(capture, key) is not None]
        if set_keys and isinstance(source, SourceAddress) and source.kind is not SourceKind.WEBCAM:
            raise ValueError(f"{', '.join(set_keys)}: only for a webcam; configure a network camera on its own pages")
        return capture

    def provenance(self) -> dict[str, Any]:
        """Return as plain values the settings that decide verdicts: tracking, rules and zones."""
        return self.model_dump(mode="json", include={"tracking", "rules", "zones"})

    def polygons(self) -> tuple[Zone, ...]:
        """Return the zones; their corners are fractions (0..1) of the picture's width and height."""
        return tuple(Zone(name, corners) for name, corners in self.zones.items())


#: The sections of the root that a camera may override.
OVERRIDABLE = ("capture", "health", "tracking", "rules", "overlay", "clips")
