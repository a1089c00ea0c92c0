"""Decoding and converting."""

import pytest

from monitor.sources.video import fitted


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [
        ((1920, 1080), 1920 * 1080, (1920, 1080)),
        ((3840, 2160), 1920 * 1080, (1920, 1080)),
        ((4000, 3000), None, (4000, 3000)),
        ((1, 16_000_000), 1920 * 1080, (1, 2_073_600)),
    ],
)
def test_large_pictures_are_scaled_down_with_their_proportions(
    size: tuple[int, int], most: int | None, expected: tuple[int, int]
) -> None:
    assert fitted(*size, most) == expected


def test_a_picture_that_is_scaled_down_never_has_more_pixels() -> None:
    for width in range(1, 16_000, 61):
        found = fitted(width, 16_000_000 // width, 1920 * 1080)
        assert 1 <= found[0] * found[1] <= 1920 * 1080
