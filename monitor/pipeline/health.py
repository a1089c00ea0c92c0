"""Derives the health of a camera from the facts about it (pure)."""

from dataclasses import dataclass

from monitor.config.capture import HealthSettings
from monitor.domain.cause import Cause
from monitor.domain.freshness import Freshness
from monitor.domain.health import Condition, Health

#: A camera with less than this share of its requested rate for this long is degraded; a short dip is not reported.
ENOUGH = 0.9
_SHORT_S = 5.0

#: A frame this late on arrival is not analysed, since newer ones wait behind it.
LATE_S = 0.5

#: Seconds that the first picture may take (it needs a keyframe), and the first verdict (it needs a detector).
_FIRST_S = 15.0

#: Seconds that the first connection may take; streams have their own time-out.
_OPENS_S = 30.0

#: Seconds for which a change of the picture size is reported.
_SIZE_CHANGE_SHOWN_S = 30.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the program itself that prevents analyses or recording."""

    cause: Cause
    detail: str


@dataclass(slots=True)
class Facts:
    """The facts about a camera, collected by several threads; times in seconds of the monotonic clock, None for never.

    The intervals are the usual times between two frames, and between two analyses, None while unknown.
    """

    started_s: float
    connected: bool = False
    cause: Cause | None = None
    detail: str = ""
    frame_s: float | None = None
    verdict_s: float | None = None
    lag_s: float = 0.0
    same_since_s: float | None = None
    black_since_s: float | None = None
    size_changed_s: float | None = None
    size_change: str = ""
    wanted_fps: float | None = None
    given_fps: float | None = None
    short_since_s: float | None = None
    corrupt_since_s: float | None = None
    fault: Fault | None = None
    frame_interval_s: float | None = None
    analysis_interval_s: float | None = None


def frozen_s(facts: Facts, now_s: float) -> float:
    """Return for how many seconds the picture has not changed; 0 for a black one, which has its own cause."""
    return 0.0 if facts.same_since_s is None or facts.black_since_s is not None else now_s - facts.same_since_s


def assess(facts: Facts, now_s: float, settings: HealthSettings, fault: Fault | None, before: Health) -> Health:
    """Return the health of a camera at this moment: the worst condition that applies.

    `since_s` is kept while condition and cause stay the same.
    """
    condition, cause, detail = _assess(facts, now_s, settings, fault)
    same = condition is before.condition and cause is before.cause
    return Health(condition, before.since_s if same else now_s, cause, detail)


def _assess(
    facts: Facts, now_s: float, settings: HealthSettings, fault: Fault | None
) -> tuple[Condition, Cause | None, str]:
    fault = fault or facts.fault
    if fault is not None:
        return Condition.FAULT, fault.cause, fault.detail
    if not facts.connected:
        if facts.cause is None:
            waited_s = now_s - facts.started_s
            if waited_s > _OPENS_S:  # a driver that hangs; the program's time-outs cannot end it
                return (
                    Condition.LOST,
                    Cause.TIMED_OUT,
                    f"connecting for {waited_s:.0f} s; the driver may hang: unplug the camera and plug it in again",
                )
            return Condition.STARTING, None, "connecting"
        return Condition.LOST, facts.cause, facts.detail
    return _connected(facts, now_s, settings)


def _connected(facts: Facts, now_s: float, settings: HealthSettings) -> tuple[Condition, Cause | None, str]:
    if stale := _stale(facts, now_s, settings):
        return stale
    if facts.verdict_s is None:
        return Condition.STARTING, None, "connected; waiting for the first verdict"
    if degraded := _degraded(facts, now_s, settings):
        return Condition.DEGRADED, *degraded
    return Condition.LIVE, None, ""


def _stale(facts: Facts, now_s: float, settings: HealthSettings) -> tuple[Condition, Cause, str] | None:
    fresh_frame = Freshness.of(settings.stale_after_s, facts.frame_interval_s)
    fresh_analysis = Freshness.of(settings.stale_after_s, facts.analysis_interval_s)
    frame_age_s = now_s - (facts.started_s if facts.frame_s is None else facts.frame_s)
    if frame_age_s > _FIRST_S if facts.frame_s is None else fresh_frame.is_stale(frame_age_s):
        return Condition.STALE, Cause.TIMED_OUT, f"no picture for {frame_age_s:.0f} s"
    if (
        same_s := frozen_s(facts, now_s)
    ) > settings.frozen_after_s:  # a frozen picture is not analysed, so this check comes before the verdict's age
        return Condition.STALE, Cause.FROZEN, f"the picture has not changed for {same_s:.0f} s"
    age_s = now_s - (facts.started_s if facts.verdict_s is None else facts.verdict_s)
    if age_s > _FIRST_S if facts.verdict_s is None else fresh_analysis.is_stale(age_s):
        return Condition.STALE, *_why_no_verdict(facts, now_s, frame_age_s, age_s, fresh_frame.limit_s)
    return None


def _why_no_verdict(facts: Facts, now_s: float, frame_age_s: float, age_s: float, limit_s: float) -> tuple[Cause, str]:
    if facts.corrupt_since_s is not None and now_s - facts.corrupt_since_s > limit_s:
        return Cause.UNDECODABLE, "pictures arrive damaged; check the network for lost packets"
    if facts.lag_s > LATE_S:
        return Cause.LAGGING, f"pictures arrive {facts.lag_s:.1f} s late"
    if _waits_for_frames(facts):
        return Cause.TIMED_OUT, f"no picture for {frame_age_s:.0f} s"
    return Cause.OVERLOAD, f"no picture has been analysed for {age_s:.0f} s"


def _waits_for_frames(facts: Facts) -> bool:
    """Return whether hardly any frame has arrived since the one that was analysed last."""
    if facts.frame_s is None or facts.verdict_s is None:
        return False
    return facts.frame_s - facts.verdict_s <= max(2 * (facts.analysis_interval_s or 0.0), LATE_S)


def _degraded(facts: Facts, now_s: float, settings: HealthSettings) -> tuple[Cause, str] | None:
    if facts.black_since_s is not None and now_s - facts.black_since_s > settings.black_after_s:
        return Cause.BLACK, "the picture is black; check the lens and the light"
    if facts.short_since_s is not None and now_s - facts.short_since_s > _SHORT_S:
        return Cause.OVERLOAD, (
            f"{facts.given_fps or 0:.1f} of {facts.wanted_fps or 0:g} analyses per second: the machine is at its limit"
        )
    if facts.size_changed_s is not None and now_s - facts.size_changed_s < _SIZE_CHANGE_SHOWN_S:
        return Cause.SIZE_CHANGED, facts.size_change
    return None
