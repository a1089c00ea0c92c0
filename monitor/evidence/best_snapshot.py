"""The clearest image of a violation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.domain.detection import MaskState
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.track import Track
from monitor.evidence.snapshot import incident_picture


@dataclass(frozen=True, slots=True)
class _Candidate:
    state: MaskState
    value: float
    picture: Image


class BestSnapshots:
    """The clearest image of each person in violation, from the first violating state until the incident opens."""

    def __init__(self) -> None:
        self._candidates: dict[int, _Candidate] = {}

    def update(self, image: Image, tracks: Iterable[Track], faces: Sequence[Box]) -> None:
        """Add a frame (H x W x 3, uint8, BGR) with its people and all its faces, boxes in pixels of the frame.

        People who are not among `tracks`, or comply, are removed.
        """
        kept: dict[int, _Candidate] = {}
        for track in tracks:
            if not track.state.violating:
                continue
            known = self._candidates.get(track.track_id)
            better = known is not None and track.clarity > known.value and not track.incident_open
            if known is None or known.state is not track.state or better:
                others = [face for face in faces if face != track.box]
                known = _Candidate(track.state, track.clarity, incident_picture(image, track.box, others))
            kept[track.track_id] = known
        self._candidates = kept

    def picture(self, track_id: int) -> Image | None:
        """Return a person's picture (240 px high, uint8, BGR, others' faces hidden), None if not in violation."""
        candidate = self._candidates.get(track_id)
        return None if candidate is None else candidate.picture
