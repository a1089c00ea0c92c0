"""The picture that shows a violation best."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monitor.domain.detection import MaskState
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.track import Track
from monitor.outputs.snapshot import incident_picture


@dataclass(frozen=True, slots=True)
class _Look:
    state: MaskState
    value: float
    picture: Image


class BestSnapshots:
    """The surest, sharpest picture of everybody who is judged to violate, from then until their incident opens."""

    def __init__(self) -> None:
        self._looks: dict[int, _Look] = {}

    def update(self, image: Image, tracks: Iterable[Track], faces: Sequence[Box]) -> None:
        """Take the people in a picture (BGR) and all faces found in it; who has left or complies is forgotten."""
        kept: dict[int, _Look] = {}
        for track in tracks:
            if not track.state.violating:
                continue
            known = self._looks.get(track.track_id)
            better = known is not None and track.look > known.value and not track.incident_open
            if known is None or known.state is not track.state or better:
                others = [face for face in faces if face != track.box]
                known = _Look(track.state, track.look, incident_picture(image, track.box, others))
            kept[track.track_id] = known
        self._looks = kept

    def picture(self, track_id: int) -> Image | None:
        """Return a person's picture (BGR, others' faces hidden), None where they do not violate."""
        look = self._looks.get(track_id)
        return None if look is None else look.picture
