"""What people say of an incident."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReviewDecision(StrEnum):
    """`CONFIRMED`: it was a violation; `FALSE_ALARM`: it was none; `WITHDRAWN`: all before it is undone."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    WITHDRAWN = "withdrawn"


class FalseAlarmReason(StrEnum):
    """What a false alarm was, so that the next model can learn from it."""

    BEARD = "beard"
    HAND = "hand"
    SCARF = "scarf"
    MASK_WORN_CORRECTLY = "mask_worn_correctly"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Review:
    """One review of an incident: `decision` None is an acknowledgement, "I have seen it"."""

    by: str
    at: datetime
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None
    note: str
