"""One person's stay in front of one camera."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.detection import MaskState


class Outcome(StrEnum):
    """How a visit ended.

    `COMPLIANT`: wore the mask correctly throughout; `CORRECTED`: did so at the end; `VIOLATION`: no mask at the end;
    `INCORRECT`: worn incorrectly at the end; `UNKNOWN`: never seen clearly enough for a verdict.
    """

    COMPLIANT = "compliant"
    CORRECTED = "corrected"
    VIOLATION = "violation"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"

    @property
    def complied(self) -> bool:
        """True if the person wore the mask correctly at the end."""
        return self in (Outcome.COMPLIANT, Outcome.CORRECTED)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a visit in one state; seconds of the source's clock."""

    state: MaskState
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's track from the first to the last detection.

    `time_to_comply_s` runs from the first violation to the verdict that the mask is worn correctly, for corrected
    visits only. `median_face_px` is the median height of the face.
    """

    source_id: str
    track_id: int
    first_seen_s: float
    last_seen_s: float
    segments: tuple[Segment, ...]
    outcome: Outcome
    time_to_comply_s: float | None
    hits: int
    median_face_px: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.last_seen_s - self.first_seen_s
