import numpy as np
import pytest

from monitor.pipeline.picture import Lag, PictureCheck
from tests.fakes import checkers, flat, noise


def test_a_picture_that_stays_the_same_is_so_since_its_first() -> None:
    check = PictureCheck()
    for number in range(5):
        check.update(checkers(240, 320), float(number))
    assert check.same_since_s == 0.0


def test_one_change_is_enough() -> None:
    check = PictureCheck()
    for number in range(5):
        check.update(checkers(240, 320), float(number))
    check.update(noise(240, 320), 5.0)
    assert check.same_since_s is None
    check.update(noise(240, 320), 6.0)
    assert check.same_since_s == 5.0


def test_a_size_that_changes_is_a_change() -> None:
    check = PictureCheck()
    check.update(flat(240, 320), 0.0)
    check.update(flat(240, 640), 1.0)
    assert check.same_since_s is None


@pytest.mark.parametrize("seed", range(3))
def test_the_noise_of_a_sensor_is_no_standstill(seed: int) -> None:
    check = PictureCheck()
    grain = np.random.default_rng(seed)
    for number in range(50):
        picture = np.clip(checkers(240, 320).astype(int) + grain.integers(-1, 2, (240, 320, 3)), 0, 255)
        check.update(picture.astype(np.uint8), number / 10)
        assert check.same_since_s is None


@pytest.mark.parametrize(
    ("picture", "black"),
    [
        (flat(240, 320, 0), True),
        (flat(240, 320, 5), True),
        (noise(240, 320) // 42, True),
        (flat(240, 320, 25), False),
        (checkers(240, 320), False),
        (checkers(240, 320) // 8, False),
    ],
    ids=["nothing", "lens cap", "lens cap with noise", "night", "day", "dim, with things to see"],
)
def test_black(picture: np.ndarray, black: bool) -> None:
    check = PictureCheck()
    check.update(picture, 3.0)
    check.update(picture, 4.0)
    assert (check.black_since_s == 3.0) is black
    check.update(flat(240, 320, 120), 5.0)
    assert check.black_since_s is None


def test_a_tiny_picture() -> None:
    check = PictureCheck()
    check.update(flat(1, 1, 0), 0.0)
    assert check.black_since_s == 0.0


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
