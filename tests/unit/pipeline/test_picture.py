import numpy as np
import pytest

from monitor.pipeline.picture import PictureCheck
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
