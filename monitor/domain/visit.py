"""One person's stay in front of one camera."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.detection import MaskState


class Outcome(StrEnum):
    """How a visit ended.

    `COMPLIANT`: wore the mask correctly all along; `CORRECTED`: did so in the end; `VIOLATION`: no mask in the end;
    `INCORRECT`: worn wrong in the end; `UNKNOWN`: never seen well enough to tell.
    """

    COMPLIANT = "compliant"
    CORRECTED = "corrected"
    VIOLATION = "violation"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"

    @property
    def complied(self) -> bool:
        """True where the person wore the mask correctly in the end."""
        return self in (Outcome.COMPLIANT, Outcome.CORRECTED)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a visit in one state; seconds of the source's clock."""

    state: MaskState
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's track from first to last sight.

    `time_to_comply_s` runs from the first decided violation to the moment the mask was judged right, for corrected
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
