import numpy as np
import pytest

from monitor.config.rules import RulesSettings
from monitor.domain.detection import DECIDED_STATES
from monitor.rules.evidence import HOLD_S, MAX_OBSERVED_S, Evidence
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT

RULES = RulesSettings(
    evidence_half_life_s=1.0, decide_evidence_s=0.25, decide_share=0.6, switch_share=0.7, decide_score=0
)


def looks(evidence, state, from_s, until_s, per_s, score=1.0, quality=1.0):
    """Look so often a second at the same thing; give the state after each look as (time, state)."""
    count = round((until_s - from_s) * per_s)
    times = [from_s + number / per_s for number in range(count)]
    return [(time_s, evidence.add(state, score, quality, time_s)) for time_s in times]


def first(told, state):
    return next((time_s for time_s, now in told if now is state), None)


def test_nothing_is_known_at_first():
    evidence = Evidence(RULES)
    assert evidence.state is UNKNOWN
    assert evidence.total_s == 0
    assert evidence.share(WITH) == 0
    assert evidence.confidence(WITH) == 0


def test_one_look_decides_nothing():
    # It stands for no time yet, however sure and sharp it is.
    assert Evidence(RULES).add(WITHOUT, 1.0, 1.0, 100.0) is UNKNOWN


@pytest.mark.parametrize("state", DECIDED_STATES)
def test_enough_good_looks_decide(state):
    told = looks(Evidence(RULES), state, 0, 2, per_s=25)
    assert first(told, state) == pytest.approx(0.28, abs=0.06)
    assert told[-1][1] is state


@pytest.mark.parametrize("per_s", [4, 5, 8, 10, 12.5, 15, 25, 30, 60])
def test_a_verdict_takes_about_the_same_time_at_any_rate(per_s):
    told = looks(Evidence(RULES), WITHOUT, 0, 3, per_s, score=0.7)
    reference = first(looks(Evidence(RULES), WITHOUT, 0, 3, 100, score=0.7), WITHOUT)
    assert reference <= first(told, WITHOUT) + 1 / per_s
    assert first(told, WITHOUT) <= reference + 2 / per_s


@pytest.mark.parametrize("score", [1.0, 0.6])
def test_a_change_of_mind_takes_about_the_same_time_at_5_and_25_looks_a_second(score):
    changed = {}
    for per_s in (5, 25):
        evidence = Evidence(RULES)
        looks(evidence, WITHOUT, 0, 4, per_s, score)
        changed[per_s] = first(looks(evidence, WITH, 4, 10, per_s, score), WITH)
    assert changed[5] == pytest.approx(changed[25], abs=0.3)


def test_the_same_mixed_sequence_decides_at_about_the_same_time_at_any_rate():
    # Per second: 0.4 s of one state, 0.2 s unknown, 0.4 s of another with lower scores.
    def decided_at(per_s):
        evidence = Evidence(RULES)
        for number in range(round(10 * per_s)):
            time_s = number / per_s
            part = time_s % 1
            state, score = (WITH, 0.9) if part < 0.4 else (UNKNOWN, 1.0) if part < 0.6 else (WITHOUT, 0.5)
            if evidence.add(state, score, 0.8, time_s).decided:
                return evidence.state, time_s
        return None

    slow, fast = decided_at(5), decided_at(25)
    assert slow is not None
    assert fast is not None
    assert slow[0] is fast[0] is WITH
    assert slow[1] == pytest.approx(fast[1], abs=0.3)


def test_weaker_scores_take_longer():
    sure = first(looks(Evidence(RULES), WITH, 0, 5, 50, score=1.0), WITH)
    unsure = first(looks(Evidence(RULES), WITH, 0, 5, 50, score=0.4), WITH)
    assert unsure == pytest.approx(sure / 0.4, rel=0.35)


def test_poor_looks_take_longer_and_worthless_ones_decide_nothing():
    good = first(looks(Evidence(RULES), WITH, 0, 5, 50, quality=1.0), WITH)
    poor = first(looks(Evidence(RULES), WITH, 0, 5, 50, quality=0.5), WITH)
    assert poor > 1.5 * good
    assert first(looks(Evidence(RULES), WITH, 0, 60, 25, quality=0.0), WITH) is None


def test_looks_of_low_score_decide_nothing_however_many():
    rules = RulesSettings(decide_score=0.5)
    assert first(looks(Evidence(rules), WITHOUT, 0, 60, 25, score=0.49), WITHOUT) is None
    assert first(looks(Evidence(rules), WITHOUT, 0, 60, 25, score=0.51), WITHOUT) is not None


def test_a_decided_state_lapses_when_its_looks_become_doubtful_but_not_at_a_little_doubt():
    evidence = Evidence(RulesSettings(decide_score=0.5))
    looks(evidence, WITHOUT, 0, 3, 25, score=0.9)
    assert looks(evidence, WITHOUT, 3, 20, 25, score=0.42)[-1][1] is WITHOUT
    assert looks(evidence, WITHOUT, 20, 40, 25, score=0.38)[-1][1] is UNKNOWN


def test_faint_evidence_never_adds_up_to_a_verdict():
    # With a half-life of 1 s, a stream of weight w settles at w / ln 2.
    settles_below = 0.9 * RULES.decide_evidence_s * np.log(2)
    assert first(looks(Evidence(RULES), WITH, 0, 100, 25, score=settles_below), WITH) is None


def test_looks_that_say_unknown_are_no_evidence():
    evidence = Evidence(RULES)
    looks(evidence, UNKNOWN, 0, 10, 25)
    assert evidence.state is UNKNOWN
    assert evidence.total_s == 0


def test_evidence_halves_in_its_half_life():
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 2, 25)
    before = evidence.total_s
    evidence.add(UNKNOWN, 1.0, 1.0, 1.96 + 1.0)
    assert evidence.total_s == pytest.approx(before / 2)


def test_what_was_decided_is_forgotten_in_the_end():
    evidence = Evidence(RULES)
    looks(evidence, WITHOUT, 0, 4, 25)
    told = looks(evidence, UNKNOWN, 4, 12, 25)
    forgotten_s = first(told, UNKNOWN)
    assert forgotten_s - 4 == pytest.approx(HOLD_S, abs=0.1), "whatever had been gathered before"
    assert told[-1][1] is UNKNOWN


def test_what_was_decided_holds_while_half_of_what_it_took_is_left():
    evidence = Evidence(RULES)
    looks(evidence, WITHOUT, 0, 0.36, 25)
    assert evidence.state is WITHOUT
    evidence.add(UNKNOWN, 1, 1, 0.36 + 0.5)
    assert evidence.total_s < RULES.decide_evidence_s
    assert evidence.state is WITHOUT


def test_after_being_forgotten_a_state_needs_full_evidence_again():
    evidence = Evidence(RULES)
    looks(evidence, WITHOUT, 0, 2, 25)
    evidence.add(UNKNOWN, 1, 1, 12.0)
    assert evidence.state is UNKNOWN
    told = looks(evidence, WITHOUT, 12.0, 14, 25)
    assert first(told, WITHOUT) == pytest.approx(12.28, abs=0.06)


def test_half_and_half_is_not_decided():
    evidence = Evidence(RULES)
    told = []
    for number in range(200):
        told.append(evidence.add((WITH, WITHOUT)[number % 2], 1.0, 1.0, number / 25))
    assert set(told) == {UNKNOWN}


def test_a_share_over_the_first_limit_decides_and_under_the_second_does_not_change_it():
    # 65 % for the other state: enough for a first verdict, not for a change of mind.
    pattern = [WITH] * 13 + [WITHOUT] * 7
    rng = np.random.default_rng(0)
    fresh, settled = Evidence(RULES), Evidence(RULES)
    looks(settled, WITHOUT, -4, 0, 50)
    for number in range(1, 50 * 20):
        state = pattern[rng.integers(len(pattern))] if number % 20 == 0 else pattern[(number * 7) % 20]
        now = fresh.add(state, 1.0, 1.0, number / 50)
        kept = settled.add(state, 1.0, 1.0, number / 50)
        if number > 20:
            assert now is WITH
        assert kept is WITHOUT


def test_one_wrong_look_in_many_does_not_flicker():
    evidence = Evidence(RULES)
    states = set()
    for number in range(25 * 20):
        wrong = number % 5 == 4
        state = evidence.add(WITHOUT if wrong else WITH, 0.9, 1.0, number / 25)
        if number > 25:
            states.add(state)
    assert states == {WITH}


def test_a_short_flash_of_another_state_changes_nothing():
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 5, 25)
    told = looks(evidence, INCORRECT, 5, 5.4, 25)
    assert {state for _, state in told} == {WITH}


def test_a_lasting_change_is_seen_within_two_half_lives():
    evidence = Evidence(RULES)
    looks(evidence, WITHOUT, 0, 20, 25)
    assert first(looks(evidence, WITH, 20, 25, 25), WITH) - 20 < 2.0


def test_a_gap_is_no_evidence():
    evidence = Evidence(RULES)
    evidence.add(WITHOUT, 1.0, 1.0, 0.0)
    evidence.add(WITHOUT, 1.0, 1.0, 60.0)
    assert evidence.total_s <= MAX_OBSERVED_S
    assert evidence.total_s > 0


def test_gaps_longer_than_the_limit_weigh_alike():
    def after(gap_s):
        evidence = Evidence(RULES)
        evidence.add(WITHOUT, 1.0, 1.0, 0.0)
        evidence.add(WITHOUT, 0.8, 1.0, gap_s)
        return evidence.total_s

    assert after(0.6) == pytest.approx(after(5)) == pytest.approx(after(500)) == pytest.approx(0.8 * MAX_OBSERVED_S)


@pytest.mark.parametrize("gap_s", [0.0, -1.0])
def test_time_that_stands_still_or_steps_back_adds_nothing(gap_s):
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 2, 25)
    before = evidence.total_s
    evidence.add(WITHOUT, 1.0, 1.0, 1.96 + gap_s)
    assert evidence.total_s == pytest.approx(before)
    assert evidence.share(WITH) == pytest.approx(1)


def test_confidence_is_the_mean_score_of_looks_that_agree():
    evidence = Evidence(RULES)
    looks(evidence, WITH, 0, 3, 25, score=0.83)
    assert evidence.confidence(WITH) == pytest.approx(0.83)
    assert evidence.confidence(WITHOUT) == 0
    assert evidence.confidence(UNKNOWN) == 0


def test_good_looks_weigh_more_in_the_confidence():
    evidence = Evidence(RULES)
    for number in range(200):
        good = number % 2 == 0
        evidence.add(WITH, 0.9 if good else 0.3, 1.0 if good else 0.1, number / 25)
    assert evidence.confidence(WITH) > 0.8


def test_looks_that_contradict_lower_the_confidence():
    evidence = Evidence(RULES)
    for number in range(200):
        evidence.add(WITHOUT if number % 4 == 3 else WITH, 0.8, 1.0, number / 25)
    assert 0.5 < evidence.confidence(WITH) < 0.7


def test_evidence_starts_the_same_wherever_the_clock_does():
    runs = []
    for start_s in (0.0, 1e6):
        evidence = Evidence(RULES)
        runs.append([state for _, state in looks(evidence, WITHOUT, start_s, start_s + 3, 25)])
    assert runs[0] == runs[1]


def test_each_person_has_evidence_of_their_own():
    one, other = Evidence(RULES), Evidence(RULES)
    looks(one, WITH, 0, 2, 25)
    assert other.total_s == 0


def test_whatever_is_seen_shares_and_confidence_stay_within_bounds():
    rng = np.random.default_rng(3)
    states = (*DECIDED_STATES, UNKNOWN)
    for _ in range(20):
        evidence, time_s = Evidence(RULES), float(rng.uniform(0, 1000))
        for _ in range(200):
            time_s += float(rng.choice([0.0, 0.02, 0.04, 0.2, 1.0, 7.0]))
            state = evidence.add(states[rng.integers(4)], *(float(v) for v in rng.uniform(0, 1, 2)), time_s)
            assert 0 <= evidence.confidence(state) <= 1
            assert sum(evidence.share(s) for s in DECIDED_STATES) == pytest.approx(1 if evidence.total_s > 0 else 0)
            if state.decided:
                assert evidence.total_s >= RULES.decide_evidence_s / 2
