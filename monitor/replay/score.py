"""Compares a replay with a ground truth of boxes, states and identities."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from monitor.config.base import Section
from monitor.config.words import in_words
from monitor.detectors.folder import KNOWN_LABELS
from monitor.domain.detection import MaskState
from monitor.domain.errors import SourceError
from monitor.domain.geometry import Box
from monitor.domain.track import Analysis
from monitor.domain.visit import Outcome, Visit

#: A face counts as visible with this share of its box in the picture and at least this height in pixels.
VISIBLE_SHARE, VISIBLE_PX = 0.7, 30.0
#: A person who is visible for this many seconds must get a verdict.
OWED_S = 2.0
#: Boxes of one face, drawn by two people, overlap by about this much (PASCAL VOC's criterion is 0.5 for objects;
#: faces of 40 px lose 0.1 to a two-pixel disagreement).
SAME_FACE_IOU = 0.4

_OUTCOMES = {
    MaskState.WITH_MASK: (Outcome.COMPLIANT,),
    MaskState.WITHOUT_MASK: (Outcome.VIOLATION,),
    MaskState.INCORRECT: (Outcome.INCORRECT,),
}

Corner = Annotated[float, Field(ge=-1e5, le=1e5)]


def _known(label: str) -> str:
    if label not in KNOWN_LABELS:
        raise ValueError(f"expected one of {', '.join(KNOWN_LABELS)}")
    return label


class TruePerson(Section):
    """One person: unclipped boxes for consecutive frames from `first_frame` on."""

    id: str
    photo: str = ""
    state: Annotated[str, AfterValidator(_known)]
    first_frame: Annotated[int, Field(ge=0)]
    boxes: list[tuple[Corner, Corner, Corner, Corner]]


def _distinct(people: list[TruePerson]) -> list[TruePerson]:
    if len({person.id for person in people}) < len(people):
        raise ValueError("an id is defined twice")
    return people


class Truth(Section):
    """A ground-truth file."""

    video: str
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    fps: Annotated[float, Field(gt=0)]
    frames: Annotated[int, Field(gt=0)]
    people: Annotated[list[TruePerson], Field(min_length=1), AfterValidator(_distinct)]


def read_truth(path: Path) -> Truth:
    """Read a ground-truth JSON; raises `SourceError`."""
    try:
        return Truth.model_validate(json.loads(path.read_text("utf-8")))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {in_words(e)}" for e in error.errors()[:5])
        raise SourceError(f"{path}: not a ground truth: {faults}") from error
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{path}: cannot be read as ground truth: {reason}") from error


@dataclass(slots=True)
class Scorer:
    """Compares each analysis with the truth of its frame; `score` returns the totals."""

    truth: Truth
    _visible: Counter[str] = field(default_factory=Counter)
    _seen: Counter[str] = field(default_factory=Counter)
    _matched: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    _last: dict[str, int] = field(default_factory=dict)
    _switches: int = 0
    _faces: int = 0
    _unmatched_tracks: int = 0

    def add(self, analysis: Analysis) -> None:
        """Match the tracks of one analysed frame with its people.

        Pairs of the previous frame that still overlap are kept, then the best overlaps are paired: otherwise faces that
        hide each other would seem to swap (CLEAR MOT, Bernardin & Stiefelhagen 2008).
        """
        people = self._people(analysis.frame.index)
        pairs = sorted(
            (
                (self._last.get(person) != track.track_id, -track.box.iou(box), person, track.track_id)
                for person, box in people.items()
                for track in analysis.tracks
                if track.box.iou(box) >= SAME_FACE_IOU
            ),
        )
        taken: set[str | int] = set()
        for _, _, person, track_id in pairs:
            if person in taken or track_id in taken:
                continue
            taken |= {person, track_id}
            self._matched[person][track_id] += 1
            self._switches += self._last.get(person, track_id) != track_id
            self._last[person] = track_id
        for person, box in people.items():
            if self._counts(person, analysis.frame.index, box):
                self._visible[person] += 1
                self._seen[person] += person in taken
        self._faces += len(people)
        self._unmatched_tracks += sum(track.track_id not in taken for track in analysis.tracks)

    def score(self, visits: list[Visit], analyses_per_s: float) -> dict[str, Any]:
        """Return the figures, ready for JSON."""
        people = [self._person(person, visits, analyses_per_s) for person in self.truth.people]
        owed = [person for person in people if person["visible_s"] >= OWED_S]
        decided = [self._visit(visit) for visit in visits if visit.outcome is not Outcome.UNKNOWN]
        owners: dict[int, set[str]] = defaultdict(set)
        for name, tracks in self._matched.items():
            for track_id, count in tracks.items():
                if count >= analyses_per_s * 0.2:
                    owners[track_id].add(name)
        return {
            "people": len(people),
            "owed_a_verdict": len(owed),
            "found": sum(person["found"] for person in owed),
            "missed": [person["id"] for person in owed if not person["found"]],
            "visits": len(visits),
            "decided_visits": len(decided),
            "right_visits": sum(correct for correct, _ in decided),
            "right_share": sum(correct for correct, _ in decided) / len(decided) if decided else None,
            "wrong_visits": [words for correct, words in decided if not correct],
            "identity_swaps": sum(len(names) > 1 for names in owners.values()),
            "id_switches": self._switches,
            "tracks_on_nobody_share": self._unmatched_tracks / max(1, self._faces),
            "detail": people,
        }

    def _people(self, index: int) -> dict[str, Box]:
        found = {}
        for person in self.truth.people:
            if 0 <= (place := index - person.first_frame) < len(person.boxes):
                box = Box(*person.boxes[place]).clipped(self.truth.width, self.truth.height)
                if box.area_px2 > 0:
                    found[person.id] = box
        return found

    def _counts(self, name: str, index: int, clipped: Box) -> bool:
        person = next(person for person in self.truth.people if person.id == name)
        whole = Box(*person.boxes[index - person.first_frame])
        return clipped.height_px >= VISIBLE_PX and clipped.area_px2 >= VISIBLE_SHARE * whole.area_px2

    def _person(self, person: TruePerson, visits: list[Visit], analyses_per_s: float) -> dict[str, Any]:
        tracks = self._matched[person.id]
        visible = self._visible[person.id]
        own = tracks.most_common(1)[0][0] if tracks else None
        outcome = next((visit.outcome.value for visit in visits if visit.track_id == own), None)
        return {
            "id": person.id,
            "state": KNOWN_LABELS[person.state].value,
            "visible_s": round(visible / analyses_per_s, 2),
            "seen_share": round(self._seen[person.id] / visible, 3) if visible else None,
            "tracks": dict(tracks),
            "outcome": outcome,
            "found": visible > 0 and self._seen[person.id] >= visible / 2,
        }

    def _visit(self, visit: Visit) -> tuple[bool, str]:
        seen = [(tracks[visit.track_id], name) for name, tracks in self._matched.items() if tracks[visit.track_id]]
        if not seen:
            return False, f"track {visit.track_id} matches no person, outcome {visit.outcome.value}"
        name = max(seen)[1]
        state = KNOWN_LABELS[next(person.state for person in self.truth.people if person.id == name)]
        words = f"track {visit.track_id} is {name} ({state.value}), outcome {visit.outcome.value}"
        return visit.outcome in _OUTCOMES[state], words
