"""Health as a table: what is known of a camera, and what is said of it."""

from dataclasses import replace

import pytest

from monitor.config.capture import HealthSettings
from monitor.domain.cause import Cause
from monitor.domain.health import Condition, Health
from monitor.pipeline.health import Facts, Fault, assess

NOW_S = 1000.0
SETTINGS = HealthSettings()
BEFORE = Health(Condition.STARTING, 900.0)
WELL = Facts(started_s=900.0, connected=True, frame_s=NOW_S - 0.04, verdict_s=NOW_S - 0.1, wanted_fps=10.0)
DISK = Fault(Cause.JOURNAL, "cannot record: the disk is full")
MODEL = Fault(Cause.DETECTOR, "the detector failed")


def case(name: str, facts: Facts, condition: Condition, cause: Cause | None = None, *words: str) -> object:
    return pytest.param(facts, condition, cause, words, id=name)


NEW = Facts(started_s=NOW_S - 1)
OUT = replace(WELL, connected=False)
CASES = [
    case("not yet connected", NEW, Condition.STARTING, None, "connecting"),
    case("a driver that hangs", Facts(NOW_S - 40), Condition.LOST, Cause.TIMED_OUT, "connecting for 40 s"),
    case("never connected", replace(NEW, cause=Cause.REFUSED, detail="nobody answers"), Condition.LOST, Cause.REFUSED),
    *(
        case(f"lost: {cause.value}", replace(OUT, cause=cause, detail="why"), Condition.LOST, cause, "why")
        for cause in (
            Cause.REFUSED,
            Cause.UNREACHABLE,
            Cause.WRONG_PASSWORD,
            Cause.NOT_FOUND,
            Cause.TIMED_OUT,
            Cause.UNDECODABLE,
            Cause.UNPLUGGED,
            Cause.ENDED,
            Cause.UNEXPECTED,
        )
    ),
    case("connected, no frame yet", replace(NEW, connected=True), Condition.STARTING),
    case(
        "connected, frames but no verdict yet",
        replace(NEW, connected=True, frame_s=NOW_S),
        Condition.STARTING,
        None,
        "first verdict",
    ),
    case(
        "connected, and no frame for very long",
        replace(NEW, connected=True, started_s=NOW_S - 20),
        Condition.STALE,
        Cause.TIMED_OUT,
        "no picture",
    ),
    case(
        "frames, and no verdict for very long",
        replace(NEW, connected=True, started_s=NOW_S - 20, frame_s=NOW_S),
        Condition.STALE,
        Cause.OVERLOAD,
        "analysed",
    ),
    case("well", WELL, Condition.LIVE),
    case("a frame that is nearly too old", replace(WELL, frame_s=NOW_S - 2, verdict_s=NOW_S - 2), Condition.LIVE),
    case(
        "no frame for too long",
        replace(WELL, frame_s=NOW_S - 2.1, verdict_s=NOW_S - 2.1),
        Condition.STALE,
        Cause.TIMED_OUT,
        "no picture for 2 s",
    ),
    case("frames, but no verdict for too long", replace(WELL, verdict_s=NOW_S - 2.1), Condition.STALE, Cause.OVERLOAD),
    case(
        "frames that have just stopped are no overload",
        replace(WELL, frame_s=NOW_S - 1.9, verdict_s=NOW_S - 2.1),
        Condition.STALE,
        Cause.TIMED_OUT,
        "no picture for 2 s",
    ),
    case(
        "frames that come late after a stall are no overload",
        replace(WELL, verdict_s=NOW_S - 3.1, lag_s=0.9),
        Condition.STALE,
        Cause.LAGGING,
        "0.9 s late",
    ),
    case(
        "pictures that come late",
        replace(WELL, verdict_s=NOW_S - 2.1, lag_s=4.0),
        Condition.STALE,
        Cause.LAGGING,
        "4.0 s late",
    ),
    case("the same picture for a while", replace(WELL, same_since_s=NOW_S - 10), Condition.LIVE),
    case(
        "the same picture for too long",
        replace(WELL, same_since_s=NOW_S - 12),
        Condition.STALE,
        Cause.FROZEN,
        "12 s",
    ),
    case("black for a moment", replace(WELL, black_since_s=NOW_S - 4), Condition.LIVE),
    case("black", replace(WELL, black_since_s=NOW_S - 6), Condition.DEGRADED, Cause.BLACK, "lens"),
    case("a hiccup", replace(WELL, given_fps=5.0, short_since_s=NOW_S - 4), Condition.LIVE),
    case(
        "fewer looks than asked for",
        replace(WELL, given_fps=5.0, short_since_s=NOW_S - 6),
        Condition.DEGRADED,
        Cause.OVERLOAD,
        "5.0 of 10",
    ),
    case(
        "another size",
        replace(WELL, size_changed_s=NOW_S - 1, size_change="the picture is 640 x 480 now"),
        Condition.DEGRADED,
        Cause.SIZE_CHANGED,
        "640 x 480",
    ),
    case("another size, long ago", replace(WELL, size_changed_s=NOW_S - 60), Condition.LIVE),
]


@pytest.mark.parametrize(("facts", "condition", "cause", "words"), CASES)
def test_facts_and_their_health(
    facts: Facts, condition: Condition, cause: Cause | None, words: tuple[str, ...]
) -> None:
    health = assess(facts, NOW_S, SETTINGS, None, BEFORE)
    assert (health.condition, health.cause) == (condition, cause)
    for word in words:
        assert word in health.detail
    assert (health.detail != "") or condition is Condition.LIVE, "what is wrong is said in words"


@pytest.mark.parametrize(("facts", "condition", "cause", "words"), CASES)
@pytest.mark.parametrize("fault", [DISK, MODEL], ids=["journal", "detector"])
def test_a_fault_of_the_program_rules_over_all(
    fault: Fault, facts: Facts, condition: Condition, cause: Cause | None, words: tuple[str, ...]
) -> None:
    health = assess(facts, NOW_S, SETTINGS, fault, BEFORE)
    assert (health.condition, health.cause, health.detail) == (Condition.FAULT, fault.cause, fault.detail)


@pytest.mark.parametrize("frame_age_s", [0.0, 1.9, 2.1, 60.0])
@pytest.mark.parametrize("verdict_age_s", [0.0, 1.9, 2.1, 60.0])
@pytest.mark.parametrize("same_s", [None, 11.0])
@pytest.mark.parametrize("black_s", [None, 6.0])
@pytest.mark.parametrize("connected", [True, False])
def test_only_what_is_fresh_and_moving_is_ever_current(
    connected: bool, black_s: float | None, same_s: float | None, verdict_age_s: float, frame_age_s: float
) -> None:
    facts = replace(
        WELL,
        connected=connected,
        cause=None if connected else Cause.TIMED_OUT,
        frame_s=NOW_S - frame_age_s,
        verdict_s=NOW_S - verdict_age_s,
        same_since_s=None if same_s is None else NOW_S - same_s,
        black_since_s=None if black_s is None else NOW_S - black_s,
    )
    fresh = connected and frame_age_s < 2 and verdict_age_s < 2
    health = assess(facts, NOW_S, SETTINGS, None, BEFORE)
    if not fresh or (same_s is not None and black_s is None):
        assert not health.condition.current
    if fresh and same_s is None:
        assert health.condition.current


def test_a_black_picture_is_told_as_black_even_where_it_stands_still() -> None:
    facts = replace(WELL, black_since_s=NOW_S - 60, same_since_s=NOW_S - 60)
    assert assess(facts, NOW_S, SETTINGS, None, BEFORE).cause is Cause.BLACK


def test_a_camera_that_is_looked_at_rarely_is_not_stale_between_two_looks() -> None:
    facts = replace(WELL, analysis_interval_s=10.0, verdict_s=NOW_S - 9.9)
    assert assess(facts, NOW_S, SETTINGS, None, BEFORE).condition is Condition.LIVE
    facts = replace(WELL, analysis_interval_s=10.0, verdict_s=NOW_S - 30)
    assert assess(facts, NOW_S, SETTINGS, None, BEFORE).condition is Condition.STALE


def test_since_when_is_kept_while_nothing_changes() -> None:
    first = assess(WELL, 1000.0, SETTINGS, None, BEFORE)
    assert first.since_s == 1000.0
    again = assess(replace(WELL, frame_s=1001.0, verdict_s=1001.0), 1001.0, SETTINGS, None, first)
    assert again.since_s == 1000.0
    lost = assess(replace(OUT, cause=Cause.REFUSED), 1002.0, SETTINGS, None, again)
    assert lost.since_s == 1002.0
    other = assess(replace(OUT, cause=Cause.TIMED_OUT), 1003.0, SETTINGS, None, lost)
    assert other.since_s == 1003.0, "another cause is news"


def test_the_limits_are_the_settings() -> None:
    strict = HealthSettings(stale_after_s=0.5, frozen_after_s=1, black_after_s=1)
    for facts, cause in (
        (replace(WELL, frame_s=NOW_S - 0.6, verdict_s=NOW_S - 0.6), Cause.TIMED_OUT),
        (replace(WELL, same_since_s=NOW_S - 1.1), Cause.FROZEN),
        (replace(WELL, black_since_s=NOW_S - 1.1), Cause.BLACK),
    ):
        assert assess(facts, NOW_S, strict, None, BEFORE).cause is cause
        assert assess(facts, NOW_S, SETTINGS, None, BEFORE).cause is None
