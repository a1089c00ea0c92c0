"""Reviews of incidents."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReviewDecision(StrEnum):
    """`CONFIRMED`: it was a violation; `FALSE_ALARM`: it was not; `WITHDRAWN`: all earlier decisions are undone."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    WITHDRAWN = "withdrawn"


class FalseAlarmReason(StrEnum):
    """What the model mistook for a violation, as training data for the next model."""

    BEARD = "beard"
    HAND = "hand"
    SCARF = "scarf"
    MASK_WORN_CORRECTLY = "mask_worn_correctly"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Review:
    """One review of an incident: `decision` None is an acknowledgement."""

    by: str
    at: datetime
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None
    note: str
