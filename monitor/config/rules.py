"""When a person counts as compliant, and when a violation becomes an incident."""

from typing import Annotated

from pydantic import Field

from monitor.config.base import Section
from monitor.config.detector import Score

Seconds = Annotated[float, Field(ge=0, le=3600)]
Share = Annotated[float, Field(gt=0.5, lt=1)]


class RulesSettings(Section):
    """Evidence is measured in seconds of a perfect look: one second of score 1 on a large, sharp face is 1.0."""

    min_face_px: Annotated[float, Field(ge=1, le=2000)] = 24
    good_face_px: Annotated[float, Field(ge=1, le=2000)] = 60
    evidence_half_life_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    decide_evidence_s: Annotated[float, Field(gt=0, le=60)] = 0.25
    decide_score: Score = 0.6
    decide_share: Share = 0.6
    switch_share: Share = 0.7
    dwell_s: Seconds = 1.0
    grace_s: Seconds = 0.0
    cooldown_s: Seconds = 10.0
