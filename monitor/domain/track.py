"""Tracked people, and the analysis of a frame."""

from dataclasses import dataclass, field

from monitor.domain.detection import MaskState
from monitor.domain.frame import Frame
from monitor.domain.freshness import Freshness
from monitor.domain.geometry import Box


@dataclass(frozen=True, slots=True)
class Track:
    """One person in view: position and verdict so far; times in seconds of the source's clock.

    `confidence` is the mean score (0..1) that the decided state had over the observations that count, 0 while unknown.
    `incident_open`: an incident of this person is open. `clarity` is how clearly this frame shows the decided state
    (0..1): the score of the detection times its quality, 0 if its state is another. `too_near`: the face is cut off by
    the edge of the picture, or fills most of it.
    """

    track_id: int
    box: Box
    state: MaskState
    confidence: float
    first_seen_s: float
    last_seen_s: float
    hits: int
    incident_open: bool = False
    clarity: float = 0.0
    too_near: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysed frame: the people in view, the seconds that inference took, the frame's age, and its freshness.

    `faces` are the boxes of all faces detected in it, also of those outside every zone.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    inference_s: float
    age_s: float
    freshness: Freshness = field(default_factory=Freshness)
    faces: tuple[Box, ...] = ()

    def is_stale(self, age_s: float) -> bool:
        """Return whether the frame is too old to be shown as current when it has this age in seconds."""
        return self.freshness.is_stale(age_s)
