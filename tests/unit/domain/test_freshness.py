"""One policy says when a picture is stale."""

import pytest

from monitor.domain.freshness import Freshness


@pytest.mark.parametrize(
    ("stale_after_s", "interval_s", "limit_s"),
    [(2.0, None, 2.0), (2.0, 0.04, 2.0), (5.0, 0.1, 5.0), (2.0, 10.0, 15.0), (0.5, 1.0, 1.5), (2.0, 1e9, 30.0)],
)
def test_a_camera_that_gives_less_often_may_show_older_pictures(
    stale_after_s: float, interval_s: float | None, limit_s: float
) -> None:
    assert Freshness.of(stale_after_s, interval_s) == Freshness(limit_s)


@pytest.mark.parametrize(("age_s", "stale"), [(0.0, False), (2.0, False), (2.01, True), (-2.0, False), (-2.01, True)])
def test_a_picture_from_the_future_is_as_wrong_as_an_old_one(age_s: float, stale: bool) -> None:
    assert Freshness(2.0).is_stale(age_s) is stale
