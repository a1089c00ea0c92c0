import statistics

import numpy as np
import pytest

from monitor.domain.visit import Outcome, Segment
from monitor.rules.visits import VisitRecord, judge_visit
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT

CHARACTERS = {"m": WITH, "x": WITHOUT, "i": INCORRECT, "?": UNKNOWN}


def judge(text, settled_s=1.0, start_s=0.0):
    """Judge "?1 x3 m2": unknown for 1 s, no mask for 3 s, mask for 2 s."""
    segments = []
    for word in text.split():
        end_s = start_s + float(word[1:])
        segments.append(Segment(CHARACTERS[word[0]], start_s, end_s))
        start_s = end_s
    return judge_visit(tuple(segments), settled_s)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("?5", Outcome.UNKNOWN),
        ("m5", Outcome.COMPLIANT),
        ("?1 m5", Outcome.COMPLIANT),
        ("m5 ?9", Outcome.COMPLIANT),
        ("x5", Outcome.VIOLATION),
        ("?1 x5 ?3", Outcome.VIOLATION),
        ("m5 x5", Outcome.VIOLATION),
        ("m50 x2", Outcome.VIOLATION),
        ("i5", Outcome.INCORRECT),
        ("m5 i5", Outcome.INCORRECT),
        ("x5 m5 i2", Outcome.INCORRECT),
        ("x5 m5", Outcome.CORRECTED),
        ("i5 m5", Outcome.CORRECTED),
        ("x2 i2 m2", Outcome.CORRECTED),
        ("m2 x2 m2", Outcome.CORRECTED),
        ("x2 ?9 m2", Outcome.CORRECTED),
    ],
)
def test_outcomes(text, outcome):
    assert judge(text)[0] is outcome


def test_a_visit_without_looks_is_unknown():
    assert judge_visit((), 1.0) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("m5 x0.4 m5", Outcome.COMPLIANT),
        ("m5 x0.4", Outcome.COMPLIANT),
        ("x0.4 m5", Outcome.COMPLIANT),
        ("x5 m0.4 x5", Outcome.VIOLATION),
        ("x5 m0.4", Outcome.VIOLATION),
        ("i5 x0.2 i0.1 m0.3", Outcome.INCORRECT),
        ("x5 m5 x0.9", Outcome.CORRECTED),
        ("i0.9 ?3 m5", Outcome.COMPLIANT),
    ],
)
def test_what_held_only_shortly_does_not_rule_beside_what_settled(text, outcome):
    assert judge(text)[0] is outcome


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("m0.6 x0.3", Outcome.COMPLIANT),
        ("m0.3 x0.6", Outcome.VIOLATION),
        ("x0.3 m0.6", Outcome.COMPLIANT),
        ("i0.2 ?9", Outcome.INCORRECT),
        ("?3 x0", Outcome.VIOLATION),
        ("?3 i0", Outcome.INCORRECT),
        ("?3 m0", Outcome.COMPLIANT),
    ],
)
def test_where_nothing_settled_the_longest_rules(text, outcome):
    assert judge(text)[0] is outcome


def test_a_state_that_held_just_long_enough_rules():
    assert judge("m5 x1")[0] is Outcome.VIOLATION
    assert judge("m5 x0.96")[0] is Outcome.COMPLIANT


def test_the_violating_state_at_the_end_names_the_outcome():
    # As Outcome says: no mask in the end, worn wrong in the end.
    assert judge("x10 i8")[0] is Outcome.INCORRECT
    assert judge("i10 x8")[0] is Outcome.VIOLATION


def test_a_violation_that_opened_an_incident_is_never_compliant():
    # Missing for 0.6 s, then wrong for 0.6 s: violating for 1.2 s, which is an incident at a dwell of 1 s.
    assert judge("x0.6 i0.6 m4")[0] is Outcome.CORRECTED
    assert judge("m4 x0.6 i0.6")[0] in (Outcome.VIOLATION, Outcome.INCORRECT)


def test_unknown_between_keeps_short_stretches_apart():
    # As it interrupts the dwell of an incident.
    assert judge("x0.6 ?1 x0.6 m4")[0] is Outcome.COMPLIANT


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("x5 m5", 5),
        ("?2 x5 m5", 5),
        ("m2 x5 m5", 5),
        ("x2 ?3 m5", 5),
        ("x2 i3 m5", 5),
        ("x2 m2 x3 m5", 7),  # from the first violation to the mask that stayed
        ("x3 m5 x0.2 m5", 3),  # the flicker is not a relapse
        ("m3 x0.2 m3 x2 m2", 2),
    ],
)
def test_time_to_comply(text, seconds):
    outcome, time_to_comply_s = judge(text, start_s=100.0)
    assert outcome is Outcome.CORRECTED
    assert time_to_comply_s == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["?5", "m5", "x5", "i5", "m5 x5", "m5 x0.2 m5", "x5 m5 x5"])
def test_only_corrected_visits_have_a_time_to_comply(text):
    outcome, time_to_comply_s = judge(text)
    assert outcome is not Outcome.CORRECTED
    assert time_to_comply_s is None


def test_whatever_happened_there_is_one_outcome_and_a_sane_time():
    rng = np.random.default_rng(11)
    for _ in range(400):
        words = [f"{'mxi?'[rng.integers(4)]}{rng.choice([0, 0.1, 0.5, 1, 2, 7])}" for _ in range(rng.integers(1, 9))]
        text = " ".join(words)
        outcome, seconds = judge(text)
        decided = {word[0] for word in words} - {"?"}
        assert (outcome is Outcome.UNKNOWN) == (not decided), text
        assert (seconds is not None) == (outcome is Outcome.CORRECTED), text
        if seconds is not None:
            assert 0 < seconds <= sum(float(word[1:]) for word in words) + 1e-9, text
            assert decided & {"x", "i"}, text
            assert "m" in decided, text
        if decided == {"m"}:
            assert outcome is Outcome.COMPLIANT, text
        if decided == {"x"}:
            assert outcome is Outcome.VIOLATION, text
        if decided == {"i"}:
            assert outcome is Outcome.INCORRECT, text


# --- the record -----------------------------------------------------------------------------------------------------


def record(states, per_s=10, face_px=40.0, start_s=5.0):
    visit = VisitRecord("door", 7, first_seen_s=start_s, last_seen_s=start_s)
    for number, character in enumerate(states):
        visit.add(CHARACTERS[character], face_px, start_s + number / per_s)
    return visit


def test_segments_are_stretches_of_one_state_that_touch():
    visit = record("???xxxxmm").finish(0.1)
    assert [(s.state, round(s.start_s, 3), round(s.end_s, 3)) for s in visit.segments] == [
        (UNKNOWN, 5.0, 5.3),
        (WITHOUT, 5.3, 5.7),
        (WITH, 5.7, 5.8),
    ]


def test_segments_cover_the_visit_without_gaps_or_overlaps():
    rng = np.random.default_rng(5)
    for _ in range(50):
        states = "".join("mxi?"[n] for n in rng.integers(0, 4, rng.integers(1, 80)))
        visit = record(states).finish(1.0)
        assert visit.segments[0].start_s == visit.first_seen_s
        assert visit.segments[-1].end_s == visit.last_seen_s
        for before, after in zip(visit.segments, visit.segments[1:], strict=False):
            assert before.end_s == after.start_s
            assert before.state is not after.state
        assert sum(s.duration_s for s in visit.segments) == pytest.approx(visit.duration_s)


def test_what_a_visit_says():
    visit = record("x" * 30 + "m" * 31).finish(1.0)
    assert (visit.source_id, visit.track_id, visit.hits) == ("door", 7, 61)
    assert visit.first_seen_s == 5.0
    assert visit.last_seen_s == pytest.approx(11.0)
    assert visit.outcome is Outcome.CORRECTED
    assert visit.time_to_comply_s == pytest.approx(3.0)


def test_one_look_is_a_visit():
    visit = record("?").finish(1.0)
    assert visit.outcome is Outcome.UNKNOWN
    assert visit.duration_s == 0
    assert visit.median_face_px == 40


def test_the_median_face():
    visit = VisitRecord("door", 1, 0.0, 0.0)
    for number, size in enumerate((10, 50, 20, 30, 1000)):
        visit.add(WITH, size, number / 10)
    assert visit.finish(1.0).median_face_px == 30


def test_hours_of_looks_cost_no_more_memory_and_keep_a_fair_median():
    visit = VisitRecord("door", 1, 0.0, 0.0)
    sizes = np.random.default_rng(2).normal(60, 10, 50_000)
    sizes[25_000:] += 60  # came closer half-way
    for number, size in enumerate(sizes):
        visit.add(WITH, float(size), number / 25)
    assert len(visit._sizes_px) <= 512
    finished = visit.finish(1.0)
    assert finished.hits == 50_000
    assert finished.median_face_px == pytest.approx(statistics.median(sizes), abs=8)
    assert len(finished.segments) == 1
