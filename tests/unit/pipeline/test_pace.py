import itertools
import random

import pytest

from monitor.pipeline.pace import Pace, allot


def looks(pace: Pace, fps: float, seconds: float, start_s: float = 5000.0) -> list[float]:
    times = [start_s + number / fps for number in range(round(fps * seconds))]
    return [time_s for time_s in times if pace.due(time_s)]


@pytest.mark.parametrize("wanted", [0.5, 3, 7, 10, 12.5, 24, 29.9])
@pytest.mark.parametrize("fps", [15, 25, 30, 29.97])
def test_the_rate_holds_on_average(wanted: float, fps: float) -> None:
    seconds = 60
    expected = min(wanted, fps) * seconds
    assert abs(len(looks(Pace(wanted), fps, seconds)) - expected) <= 2


def test_no_rate_is_every_frame() -> None:
    assert len(looks(Pace(None), 30, 2)) == 60


def test_looks_are_spread_evenly() -> None:
    times = looks(Pace(10), 30, 20)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) < 0.14


def test_nothing_is_made_up_for_after_a_gap() -> None:
    pace = Pace(10)
    looks(pace, 30, 5)
    assert len(looks(pace, 30, 1, start_s=5100.0)) in (10, 11)


def test_the_first_frame_is_due_whatever_the_hour() -> None:
    assert Pace(0.1).due(0.0)
    assert Pace(0.1).due(1e7)


def test_a_rate_that_is_raised_counts_at_once() -> None:
    pace = Pace(0.1)
    assert pace.due(5000.0)
    pace.fps = 10
    assert len(looks(pace, 30, 1, start_s=5000.1)) >= 9, "it must not wait for the look of the slow rate"


def test_a_rate_that_is_lowered_counts_at_once() -> None:
    pace = Pace(30)
    looks(pace, 30, 2)
    pace.fps = 1
    assert len(looks(pace, 30, 5, start_s=5002.0)) <= 6


def test_who_wants_little_gets_it_and_the_rest_is_even() -> None:
    assert allot({"a": 2, "b": 10, "c": 20}, 20) == {"a": 2, "b": 9, "c": 9}


def test_there_is_enough_for_all() -> None:
    assert allot({"a": 2, "b": 10}, 100) == {"a": 2, "b": 10}


@pytest.mark.parametrize("wanted", [{}, {"a": 0.0}, {"a": 0.0, "b": 0.0}])
def test_nobody_wants_anything(wanted: dict[str, float]) -> None:
    assert allot(wanted, 5) == wanted


@pytest.mark.parametrize("capacity", [0.0, -1.0])
def test_there_is_nothing_to_give(capacity: float) -> None:
    assert allot({"a": 3, "b": 1}, capacity) == {"a": 0, "b": 0}


@pytest.mark.parametrize("seed", range(50))
def test_shares_are_max_min_fair(seed: int) -> None:
    """No more than wanted, all that there is, and whoever is short has no less than anybody else."""
    chance = random.Random(seed)
    wanted = {f"camera {number}": chance.choice([0.0, chance.uniform(0, 30), 10.0]) for number in range(1 + seed % 17)}
    capacity = chance.uniform(0, 1.2 * sum(wanted.values()))
    given = allot(wanted, capacity)
    assert given.keys() == wanted.keys()
    assert sum(given.values()) == pytest.approx(min(capacity, sum(wanted.values())))
    for camera, fps in given.items():
        assert -1e-9 <= fps <= wanted[camera] + 1e-9
        if fps < wanted[camera] - 1e-9:
            assert fps == pytest.approx(max(given.values()))


def test_jitter_of_a_camera_that_sends_what_is_asked_for_costs_no_look():
    chance = random.Random(1)
    pace = Pace(10, early=0.25)
    times = [number / 10 + chance.uniform(-0.02, 0.02) for number in range(1000)]
    assert sum(pace.due(time_s) for time_s in times) == 1000


@pytest.mark.parametrize("fps", [10, 15, 25, 30, 60])
def test_early_frames_do_not_raise_the_rate(fps: int):
    pace = Pace(10, early=0.25)
    seen = sum(pace.due(number / fps) for number in range(60 * fps))
    assert seen / 60 == pytest.approx(10, rel=0.01)
