import numpy as np
import pytest

from monitor.domain.picture import is_black, sampled
from tests.fakes import checkers, flat, noise


@pytest.mark.parametrize(
    ("picture", "black"),
    [
        (flat(240, 320, 0), True),
        (flat(240, 320, 16), True),
        (noise(240, 320) // 42, True),
        (16 + noise(240, 320) // 100, True),
        (flat(240, 320, 25), False),
        (checkers(240, 320) // 8, False),
    ],
    ids=["nothing", "video range", "lens cap with noise", "both", "night", "dim, with things to see"],
)
def test_black(picture: np.ndarray, black: bool) -> None:
    assert is_black(sampled(picture)) is black


def test_a_sample_keeps_a_pixel_of_the_smallest_picture() -> None:
    assert sampled(flat(1, 1, 7)).shape == (1, 1, 3)
    assert sampled(flat(33, 49, 7)).shape == (3, 4, 3)
