"""The kiosk window at an entrance."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from monitor.config.base import Section


class KioskSettings(Section):
    """What the window shows, and in which language."""

    camera: str | None = Field(default=None, title="Camera")
    """The camera that the kiosk shows; without one, the first."""
    language: Annotated[str, Field(min_length=2, max_length=16)] = Field(default="en", title="Language")
    """The language of the kiosk, such as en or de."""
    texts: Path | None = Field(default=None, title="Texts")
    """A file of further languages, or of other texts for the built-in ones."""
    mirror: bool = Field(default=True, title="Mirror")
    """The picture is mirrored."""
    fullscreen: bool = Field(default=True, title="Full screen")
    """The window fills the screen."""
    sound: bool = Field(default=False, title="Sound")
    """A tone is played when the verdict changes."""
