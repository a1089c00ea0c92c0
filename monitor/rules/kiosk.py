"""The verdict that the kiosk shows, and its person (pure; time is an argument)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from monitor.domain.detection import MaskState
from monitor.domain.health import CameraStatus, Condition
from monitor.domain.track import Track

#: A verdict stays for this many seconds so that it can be read, unless the next one is urgent.
HOLD_S = 1.0

#: The verdict changes to another face only if it is this much higher: with two people side by side it does not flicker.
_NEARER = 1.15


class Verdict(StrEnum):
    """The verdicts for visitors."""

    GO = "go"
    PUT_ON = "put_on"
    COVER = "cover"
    WAIT = "wait"
    STEP_BACK = "step_back"
    IDLE = "idle"
    STARTING = "starting"
    OUT_OF_ORDER = "out_of_order"

    @property
    def violating(self) -> bool:
        """True if the visitor must put on or adjust a mask."""
        return self in (Verdict.PUT_ON, Verdict.COVER)

    @property
    def grey(self) -> bool:
        """True if there is no current analysis."""
        return self in (Verdict.STARTING, Verdict.OUT_OF_ORDER)


_OF_STATE = {
    MaskState.WITH_MASK: Verdict.GO,
    MaskState.WITHOUT_MASK: Verdict.PUT_ON,
    MaskState.INCORRECT: Verdict.COVER,
    MaskState.UNKNOWN: Verdict.WAIT,
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict shown, the face it is about (None: nobody in view), and its times in seconds of the monotonic clock.

    `person` is the track that the verdict is about, kept while the verdict is held; `since_s` is when the verdict was
    first shown, `confirmed_s` when an analysis last confirmed it.
    """

    verdict: Verdict
    face: Track | None
    person: int | None
    since_s: float
    confirmed_s: float


def rule(status: CameraStatus | None, now_s: float, before: Ruling | None = None) -> Ruling:
    """Return the verdict at `now_s` (the monitor's monotonic clock), given the one before it.

    The nearest face decides. `GO` is shown only while the camera's condition is current, the analysis is fresh, and
    that face wears a mask, or left an otherwise empty view less than `HOLD_S` ago.
    """
    if status is None or status.analysis is None or not status.is_fresh(now_s):
        return _grey(status, now_s, before)
    analysis = status.analysis
    face = nearest(analysis.tracks, None if before is None else before.person)
    seen = Ruling(
        verdict=Verdict.IDLE if face is None else _verdict_of(face),
        face=face,
        person=None if face is None else face.track_id,
        since_s=now_s,
        confirmed_s=now_s,
    )
    if before is None:
        return seen
    if seen.verdict is before.verdict:
        return replace(seen, since_s=before.since_s)
    if _held(before, seen, now_s):
        return replace(before, face=face)
    return seen


def _verdict_of(face: Track) -> Verdict:
    if face.too_near and not face.state.decided:
        return Verdict.STEP_BACK
    return _OF_STATE[face.state]


def nearest(tracks: Sequence[Track], ruling: int | None) -> Track | None:
    """Return the highest face in pixels, or that of the track `ruling` unless another is clearly higher."""
    if not tracks:
        return None
    highest = max(tracks, key=lambda track: (track.box.height_px, track.box.area_px2, -track.track_id))
    for track in tracks:
        if track.track_id == ruling and highest.box.height_px <= _NEARER * track.box.height_px:
            return track
    return highest


def _grey(status: CameraStatus | None, now_s: float, before: Ruling | None) -> Ruling:
    new = before is None or before.verdict is Verdict.STARTING
    starting = new if status is None else status.health.condition is Condition.STARTING
    verdict = Verdict.STARTING if starting else Verdict.OUT_OF_ORDER
    since_s = before.since_s if before is not None and before.verdict is verdict else now_s
    return Ruling(verdict, None, None, since_s, now_s)


def _held(before: Ruling, seen: Ruling, now_s: float) -> bool:
    """Return whether the old verdict stays: after its person has left, or until it could be read.

    A violation replaces everything at once except another violation of the same person, and a verdict is never held
    while somebody else is in view.
    """
    if seen.face is None:
        decided = before.verdict is Verdict.GO or before.verdict.violating
        return decided and 0 <= now_s - before.confirmed_s < HOLD_S
    same = seen.person == before.person
    return before.verdict.violating and same and 0 <= now_s - before.since_s < HOLD_S
