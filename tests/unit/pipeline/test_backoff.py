import random

import pytest

from monitor.pipeline.backoff import Backoff


class Least(random.Random):
    """Chance that takes nothing away."""

    def random(self) -> float:
        return 0.0


def test_it_doubles_up_to_the_longest_wait() -> None:
    backoff = Backoff(10.0, Least())
    assert [backoff.next_s(0.0) for _ in range(7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


@pytest.mark.parametrize(("held_s", "then_s"), [(0.0, 8.0), (9.9, 8.0), (10.0, 0.5), (3600.0, 0.5)])
def test_only_a_connection_that_held_starts_it_anew(held_s: float, then_s: float) -> None:
    backoff = Backoff(30.0, Least())
    for _ in range(4):
        backoff.next_s(0.0)
    assert backoff.next_s(held_s) == then_s


def test_the_longest_wait_changes_no_other() -> None:
    backoff = Backoff(30.0, Least())
    backoff.next_s(0.0)
    assert backoff.longest_s() == 30.0
    assert backoff.next_s(0.0) == 1.0


def test_chance_shortens_each_wait_by_at_most_a_quarter() -> None:
    backoff = Backoff(30.0, random.Random(1))
    waits = [backoff.next_s(0.0) for _ in range(500)][10:]
    assert all(22.5 <= wait <= 30 for wait in waits)
    assert max(waits) - min(waits) > 5


def test_cameras_lost_together_do_not_come_back_in_step() -> None:
    cameras = [Backoff(30.0, random.Random(number)) for number in range(8)]
    assert len({round(camera.next_s(0.0), 4) for camera in cameras}) == 8


def test_the_longest_wait_may_be_shorter_than_the_first() -> None:
    backoff = Backoff(0.2, Least())
    assert [backoff.next_s(0.0) for _ in range(3)] == [0.2, 0.2, 0.2]
