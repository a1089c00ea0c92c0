"""Scores the verdicts on the people of clips, by their true state (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any

from monitor.domain.detection import MaskState
from monitor.domain.track import Track
from monitor.replay.clip_truth import ClipPerson, ClipTruth, TrueState

#: A track is a person's where it overlaps their box by this IoU.
MATCH_IOU = 0.3

#: Faces lower than this many px are not scored.
LEAST_FACE_PX = 24.0

#: Who is seen for a shorter time than this, in seconds and at `LEAST_FACE_PX`, is not counted.
LEAST_SEEN_S = 1.5

#: Two times that differ by less are the same.
_TICK_S = 1e-6


class Result(StrEnum):
    """How a verdict compares with the truth; `MISSED` stands for no track, `UNKNOWN` for a track without a verdict."""

    RIGHT = "right"
    OTHER_VIOLATION = "other_violation"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    MISSED = "missed"


def result_of(truth: TrueState, verdict: MaskState | None) -> Result:
    """Return how a verdict compares with the truth; None stands for no track. Any verdict on nobody is wrong."""
    if verdict is None:
        return Result.MISSED
    if not verdict.decided:
        return Result.UNKNOWN
    if verdict.value == truth.value:
        return Result.RIGHT
    return Result.OTHER_VIOLATION if truth.violating and verdict.violating else Result.WRONG


@dataclass(frozen=True, slots=True)
class _Moment:
    """A person in one analysed frame."""

    time_s: float
    span: int
    height_px: float
    result: Result


@dataclass(frozen=True, slots=True)
class Case:
    """What one person got while in one state: `first_right` is (seconds, face height in px) for each span, or None."""

    clip: str
    name: str
    state: TrueState
    seen_s: float
    results: tuple[Result, ...]
    at_end: Result
    first_right: tuple[tuple[float, float] | None, ...]
    face_px: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        times = [None if one is None else round(one[0], 3) for one in self.first_right]
        return {
            "clip": self.clip,
            "name": self.name,
            "state": self.state.value,
            "face_px": round(self.face_px, 1),
            "seen_s": round(self.seen_s, 2),
            "result": self.at_end.value,
            "time_to_right_s": times,
            **_shares(self.results),
        }


@dataclass(slots=True)
class ClipScorer:
    """Compares the tracks of each analysed frame of a clip with its people."""

    truth: ClipTruth
    _moments: list[list[_Moment]] = field(init=False)
    _times_s: list[float] = field(default_factory=list)
    _unmatched: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Start with nothing seen of anybody."""
        self._moments = [[] for _ in self.truth.people]

    def add(self, frame: int, time_s: float, tracks: Sequence[Track]) -> None:
        """Add one analysed frame: its index in the clip, its time, and the tracks of the people in view."""
        self._times_s.append(time_s)
        boxes = {at: box for at, person in enumerate(self.truth.people) if (box := person.box_at(frame)) is not None}
        pairs = sorted(
            (-track.box.iou(box), at, number)
            for at, box in boxes.items()
            for number, track in enumerate(tracks)
            if track.box.iou(box) >= MATCH_IOU
        )
        owner: dict[int, int] = {}
        for _, at, number in pairs:
            if at not in owner and number not in owner.values():
                owner[at] = number
        for at, box in boxes.items():
            person = self.truth.people[at]
            span = person.span_at(frame)
            if span is not None and box.height_px >= LEAST_FACE_PX:
                verdict = tracks[owner[at]].state if at in owner else None
                result = result_of(person.spans[span][2], verdict)
                self._moments[at].append(_Moment(time_s, span, box.height_px, result))
        if boxes:
            overlapping = {number for _, _, number in pairs}
            self._unmatched |= {
                track.track_id
                for number, track in enumerate(tracks)
                if track.state.decided and number not in overlapping
            }

    @property
    def unmatched(self) -> int:
        """How many tracks with a verdict overlapped nobody in the truth, in a frame of which somebody is annotated."""
        return len(self._unmatched)

    def cases(self, clip: str) -> list[Case]:
        """Return a case for each state of each person who was seen for `LEAST_SEEN_S`, and for each nobody seen.

        `clip` is the name that they get.
        """
        times_s = self._times_s
        interval_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1) if len(times_s) > 1 else 0.0
        return [
            case
            for person, moments in zip(self.truth.people, self._moments, strict=True)
            for case in _cases(clip, person, moments, interval_s)
        ]


def _cases(clip: str, person: ClipPerson, moments: list[_Moment], interval_s: float) -> Iterable[Case]:
    for state in TrueState:
        own = [one for one in moments if person.spans[one.span][2] is state]
        if not own or (state is not TrueState.NOBODY and len(moments) * interval_s < LEAST_SEEN_S - _TICK_S):
            continue
        spans = [[one for one in own if one.span == span] for span in sorted({one.span for one in own})]
        yield Case(
            clip=clip,
            name=person.name,
            state=state,
            seen_s=len(own) * interval_s,
            results=tuple(one.result for one in own),
            at_end=_worst_verdict(own) if state is TrueState.NOBODY else _at_end(spans),
            first_right=tuple(_first_right(span) for span in spans),
            face_px=median(one.height_px for one in own),
        )


def _worst_verdict(moments: list[_Moment]) -> Result:
    found = {one.result for one in moments}
    return next(result for result in (Result.WRONG, Result.UNKNOWN, Result.MISSED) if result in found)


def _at_end(spans: list[list[_Moment]]) -> Result:
    """Return the result at the end of the spans: wrong after one of them if it was after any, else right if after any.

    A span ends with the last frame in which the person was tracked: a face that is missed in the very last frame has
    kept its verdict.
    """
    ends = {
        next((one.result for one in reversed(span) if one.result is not Result.MISSED), Result.MISSED) for span in spans
    }
    order = (Result.WRONG, Result.RIGHT, Result.OTHER_VIOLATION, Result.UNKNOWN, Result.MISSED)
    return next(result for result in order if result in ends)


def _first_right(span: list[_Moment]) -> tuple[float, float] | None:
    for number, one in enumerate(span):
        if one.result is Result.RIGHT:
            return one.time_s - span[0].time_s, median(seen.height_px for seen in span[: number + 1])
    return None


def _shares(results: Sequence[Result]) -> dict[str, float | None]:
    return {one.value: round(results.count(one) / len(results), 4) if results else None for one in Result}


def figures(cases: Sequence[Case], unmatched: int) -> dict[str, Any]:
    """Return the figures of all clips, ready for JSON; shares of time and medians are None where there is nothing."""
    return {
        "states": {state.value: _state_figures([one for one in cases if one.state is state]) for state in TrueState},
        "verdicts_off_truth": unmatched,
        "cases": [case.as_json() for case in cases],
    }


def _state_figures(cases: list[Case]) -> dict[str, Any]:
    ends = [case.at_end for case in cases]
    nobody = (Result.UNKNOWN, Result.MISSED) if cases and cases[0].state is TrueState.NOBODY else ()
    times = [one for case in cases for one in case.first_right if one is not None]
    return {
        "people": len(cases),
        "people_right": sum(end is Result.RIGHT or end in nobody for end in ends),
        "people_other_violation": ends.count(Result.OTHER_VIOLATION),
        "people_wrong": ends.count(Result.WRONG),
        **_shares([result for case in cases for result in case.results]),
        "median_time_to_right_s": round(median(time_s for time_s, _ in times), 3) if times else None,
        "median_face_px": round(median(height for _, height in times), 1) if times else None,
    }
