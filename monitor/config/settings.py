"""The whole configuration."""

from typing import Annotated

from pydantic import Field, StringConstraints

from monitor.config.base import Section
from monitor.config.camera import CameraSettings
from monitor.config.capture import CaptureSettings, HealthSettings
from monitor.config.clips import ClipsSettings
from monitor.config.detector import DetectorSettings
from monitor.config.journal import JournalSettings, OutputSettings
from monitor.config.kiosk import KioskSettings
from monitor.config.overlay import OverlaySettings
from monitor.config.retention import RetentionSettings
from monitor.config.rules import RulesSettings
from monitor.config.tracking import TrackingSettings
from monitor.config.web import WebSettings
from monitor.config.words import saying
from monitor.domain.errors import ConfigError

#: Letters of any script, digits, spaces, dots, dashes; no slash, since names become folder names.
CameraName = Annotated[
    str,
    StringConstraints(pattern=r"^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$"),
    saying("a name has up to 64 letters, digits, spaces, dots and dashes, and begins with a letter or digit"),
]


class Settings(Section):
    """All settings of `config.yaml`."""

    detector: DetectorSettings = Field(default=DetectorSettings(), title="Detector")
    """Which model analyses the pictures, and on what hardware."""
    capture: CaptureSettings = Field(default=CaptureSettings(), title="Capture")
    """How live cameras are read."""
    health: HealthSettings = Field(default=HealthSettings(), title="Health")
    """When a live picture counts as stale, frozen or black."""
    tracking: TrackingSettings = Field(default=TrackingSettings(), title="Tracking")
    """How faces are tracked as people."""
    rules: RulesSettings = Field(default=RulesSettings(), title="Rules")
    """When a person gets a verdict, and when a violation becomes an incident."""
    overlay: OverlaySettings = Field(default=OverlaySettings(), title="Overlay")
    """What is drawn over the picture."""
    clips: ClipsSettings = Field(default=ClipsSettings(), title="Clips")
    """Whether incidents keep a video."""
    kiosk: KioskSettings = Field(default=KioskSettings(), title="Kiosk")
    """The kiosk window at an entrance."""
    web: WebSettings = Field(default=WebSettings(), title="Web")
    """The pages and the API."""
    journal: JournalSettings = Field(default=JournalSettings(), title="Journal")
    """Where incidents and visits are stored."""
    retention: RetentionSettings = Field(default=RetentionSettings(), title="Retention")
    """How long evidence is kept."""
    output: OutputSettings = Field(default=OutputSettings(), title="Output")
    """Where results are written."""
    cameras: Annotated[dict[CameraName, CameraSettings], Field(max_length=256)] = Field(default={}, title="Cameras")
    """The cameras by name; each starts from the sections above and overrides them key by key."""

    def require_cameras(self, *names: str, where: str) -> None:
        """Raise `ConfigError` if a camera is not configured; `where` is the option or key that names it."""
        for name in names:
            if name not in self.cameras:
                known = ", ".join(self.cameras) or "none"
                raise ConfigError(f"{where}: there is no camera {name!r}; there are: {known}")
