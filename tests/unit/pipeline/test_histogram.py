import pytest

from monitor.pipeline.histogram import Histogram


def test_nothing_was_counted_yet():
    histogram = Histogram((0.1, 1.0))
    assert histogram.counts() == (0, 0, 0)
    assert histogram.sum_s == 0


def test_a_time_falls_below_its_bound_or_on_it():
    histogram = Histogram((0.1, 1.0))
    for time_s in (-1.0, 0.0, 0.1, 0.1000001, 1.0, 1.1, float("inf")):
        histogram.add(time_s)
    assert histogram.counts() == (3, 2, 2)


def test_what_was_counted_is_added_up():
    histogram = Histogram((1.0,))
    for time_s in (0.25, 0.5, 2.0):
        histogram.add(time_s)
    assert histogram.sum_s == pytest.approx(2.75)


def test_counts_that_were_given_do_not_change():
    histogram = Histogram((1.0,))
    before = histogram.counts()
    histogram.add(0.5)
    assert before == (0, 0)
    assert histogram.bounds_s == (1.0,)
