"""Detections of faces, and the states of masks."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.geometry import Box


class MaskState(StrEnum):
    """How a person wears a mask."""

    WITH_MASK = "with_mask"
    WITHOUT_MASK = "without_mask"
    INCORRECT = "incorrect"
    UNKNOWN = "unknown"

    @property
    def decided(self) -> bool:
        """True for every state but `UNKNOWN`."""
        return self is not MaskState.UNKNOWN

    @property
    def violating(self) -> bool:
        """True if the mask is missing or worn incorrectly."""
        return self in (MaskState.WITHOUT_MASK, MaskState.INCORRECT)


#: The states that a detector distinguishes, in the order in which they are listed everywhere.
DECIDED_STATES = (MaskState.WITH_MASK, MaskState.WITHOUT_MASK, MaskState.INCORRECT)


@dataclass(frozen=True, slots=True)
class Detection:
    """One face: its box in pixels of the frame, the most likely state and that state's score (0..1)."""

    box: Box
    state: MaskState
    score: float


@dataclass(frozen=True, slots=True)
class Observation:
    """A detection that a tracker has assigned to a person; `certain` is False while it may be somebody else."""

    track_id: int
    detection: Detection
    certain: bool = True
