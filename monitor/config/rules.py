"""When a person counts as compliant, and when a violation becomes an incident."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section

Seconds = Annotated[float, Field(ge=0, le=3600)]


class RulesSettings(Section):
    """When a person gets a verdict, and when a violation becomes an incident."""

    min_face_px: Annotated[float, Field(ge=1, le=2000)] = Field(default=20, title="Least face height")
    """Faces smaller than this height, in pixels, stay unknown."""
    false_alarm_rate: Annotated[float, Field(ge=0.0001, le=0.2)] = Field(default=0.01, title="False alarms")
    """The share of verdicts that may be wrong; a lower one takes longer, and leaves more people unknown."""
    dwell_s: Seconds = Field(default=1.0, title="Dwell")
    """Seconds that a violation must last to become an incident."""
    grace_s: Seconds = Field(default=0.0, title="Grace")
    """Seconds to put a mask on after entering the view."""
    cooldown_s: Seconds = Field(default=10.0, title="Cooldown")
    """Seconds after a correction in which the same person opens no other incident."""
