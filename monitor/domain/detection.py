"""Detections of faces, and the states of masks."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.calibration import BUILT_IN, Calibration, Likelihood
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
    """One face: its box in pixels of the frame, the most likely state and that state's score (0..1).

    `scores` are those of all `DECIDED_STATES`, 0 where the detector gave none; empty if it gives that of `state` only.
    `calibration` is what the detector's scores mean.
    """

    box: Box
    state: MaskState
    score: float
    scores: tuple[float, float, float] | tuple[()] = ()
    calibration: Calibration = BUILT_IN

    @property
    def all_scores(self) -> tuple[float, float, float]:
        """The scores of `DECIDED_STATES`, 0 where the detector gave none."""
        if self.scores:
            return self.scores
        with_mask, without_mask, incorrect = (self.score if known is self.state else 0.0 for known in DECIDED_STATES)
        return with_mask, without_mask, incorrect

    def likelihood(self, sharpness: float) -> Likelihood:
        """Return what the detection says, given the sharpness of the face."""
        return self.calibration.likelihood(self.all_scores, self.box.height_px, sharpness)


@dataclass(frozen=True, slots=True)
class Observation:
    """A detection that a tracker has assigned to a person; `certain` is False while it may be somebody else."""

    track_id: int
    detection: Detection
    certain: bool = True
