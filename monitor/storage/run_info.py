"""What a journal knows of a start of the program."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What decided the verdicts of a run."""

    kind: str
    started_at: datetime
    version: str
    model: str
    model_sha256: str
    settings_sha256: str
