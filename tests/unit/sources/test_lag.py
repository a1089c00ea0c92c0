import pytest

from monitor.sources.lag import Lag, Lead


def test_no_lag_where_the_source_has_no_clock() -> None:
    lag = Lag()
    assert [lag.update(float(time_s), None) for time_s in range(5)] == [0.0] * 5


def test_what_arrives_later_and_later_lags() -> None:
    lag = Lag()
    for number in range(100):
        assert lag.update(1000 + number / 10, number / 10) == pytest.approx(0.0, abs=0.01)
    assert lag.update(1000 + 13.0, 10.0) == pytest.approx(3.0, abs=0.05)
    assert lag.update(1000 + 13.1, 13.1) == pytest.approx(0.0, abs=0.05)


def test_a_camera_clock_that_runs_slow_is_no_lag() -> None:
    """0.1 % slow: 86 s a day."""
    lag = Lag()
    worst = max(lag.update(float(number), number * 0.999) for number in range(0, 86_400, 60))
    assert worst < 0.5


def test_a_burst_of_what_was_stored_is_the_lag_that_it_is() -> None:
    """A second of pictures that waited in the camera comes at once, the oldest first."""
    lag = Lag()
    for number in range(10):
        lag.update(100.0, number / 10)
    assert lag.update(100.1, 1.0) == pytest.approx(0.0, abs=0.01)


# -- whether a source is live


def test_a_live_source_gains_nothing_however_its_clock_drifts_or_is_set() -> None:
    lead = Lead()
    for number in range(1000):
        drifting_s = 1.005 * 0.04 * number + (5000 if number > 300 else 0) - (9000 if number > 600 else 0)
        assert lead.update(0.04 * number, drifting_s) < 1


def test_what_was_stored_before_the_connection_counts_once() -> None:
    lead = Lead()
    for number in range(250):
        lead.update(0.001 * number, 0.04 * number)
    for number in range(1000):
        assert lead.update(0.25 + 0.04 * number, 10 + 0.04 * number) == pytest.approx(9.71, abs=0.1)


def test_a_recording_sent_faster_than_it_plays_gains() -> None:
    lead = Lead()
    leads = [lead.update(0.01 * number, 0.04 * number) for number in range(1000)]
    assert leads[-1] == pytest.approx(30, abs=0.5)
    assert Lead().update(3.0, None) == 0
