"""How long evidence is kept."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from monitor.config.base import Section

Days = Annotated[int, Field(ge=1, le=3650)]
Megabytes = Annotated[float, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=50)]


class FileRetention(Section):
    """How long files of one kind are kept, by the review of their incident, and how much of the disk they may take."""

    unreviewed_days: Days = Field(default=14, title="Days, unreviewed")
    """Days for incidents without a decision."""
    confirmed_days: Days = Field(default=14, title="Days, confirmed")
    """Days for incidents that were confirmed."""
    false_alarm_days: Days = Field(default=14, title="Days, false alarms")
    """Days for false alarms."""
    max_mb: Megabytes | None = Field(default=None, title="Megabytes in all")
    """Above this size, the files of the oldest incidents are deleted: first of false alarms, then of confirmed ones."""
    max_mb_per_camera: Megabytes | None = Field(default=None, title="Megabytes of a camera")
    """The same for the files of each camera."""


class RetentionSettings(Section):
    """How long evidence is kept; an incident that somebody keeps is never deleted before its end."""

    pictures: FileRetention = Field(default=FileRetention(), title="Pictures and videos")
    """The pictures and videos of incidents."""
    visits_days: Days = Field(default=90, title="Days, visits")
    """Days until visits are kept as counts only."""
    incidents_days: Days = Field(default=90, title="Days, incidents")
    """Days until incidents, with their reviews and files, are kept as counts only."""
    audit_days: Days = Field(default=365, title="Days, audit log")
    """Days that lines of the audit log are kept."""
    low_disk_percent: Percent = Field(default=10, title="Low disk")
    """Below this free share, pictures and videos of false alarms and old incidents go, then no new videos are made."""
    very_low_disk_percent: Percent = Field(default=5, title="Very low disk")
    """Below this free share, new incidents get no picture either."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.very_low_disk_percent > self.low_disk_percent:
            raise ValueError("very_low_disk_percent: must not exceed low_disk_percent")
        return self
