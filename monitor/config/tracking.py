"""How faces become people."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section
from monitor.config.detector import Score


class TrackingSettings(Section):
    """ByteTrack's thresholds (Zhang et al., 2022), with times in seconds so that they hold at any frame rate."""

    start_score: Score = 0.5
    match_iou: Score = 0.1
    confirm_hits: Annotated[int, Field(ge=1, le=100)] = 3
    lost_after_s: Annotated[float, Field(gt=0, le=60)] = 1.0
