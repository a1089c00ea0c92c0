"""How faces are tracked as people."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section
from monitor.config.detector import Score


class TrackingSettings(Section):
    """ByteTrack's thresholds (Zhang et al., 2022), with times in seconds so that they hold at any frame rate."""

    start_score: Score = Field(default=0.5, title="Score to start")
    """The score that a face needs to start a track; faces with lower scores can only continue one."""
    match_iou: Score = Field(default=0.1, title="Overlap")
    """The overlap (IoU) with a person's expected position that a face needs to be matched to that person."""
    confirm_hits: Annotated[int, Field(ge=1, le=100)] = Field(default=3, title="Analyses to confirm")
    """How many analyses must detect a face before it counts as a person."""
    lost_after_s: Annotated[float, Field(gt=0, le=60)] = Field(default=1.0, title="Gone after")
    """Seconds without a detection after which a person counts as gone."""
