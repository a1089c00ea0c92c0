import itertools
import random

import pytest

from monitor.domain.detection import MaskState
from monitor.domain.freshness import DEFAULT_STALE_AFTER_S as STALE_AFTER_S
from monitor.domain.health import CameraStatus, Condition, Health
from monitor.rules.kiosk import HOLD_S, Ruling, Verdict, rule
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT, track
from tests.unit.outputs.kiosk.makers import NOW_S, face, status

OF_STATE = {WITH: Verdict.GO, WITHOUT: Verdict.PUT_ON, INCORRECT: Verdict.COVER, UNKNOWN: Verdict.WAIT}


def after(seconds, *tracks, **more):
    """What a camera tells so many seconds later."""
    return status(*tracks, now_s=NOW_S + seconds, **more)


def history(*steps):
    """The verdicts of a row of (seconds, tracks)."""
    ruling, verdicts = None, []
    for seconds, tracks in steps:
        ruling = rule(after(seconds, *tracks), NOW_S + seconds, ruling)
        verdicts.append(ruling.verdict)
    return verdicts


# --- at one moment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", MaskState)
def test_the_state_of_the_face_is_the_verdict(state):
    ruling = rule(status(track(state, face(40))), NOW_S)
    assert ruling.verdict is OF_STATE[state]
    assert ruling.face.state is state


def test_nobody_in_view_is_idle():
    assert rule(status(), NOW_S).verdict is Verdict.IDLE


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearest_face_rules(order):
    people = [track(WITH, face(20), 1), track(WITHOUT, face(50), 2), track(WITH, face(30), 3)][::order]
    ruling = rule(status(*people), NOW_S)
    assert (ruling.verdict, ruling.face.track_id) == (Verdict.PUT_ON, 2)


@pytest.mark.parametrize("condition", Condition)
def test_only_a_current_condition_is_judged(condition):
    ruling = rule(status(track(WITH), condition=condition), NOW_S)
    if condition.current:
        assert ruling.verdict is Verdict.GO
    else:
        assert ruling.verdict is (Verdict.STARTING if condition is Condition.STARTING else Verdict.OUT_OF_ORDER)
        assert ruling.verdict.grey
        assert ruling.face is None


@pytest.mark.parametrize(
    ("age_s", "current"),
    [(0.0, True), (STALE_AFTER_S, True), (STALE_AFTER_S + 0.01, False), (1e9, False), (-0.1, True), (-3.0, False)],
)
def test_the_window_sees_for_itself_that_a_picture_is_old(age_s, current):
    # The thread that keeps the health may be the one that has died: its word alone is not taken.
    verdict = rule(status(track(WITH), condition=Condition.LIVE, age_s=age_s), NOW_S).verdict
    assert verdict is (Verdict.GO if current else Verdict.OUT_OF_ORDER)


def test_without_a_picture_a_live_camera_is_out_of_order():
    bare = CameraStatus("Entrance", Health(Condition.LIVE, 0.0))
    assert rule(bare, NOW_S).verdict is Verdict.OUT_OF_ORDER


def test_no_status_is_a_start_and_later_a_failure():
    first = rule(None, NOW_S)
    assert first.verdict is Verdict.STARTING
    again = rule(None, NOW_S + 1, first)
    assert (again.verdict, again.since_s) == (Verdict.STARTING, NOW_S)
    assert rule(None, NOW_S + 2, rule(after(1), NOW_S + 1)).verdict is Verdict.OUT_OF_ORDER


# --- over time ------------------------------------------------------------------------------------------------------


def test_two_faces_of_nearly_the_same_height_do_not_flicker():
    steps = []
    for number in range(20):
        sway = 2 if number % 2 else -2
        steps.append((number / 10, [track(WITH, face(40 + sway), 1), track(WITHOUT, face(40 - sway, 60.0), 2)]))
    assert len(set(history(*steps))) == 1


def test_a_clearly_nearer_face_takes_over_at_once():
    steps = [(0.0, [track(WITH, face(40), 1)]), (0.1, [track(WITH, face(40), 1), track(WITHOUT, face(47), 2)])]
    assert history(*steps) == [Verdict.GO, Verdict.PUT_ON]


@pytest.mark.parametrize("state", [WITH, WITHOUT, INCORRECT])
def test_a_verdict_stays_readable_after_its_person_has_left(state):
    verdicts = history((0, [track(state)]), (HOLD_S - 0.1, []), (HOLD_S + 0.1, []))
    assert verdicts == [OF_STATE[state], OF_STATE[state], Verdict.IDLE]


def test_waiting_is_not_held():
    assert history((0, [track(UNKNOWN)]), (0.1, [])) == [Verdict.WAIT, Verdict.IDLE]


@pytest.mark.parametrize(("before", "state"), list(itertools.product([WITH, UNKNOWN], [WITHOUT, INCORRECT])))
def test_a_violation_shows_at_once(before, state):
    assert history((0, [track(before)]), (0.05, [track(state)]))[-1] is OF_STATE[state]


def test_a_go_is_not_held_for_somebody_whose_state_is_unknown():
    assert history((0, [track(WITH)]), (0.1, [track(UNKNOWN)]))[-1] is Verdict.WAIT
    assert history((0, [track(WITH)]), (0.1, [track(UNKNOWN, track_id=2)]))[-1] is Verdict.WAIT


def test_a_violation_that_is_put_right_stays_readable_first():
    steps = [(0, [track(WITHOUT)]), (0.3, [track(WITH)]), (HOLD_S - 0.1, [track(WITH)]), (HOLD_S, [track(WITH)])]
    assert history(*steps) == [Verdict.PUT_ON, Verdict.PUT_ON, Verdict.PUT_ON, Verdict.GO]


def test_somebody_else_does_not_wait_for_the_verdict_of_another():
    assert history((0, [track(WITHOUT, track_id=1)]), (0.1, [track(WITH, track_id=2)]))[-1] is Verdict.GO


def test_a_stale_picture_is_grey_at_once_whatever_is_held():
    before = rule(status(track(WITH)), NOW_S)
    stale = after(0.2, track(WITH), condition=Condition.STALE)
    assert rule(stale, NOW_S + 0.2, before).verdict is Verdict.OUT_OF_ORDER
    assert rule(status(track(WITH)), NOW_S + 5, before).verdict is Verdict.OUT_OF_ORDER


def test_what_was_shown_before_a_failure_is_not_held_after_it():
    ruling = rule(status(track(WITH)), NOW_S)
    ruling = rule(after(0.1, condition=Condition.LOST), NOW_S + 0.1, ruling)
    assert rule(after(0.2), NOW_S + 0.2, ruling).verdict is Verdict.IDLE


def test_a_clock_that_jumps_back_ends_what_is_held():
    before = rule(status(track(WITH)), NOW_S)
    assert rule(after(-50), NOW_S - 50, before).verdict is Verdict.IDLE


# --- properties -----------------------------------------------------------------------------------------------------


def _random_step(draw: random.Random, now_s: float) -> CameraStatus | None:
    if draw.random() < 0.03:
        return None
    people = [
        track(draw.choice(list(MaskState)), face(draw.uniform(10, 60)), number)
        for number in draw.sample(range(4), draw.choice([0, 0, 1, 1, 2, 3]))
    ]
    condition = draw.choice([Condition.LIVE] * 6 + list(Condition))
    age_s = draw.choice([0.0, 0.1, 0.5, 1.9, 2.1, 60.0])
    return status(*people, condition=condition, age_s=age_s, now_s=now_s)


@pytest.mark.parametrize("seed", range(200))
def test_never_go_unless_it_is_true_now(seed):
    draw = random.Random(seed)
    now_s, ruling, last_masked_s = NOW_S, None, -1e9
    for _ in range(60):
        now_s += draw.choice([0.03, 0.1, 0.4, 1.5])
        seen = _random_step(draw, now_s)
        ruling = rule(seen, now_s, ruling)
        _check(ruling, seen, now_s, last_masked_s)
        if ruling.face is not None and ruling.face.state is WITH and ruling.verdict is Verdict.GO:
            last_masked_s = now_s


def _check(ruling: Ruling, seen: CameraStatus | None, now_s: float, last_masked_s: float) -> None:
    current = seen is not None and seen.health.condition.current and now_s - seen.analysis.frame.time_s <= STALE_AFTER_S
    assert ruling.verdict.grey is not current
    if not current:
        return
    people = seen.analysis.tracks
    assert (ruling.face is None) == (not people)
    if ruling.verdict is Verdict.GO:
        assert ruling.face.state is WITH if people else now_s - last_masked_s < HOLD_S
    if people:
        highest = max(person.box.height_px for person in people)
        assert ruling.face.box.height_px * 1.1501 >= highest
        if ruling.face.state.violating:
            assert ruling.verdict.violating
