"""Video clips of incidents."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section

ClipSeconds = Annotated[float, Field(ge=0, le=60)]


class ClipsSettings(Section):
    """Whether an incident keeps a video; off by default, since the file shows everybody who was in view."""

    enabled: bool = Field(default=False, title="Clips")
    """Incidents keep a video, of which only admins see the original and others a copy that blurs all but the person concerned."""  # noqa: E501
    pre_s: ClipSeconds = Field(default=5.0, title="Seconds before")
    """Seconds that a clip shows before the violation began."""
    post_s: ClipSeconds = Field(default=5.0, title="Seconds after")
    """Seconds that a clip shows after the incident ended."""
