import math

import numpy as np
import pytest

from monitor.config.rules import RulesSettings
from monitor.domain.calibration import Likelihood
from monitor.rules.evidence import HALF_LIFE_S, HOLD_S, MAX_OBSERVED_S, Evidence
from tests.fakes import DECIDED, INCORRECT, UNKNOWN, WITH, WITHOUT

RULES = RulesSettings(false_alarm_rate=0.01)

#: What a clear analysis of each state says.
CLEAR = {WITH: Likelihood(3, -3, 0), WITHOUT: Likelihood(3, 3, 3), INCORRECT: Likelihood(3, 3, -3)}


def looks(evidence, said, from_s, until_s, per_s, score=0.8):
    """Add the same detection so often a second; `said` is a state, a likelihood, or None for a miss."""
    count = round((until_s - from_s) * per_s)
    return [(time_s, look(evidence, said, time_s, score)) for time_s in (from_s + n / per_s for n in range(count))]


def look(evidence, said, time_s, score=0.8):
    if said is None:
        return evidence.miss(time_s)
    if isinstance(said, Likelihood):
        return evidence.add(WITHOUT if said.violation > 0 else WITH, score, said, time_s)
    return evidence.add(said, score, CLEAR.get(said), time_s)


def first(told, state):
    return next((time_s for time_s, now in told if now is state), None)


def test_nothing_is_known_at_first():
    evidence = Evidence(RULES)
    assert evidence.state is UNKNOWN
    assert evidence.total_s == 0
    assert evidence.confidence(WITH) == 0
    assert evidence.probability(UNKNOWN) == 0


@pytest.mark.parametrize("state", DECIDED)
def test_one_analysis_decides_nothing_however_clear(state):
    strongest = Likelihood(4, math.copysign(4, CLEAR[state].violation), CLEAR[state].missing)
    assert Evidence(RULES).add(state, 1.0, strongest, 100.0) is UNKNOWN


@pytest.mark.parametrize("state", DECIDED)
def test_clear_analyses_decide_within_half_a_second(state):
    told = looks(Evidence(RULES), state, 0, 2, per_s=10)
    assert first(told, state) <= 0.5
    assert told[-1][1] is state


@pytest.mark.parametrize("state", DECIDED)
def test_a_verdict_and_a_change_take_about_the_same_time_at_5_and_25_analyses_a_second(state):
    other = WITHOUT if state is WITH else WITH
    decided, changed = {}, {}
    for per_s in (5, 25):
        evidence = Evidence(RULES)
        decided[per_s] = first(looks(evidence, state, 0, 3, per_s), state)
        changed[per_s] = first(looks(evidence, other, 3, 9, per_s), other)
    assert decided[5] == pytest.approx(decided[25], abs=0.21)
    assert changed[5] == pytest.approx(changed[25], abs=0.21)


def test_violations_that_flip_between_two_kinds_are_decided_as_a_violation():
    # Single analyses waver between no mask and a mask worn incorrectly; that it is a violation is never in doubt.
    evidence = Evidence(RULES)
    said = [Likelihood(1.5, 2, 0.8), Likelihood(1.5, 2, -0.5)]
    told = [evidence.add((WITHOUT, INCORRECT)[n % 2], 0.45, said[n % 2], n / 10) for n in range(30)]
    assert told[-1] is WITHOUT
    assert INCORRECT not in told
    assert told.count(WITHOUT) > 15


def test_the_other_violation_needs_clear_evidence():
    evidence = Evidence(RULES)
    looks(evidence, WITHOUT, 0, 2, 10)
    told = looks(evidence, Likelihood(2, 3, -0.2), 2, 8, 10)
    assert {state for _, state in told} == {WITHOUT}
    assert first(looks(evidence, INCORRECT, 8, 10, 10), INCORRECT) is not None


def test_a_face_that_is_doubtful_is_never_decided():
    told = looks(Evidence(RULES), Likelihood(0.2, 4, 4), 0, 30, 10)
    assert first(told, WITHOUT) is None


def test_evidence_that_disagrees_is_never_decided():
    evidence = Evidence(RULES)
    told = [look(evidence, (WITH, WITHOUT)[n % 2], n / 10) for n in range(100)]
    assert set(told) == {UNKNOWN}


def test_what_is_missed_as_often_as_seen_is_nobody():
    evidence = Evidence(RULES)
    told = [look(evidence, Likelihood(1, -3, 0) if n % 2 else None, n / 10) for n in range(100)]
    assert set(told) == {UNKNOWN}
    assert first(looks(Evidence(RULES), Likelihood(1, -3, 0), 0, 5, 10), WITH) is not None, (
        "seen each time it is a face"
    )


def test_less_clear_analyses_take_longer_but_not_for_ever():
    clear = first(looks(Evidence(RULES), Likelihood(2, 3, 3), 0, 9, 10), WITHOUT)
    small = first(looks(Evidence(RULES), Likelihood(1.2, 1.2, 1), 0, 9, 10), WITHOUT)
    assert clear < small < 2.0


@pytest.mark.parametrize("said", [Likelihood(1.2, 1.5, 1), Likelihood(1.2, -1.5, 0)])
def test_a_lower_false_alarm_rate_takes_longer(said):
    state = WITHOUT if said.violation > 0 else WITH
    times = [
        first(looks(Evidence(RulesSettings(false_alarm_rate=rate)), said, 0, 9, 20), state)
        for rate in (0.1, 0.01, 0.003)
    ]
    assert times == sorted(times)
    assert len(set(times)) == 3


def test_a_decided_state_has_at_least_the_probability_that_is_asked_for():
    for rate in (0.1, 0.01, 0.001):
        evidence = Evidence(RulesSettings(false_alarm_rate=rate))
        for number in range(100):
            if look(evidence, WITH, number / 10) is WITH:
                break
        assert evidence.probability(WITH) >= (1 - rate) ** 2
        assert sum(evidence.probability(state) for state in DECIDED) <= 1


def test_unusable_analyses_are_no_evidence():
    evidence = Evidence(RULES)
    for number in range(100):
        assert evidence.add(WITHOUT, 1.0, None, number / 10) is UNKNOWN
    assert evidence.total_s == 0


def test_a_verdict_without_support_is_forgotten():
    evidence = Evidence(RULES)
    looks(evidence, WITHOUT, 0, 4, 25)
    told = [(time_s, evidence.add(WITHOUT, 0.8, None, time_s)) for time_s in np.arange(4, 8, 0.04)]
    assert first(told, UNKNOWN) - 4 <= HOLD_S + 0.1
    assert evidence.total_s == 0
    again = looks(evidence, WITHOUT, 8, 10, 25)
    assert again[0][1] is UNKNOWN, "it has to be decided anew"


@pytest.mark.parametrize("interval_s", [1.0, 4.0])
def test_on_a_slow_camera_a_verdict_lasts_until_the_next_analyses(interval_s):
    evidence = Evidence(RULES)
    told = [evidence.add(WITHOUT, 0.8, CLEAR[WITHOUT], n * interval_s, interval_s) for n in range(8)]
    assert told[-1] is WITHOUT or interval_s > 2 * HALF_LIFE_S
    if told[-1] is WITHOUT:
        assert evidence.add(WITHOUT, 0.8, None, 8 * interval_s, interval_s) in (WITHOUT, UNKNOWN)


def test_a_short_flash_of_another_state_changes_nothing():
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 5, 25)
    assert {state for _, state in looks(evidence, WITHOUT, 5, 5.15, 25)} == {WITH}


def test_a_lasting_change_is_seen_soon_however_long_the_other_state_lasted():
    for before_s in (2, 200):
        evidence = Evidence(RULES)
        looks(evidence, WITHOUT, 0, before_s, 10)
        assert first(looks(evidence, WITH, before_s, before_s + 5, 10), WITH) - before_s < 1.5


def test_a_gap_is_no_evidence():
    evidence = Evidence(RULES)
    evidence.add(WITHOUT, 1.0, CLEAR[WITHOUT], 0.0)
    evidence.add(WITHOUT, 1.0, CLEAR[WITHOUT], 60.0)
    assert 0 < evidence.total_s <= MAX_OBSERVED_S + 1e-6


@pytest.mark.parametrize("gap_s", [0.0, -1.0])
def test_time_that_stands_still_or_steps_back_adds_nothing(gap_s):
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 2, 25)
    before = evidence.probability(WITH), evidence.total_s
    evidence.add(WITHOUT, 1.0, CLEAR[WITHOUT], 1.96 + gap_s)
    assert (evidence.probability(WITH), evidence.total_s) == pytest.approx(before)


def test_confidence_is_the_mean_score_of_analyses_that_agree():
    evidence = Evidence(RULES)
    for number in range(200):
        state = WITHOUT if number % 4 == 3 else WITH
        evidence.add(state, 0.8, CLEAR[state], number / 25)
    assert evidence.confidence(WITH) == pytest.approx(0.6, abs=0.05)


def test_a_copy_is_independent():
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 2, 25)
    copy = evidence.copy()
    looks(evidence, WITHOUT, 2, 4, 25)
    assert copy.state is WITH
    assert copy.confidence(WITH) == pytest.approx(0.8)


def test_evidence_starts_the_same_wherever_the_clock_does():
    runs = [[state for _, state in looks(Evidence(RULES), WITHOUT, start_s, start_s + 3, 25)] for start_s in (0.0, 1e6)]
    assert runs[0] == runs[1]


def test_whatever_is_seen_probabilities_and_confidence_stay_within_bounds():
    rng = np.random.default_rng(3)
    for _ in range(20):
        evidence, time_s = Evidence(RULES), float(rng.uniform(0, 1000))
        for _ in range(200):
            time_s += float(rng.choice([0.0, 0.02, 0.04, 0.2, 1.0, 7.0]))
            said = Likelihood(*(float(value) for value in rng.uniform(-4, 4, 3)))
            state = evidence.add(
                DECIDED[rng.integers(3)], float(rng.uniform()), said if rng.uniform() < 0.8 else None, time_s
            )
            assert 0 <= evidence.confidence(state) <= 1
            assert 0 <= sum(evidence.probability(one) for one in DECIDED) <= 1 + 1e-9
