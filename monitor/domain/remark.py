"""What people say of an incident."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Opinion(StrEnum):
    """`RIGHT`: it was a violation; `FALSE_ALARM`: it was none."""

    RIGHT = "right"
    FALSE_ALARM = "false_alarm"


class Mistaken(StrEnum):
    """What a false alarm was, so that the next model can learn from it."""

    BEARD = "beard"
    HAND = "hand"
    SCARF = "scarf"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing somebody said of an incident: `opinion` None is an acknowledgement, "I have seen it"."""

    by: str
    at: datetime
    opinion: Opinion | None
    mistaken: Mistaken | None
    note: str
