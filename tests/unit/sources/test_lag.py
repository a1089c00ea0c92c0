import pytest

from monitor.sources.lag import Lag


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
