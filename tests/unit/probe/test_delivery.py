import numpy as np
import pytest

from monitor.domain.address import SourceAddress
from monitor.probe.delivery import Arrival, Link, delivery_of, link_of

FPS = 25.0


def arrivals(count=100, *, step_s=1 / FPS, clock=1.0, jitter_s=0.0, every=25, stored=0, seed=1):
    """Frames of a camera: `stored` come at once, then one a step; its clock runs `clock` times as fast as ours."""
    rng = np.random.default_rng(seed)
    late = rng.uniform(0, 2 * jitter_s, count)
    return [
        Arrival(
            100 + (max(0, index - stored) * step_s + float(late[index]) if index > stored else index * 1e-4),
            index * step_s * clock,
            index * step_s * clock,
            index % every == 0,
            1000,
        )
        for index in range(count)
    ]


def delivered(came, *, live=True, ended_s=None):
    return delivery_of(came, came[-1].arrived_s if ended_s is None else ended_s, live=live)


def test_an_even_camera():
    delivery = delivered(arrivals())
    assert delivery.frames == 100
    assert delivery.fps == pytest.approx(FPS)
    assert delivery.jitter_ms == pytest.approx(0, abs=1e-6)
    assert delivery.worst_gap_ms == pytest.approx(40)
    assert delivery.drift_percent == pytest.approx(0, abs=1e-6)
    assert (delivery.missing, delivery.variable_rate, delivery.b_frames) == (0, False, False)
    assert (delivery.keyframe_interval_s, delivery.keyframe_interval_exact) == (pytest.approx(1.0), True)
    assert delivery.bitrate_kbps == pytest.approx(200)


def test_what_was_stored_before_the_watch_is_counted_apart():
    delivery = delivered(arrivals(120, stored=40))
    assert delivery.at_once == pytest.approx(41, abs=1)
    assert delivery.fps == pytest.approx(FPS)
    assert delivery.worst_gap_ms == pytest.approx(40)


def test_jitter_is_the_spread_of_arrival_against_the_cameras_clock():
    delivery = delivered(arrivals(1000, jitter_s=0.01))
    assert delivery.jitter_ms == pytest.approx(20 / 12**0.5, rel=0.1)
    assert delivery.drift_percent == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("clock", [0.9, 1.25])
def test_a_clock_that_runs_wrong_shows(clock):
    delivery = delivered(arrivals(300, clock=clock, jitter_s=0.002))
    assert delivery.drift_percent == pytest.approx(100 * (clock - 1), abs=0.5)


def test_silence_at_the_end_is_a_gap():
    came = arrivals()
    delivery = delivered(came, ended_s=came[-1].arrived_s + 3)
    assert delivery.worst_gap_ms == pytest.approx(3000)


def test_frames_that_are_missing_leave_a_gap_in_the_clock():
    came = [arrival for index, arrival in enumerate(arrivals()) if index not in (40, 70, 71)]
    assert delivered(came).missing == 3


def test_a_variable_rate_misses_nothing():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.02, 0.2, 100))
    came = [Arrival(float(t), float(t), float(t), index == 0, 500) for index, t in enumerate(times)]
    delivery = delivered(came, live=False)
    assert delivery.variable_rate
    assert delivery.missing == 0
    assert delivery.fps == pytest.approx(99 / (times[-1] - times[0]))


def test_a_rate_rounded_to_milliseconds_is_constant():
    came = [Arrival(0.0, round(index / 30, 3), round(index / 30, 3), index == 0, 500) for index in range(90)]
    assert not delivered(came, live=False).variable_rate


def test_a_recording_is_timed_by_its_own_clock():
    came = [Arrival(5.0 + index * 1e-4, index / 10, index / 10, True, 100) for index in range(50)]
    delivery = delivered(came, live=False)
    assert delivery.fps == pytest.approx(10)
    assert delivery.watched_s == pytest.approx(5.0)
    assert delivery.jitter_ms is delivery.worst_gap_ms is delivery.drift_percent is None


def test_frames_out_of_order_are_b_frames():
    order = [0, 3, 1, 2, 6, 4, 5]
    came = [Arrival(index * 0.04, shown * 0.04, index * 0.04, index == 0, 9) for index, shown in enumerate(order)]
    delivery = delivered(came)
    assert delivery.b_frames
    assert delivery.missing == 0


def test_frames_that_the_end_of_the_watch_cut_off_are_not_missing():
    order = [0, 4, 1, 2, 3, 8]  # 5, 6 and 7 would come next
    came = [Arrival(index * 0.04, shown * 0.04, (index - 1) * 0.04, True, 9) for index, shown in enumerate(order)]
    delivery = delivered(came, live=False)
    assert delivery.missing == 0
    assert delivery.fps == pytest.approx(25)


def test_a_single_keyframe_tells_only_the_least_interval():
    delivery = delivered(arrivals(100, every=1000))
    assert delivery.keyframe_interval_s == pytest.approx(3.96)
    assert not delivery.keyframe_interval_exact


def test_a_camera_without_a_clock_is_timed_by_arrival():
    came = [Arrival(index * 0.1, None, None, True, 100) for index in range(30)]
    delivery = delivered(came)
    assert delivery.fps == pytest.approx(10)
    assert delivery.drift_percent is None
    assert delivery.keyframe_interval_s == pytest.approx(0.1)


def test_the_first_frames_time_may_be_unknown():
    came = arrivals(50)
    came[0] = Arrival(came[0].arrived_s, None, None, True, 100)
    assert delivered(came).keyframe_interval_s == pytest.approx(1.0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_tell_little_and_break_nothing(count):
    delivery = delivered(arrivals(count))
    assert delivery.frames == count
    assert delivery.drift_percent is None


def test_all_at_once_is_no_live_camera():
    came = [Arrival(1 + index * 1e-5, index / 25, index / 25, True, 100) for index in range(50)]
    delivery = delivered(came)
    assert delivery.at_once == 50
    assert delivery.jitter_ms is None
    assert delivery.fps == pytest.approx(25)


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("rtsp://u:p@127.0.0.1:8554/cam", Link.THIS_COMPUTER),
        ("http://[::1]/cam", Link.THIS_COMPUTER),
        ("rtsp://localhost/cam", Link.THIS_COMPUTER),
        ("rtsp://192.0.2.1/cam", Link.NETWORK),
        ("rtsp://camera.example/cam", Link.NETWORK),
        ("0", Link.DEVICE),
        ("/dev/video2", Link.DEVICE),
        ("gate.mp4", Link.FILE),
    ],
)
def test_how_frames_come_is_told_by_the_address(address, link):
    assert link_of(SourceAddress(address)) is link
