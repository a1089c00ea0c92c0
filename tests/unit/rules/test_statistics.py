import itertools

import numpy as np
import pytest

from monitor.domain.visit import Outcome, Visit
from monitor.rules.statistics import compliance, wilson


def visits(**counts):
    number = itertools.count(1)
    return [
        Visit("door", next(number), 0.0, 1.0, (), Outcome(outcome), None, 1, 40.0)
        for outcome, count in counts.items()
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (Wilson without correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # Brown, Cai & DasGupta, Statistical Science 16 (2001): the interval for 0 of n has the upper end z2 / (n + z2).
        (0, 10, 0.0, 3.841459 / 13.841459),
        (10, 10, 10 / 13.841459, 1.0),
        (1, 2, 0.0945, 0.9055),
    ],
)
def test_wilson_against_published_values(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_within_bounds_around_the_share_and_symmetric():
    for trials in (1, 2, 3, 7, 50, 1000):
        for successes in {0, 1, trials // 2, trials - 1, trials}:
            low, high = wilson(successes, trials)
            share = successes / trials
            assert 0 <= low <= share + 1e-12
            assert share - 1e-12 <= high <= 1
            mirrored = wilson(trials - successes, trials)
            assert (1 - high, 1 - low) == pytest.approx(mirrored)


def test_wilson_narrows_with_more_people():
    widths = [np.subtract(*wilson(n * 3, n * 4)[::-1]) for n in (1, 5, 25, 100, 1000)]
    assert widths == sorted(widths, reverse=True)


def test_wilson_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    for truth in (0.3, 0.7, 0.9):
        draws = rng.binomial(60, truth, 2000)
        covered = np.mean([wilson(int(k), 60)[0] <= truth <= wilson(int(k), 60)[1] for k in draws])
        assert 0.92 < covered < 0.98


def test_people_are_counted_and_unknown_ones_are_in_no_rate():
    figures = compliance(visits(compliant=5, corrected=2, violation=2, incorrect=1, unknown=4))
    assert (figures.visits, figures.decided, figures.complied) == (14, 10, 7)
    assert figures.rate == pytest.approx(0.7)
    assert (figures.low, figures.high) == wilson(7, 10)
    assert figures.unknown_share == pytest.approx(4 / 14)
    assert figures.outcomes == {
        Outcome.COMPLIANT: 5,
        Outcome.CORRECTED: 2,
        Outcome.VIOLATION: 2,
        Outcome.INCORRECT: 1,
        Outcome.UNKNOWN: 4,
    }


def test_the_unknown_are_not_counted_as_compliant():
    with_unknown = compliance(visits(compliant=1, violation=1, unknown=98))
    assert with_unknown.rate == pytest.approx(0.5)
    assert (with_unknown.low, with_unknown.high) == wilson(1, 2)


@pytest.mark.parametrize("people", [[], visits(unknown=3)])
def test_where_nobody_was_decided_there_is_no_rate(people):
    figures = compliance(people)
    assert figures.rate is figures.low is figures.high is None
    assert figures.decided == figures.complied == 0


def test_nobody_at_all():
    figures = compliance([])
    assert (figures.visits, figures.unknown_share) == (0, 0.0)
    assert set(figures.outcomes) == set(Outcome)


def test_visits_may_come_from_a_generator():
    assert compliance(visit for visit in visits(compliant=3)).visits == 3
