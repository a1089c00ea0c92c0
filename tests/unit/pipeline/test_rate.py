import pytest

from monitor.pipeline.rate import Rate


def counted(fps: float, seconds: float, start_s: float = 100.0) -> Rate:
    rate = Rate()
    for number in range(round(fps * seconds)):
        rate.add(start_s + number / fps)
    return rate


def test_nothing_yet() -> None:
    assert Rate().per_s(5.0) == 0.0


@pytest.mark.parametrize("fps", [1, 10, 30])
@pytest.mark.parametrize("seconds", [2, 4, 5, 60])
def test_a_steady_rate_is_told_from_the_start(fps: float, seconds: float) -> None:
    rate = counted(fps, seconds)
    assert rate.per_s(100 + seconds - 1 / fps) == pytest.approx(fps, rel=0.25)


def test_it_falls_to_nothing_when_nothing_comes() -> None:
    rate = counted(10, 60)
    assert rate.per_s(160.0 + 2.5) == pytest.approx(5, rel=0.2)
    assert rate.per_s(166.0) == 0.0
    assert rate.per_s(1e6) == 0.0
