"""People as the rules see them at one moment."""

from dataclasses import dataclass

from monitor.domain.detection import MaskState
from monitor.domain.frame import Frame
from monitor.domain.geometry import Box


@dataclass(frozen=True, slots=True)
class Track:
    """One person in view: where they are and what has been decided about them so far.

    `confidence` is the mean score (0..1) that the decided state had over the looks that count, 0 while unknown.
    `incident_open` says that a violation by this person is open at this moment. `look` is how well this very picture
    shows the decided state (0..1): the score of the detection times its quality, 0 where the detection says otherwise.
    """

    track_id: int
    box: Box
    state: MaskState
    confidence: float
    first_seen_s: float
    last_seen_s: float
    hits: int
    incident_open: bool = False
    look: float = 0.0


@dataclass(frozen=True, slots=True)
class Analysis:
    """The newest judgement of a picture: who is in it, how long inference took, and how old the picture is."""

    frame: Frame
    tracks: tuple[Track, ...]
    inference_s: float
    age_s: float
