"""The description of a run in the journal."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The kind, start, model and settings of a run."""

    kind: str
    started_at: datetime
    version: str
    model: str
    model_sha256: str
    settings_sha256: str
