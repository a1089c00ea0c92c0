"""Times of frames that can be true, and times that cannot."""

from itertools import pairwise

import pytest

from monitor.sources.timeline import Repairs, repaired

PERIOD_S = 0.04


def times(stated: list[float | None]) -> tuple[list[float], Repairs]:
    repairs = Repairs()
    read = list(repaired(list(enumerate(stated)), PERIOD_S, repairs))
    assert [number for number, _ in read] == list(range(len(stated))), "every frame comes, in its order"
    assert all(later > earlier for (_, earlier), (_, later) in pairwise(read)), "times increase"
    return [round(time_s, 3) for _, time_s in read], repairs


@pytest.mark.parametrize(
    "stated",
    [
        [0, 0.04, 0.08, 0.12],
        [0, 0.033, 0.066, 1.1, 1.133, 8.0, 8.033],
        [0, 60, 120, 180, 240],
        [0, 0.04, 0.08, 3600, 3600.04],
        [0, 0.04, 500],
        [0, 1 / 240, 2 / 240, 3 / 240],
        [0.0],
        [],
    ],
)
def test_times_that_can_be_true_are_kept(stated: list[float | None]) -> None:
    read, repairs = times(stated)
    assert read == pytest.approx([time_s or 0.0 for time_s in stated], abs=1e-3)
    assert repairs == Repairs()
    assert repairs.describe(25) is None


@pytest.mark.parametrize("start", [5.0, -3.0, 95000.0])
def test_times_count_from_the_first_frame(start: float) -> None:
    read, repairs = times([start, start + 0.04, start + 1])
    assert read == [0, 0.04, 1]
    assert repairs == Repairs()


def test_frames_without_times_get_the_stated_rate() -> None:
    read, repairs = times([None] * 5)
    assert read == [0, 0.04, 0.08, 0.12, 0.16]
    assert repairs.missing == 5
    assert repairs.describe(25) == "5 frames have no time, so 25 frames per second are assumed"


def test_single_missing_times_are_filled_in() -> None:
    read, repairs = times([None, 0.0, 0.04, None, 0.12])
    assert read == [0, 0.04, 0.08, 0.12, 0.16]
    assert repairs.missing == 2


@pytest.mark.parametrize("second", [0.0, 0.5, -20.0])
def test_a_clock_that_starts_again_continues_after_the_frame_before(second: float) -> None:
    first = [1 + PERIOD_S * number for number in range(50)]
    again = [second + PERIOD_S * number for number in range(50)]
    read, repairs = times([*first, *again])
    assert read == pytest.approx([PERIOD_S * number for number in range(100)], abs=1e-3)
    assert repairs == Repairs(restarts=1)
    assert "starts again once" in (repairs.describe(25) or "")


def test_a_clock_that_is_set_forward_by_days_continues_as_well() -> None:
    read, repairs = times([0, 0.04, *(95_443 + PERIOD_S * number for number in range(50))])
    assert read == pytest.approx([PERIOD_S * number for number in range(52)], abs=1e-3)
    assert repairs == Repairs(restarts=1)


@pytest.mark.parametrize("wrong", [95_443.0, 50.0, -7.0, 3600.0])
@pytest.mark.parametrize("frames", [1, 3])
def test_a_step_that_returns_moves_no_other_frame(wrong: float, frames: int) -> None:
    stated: list[float | None] = [10 + PERIOD_S * number for number in range(100)]
    for number in range(frames):
        stated[40 + number] = wrong + PERIOD_S * number
    read, repairs = times(stated)
    assert read == pytest.approx([PERIOD_S * number for number in range(100)], abs=1e-3)
    assert repairs == Repairs(impossible=frames)


def test_times_that_never_change_are_replaced() -> None:
    read, repairs = times([7.0] * 10)
    assert read == pytest.approx([PERIOD_S * number for number in range(10)], abs=1e-3)
    assert repairs == Repairs(missing=9)


def test_few_frames_are_read_ahead_and_only_after_a_doubtful_step() -> None:
    taken = 0

    def frames():
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number, (0.0 if number < 50 else 1000.0) + PERIOD_S * number

    reading = repaired(frames(), PERIOD_S, Repairs())
    for number, _ in reading:
        assert taken - number <= (1 if not 49 <= number <= 54 else 6)
