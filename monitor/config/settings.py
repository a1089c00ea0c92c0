"""The whole configuration."""

from typing import Annotated

from pydantic import Field, StringConstraints

from monitor.config.base import Section
from monitor.config.camera import CameraSettings
from monitor.config.capture import CaptureSettings, HealthSettings
from monitor.config.detector import DetectorSettings
from monitor.config.journal import JournalSettings, OutputSettings
from monitor.config.kiosk import KioskSettings
from monitor.config.overlay import OverlaySettings
from monitor.config.rules import RulesSettings
from monitor.config.tracking import TrackingSettings
from monitor.config.web import WebSettings
from monitor.config.words import saying

#: Letters of any script, digits, spaces, dots, dashes; no slash, since names become folder names.
CameraName = Annotated[
    str,
    StringConstraints(pattern=r"^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$"),
    saying("a name has up to 64 letters, digits, spaces, dots and dashes, and begins with a letter or digit"),
]


class Settings(Section):
    """Everything that `config.yaml` may say."""

    detector: DetectorSettings = DetectorSettings()
    capture: CaptureSettings = CaptureSettings()
    health: HealthSettings = HealthSettings()
    tracking: TrackingSettings = TrackingSettings()
    rules: RulesSettings = RulesSettings()
    overlay: OverlaySettings = OverlaySettings()
    kiosk: KioskSettings = KioskSettings()
    web: WebSettings = WebSettings()
    journal: JournalSettings = JournalSettings()
    output: OutputSettings = OutputSettings()
    cameras: Annotated[dict[CameraName, CameraSettings], Field(max_length=256)] = {}
