"""When a person counts as compliant, and when a violation becomes an incident."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section
from monitor.config.detector import Score

Seconds = Annotated[float, Field(ge=0, le=3600)]
Share = Annotated[float, Field(gt=0.5, lt=1)]


class RulesSettings(Section):
    """Evidence is measured in seconds at full weight: one second of score 1 on a large, sharp face is 1.0."""

    min_face_px: Annotated[float, Field(ge=1, le=2000)] = Field(default=24, title="Least face height")
    """Faces smaller than this height, in pixels, stay unknown."""
    good_face_px: Annotated[float, Field(ge=1, le=2000)] = Field(default=60, title="Good face height")
    """From this height in pixels, a face has full weight."""
    evidence_half_life_s: Annotated[float, Field(gt=0, le=60)] = Field(default=1.0, title="Half-life of evidence")
    """Seconds after which evidence has half its weight."""
    decide_evidence_s: Annotated[float, Field(gt=0, le=60)] = Field(default=0.25, title="Evidence to decide")
    """Seconds of evidence at full weight before the first verdict."""
    decide_score: Score = Field(default=0.6, title="Score to decide")
    """The mean score that a verdict needs; a higher one gives fewer false alarms."""
    decide_share: Share = Field(default=0.6, title="Share to decide")
    """The share of the evidence that the first verdict needs."""
    switch_share: Share = Field(default=0.7, title="Share to change")
    """The share of the evidence that another verdict needs."""
    dwell_s: Seconds = Field(default=1.0, title="Dwell")
    """Seconds that a violation must last to become an incident."""
    grace_s: Seconds = Field(default=0.0, title="Grace")
    """Seconds to put a mask on after entering the view."""
    cooldown_s: Seconds = Field(default=10.0, title="Cooldown")
    """Seconds after a correction in which the same person opens no other incident."""
