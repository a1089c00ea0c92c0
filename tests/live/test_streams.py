"""Cameras on the network: a real RTSP server that is killed, frozen, locked and broken, and Motion JPEG over HTTP."""

import itertools
import logging
import re
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    CloseReason,
    IncidentClosed,
    IncidentOpened,
    SourceOpened,
)
from monitor.domain.health import Condition, Drop
from monitor.domain.ports import Source
from monitor.sources.lag import Lag
from monitor.sources.opening import make_camera_source
from tests.live.servers import HttpCamera, RtspServer, free_port, listening, rtsp
from tests.live.watch import CAPTURE, camera, healthy, until, watching

LIVE, DEGRADED, STALE, LOST = Condition.LIVE, Condition.DEGRADED, Condition.STALE, Condition.LOST


def test_a_server_that_is_killed_and_comes_back(
    server: RtspServer, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with watching({"door": camera(server.url()), "hall": healthy(clip)}, tmp_path) as watch:
        watch.wait("door", LIVE)
        until(lambda: watch.told(IncidentOpened, source="door"))
        server.kill()
        watch.wait("door", LOST, Cause.ENDED, Cause.REFUSED)
        watch.wait("door", LOST, Cause.REFUSED)
        assert "port" in watch.status("door").health.detail
        watch.looks("hall", 10)
        server.start()
        watch.wait("door", LIVE, within_s=10)
        until(lambda: len(watch.told(IncidentOpened, source="door")) == 2)
        assert not watch.told(CameraLost, source="hall"), "the other camera knows of nothing"
        assert not watch.told(IncidentClosed, source="hall")
    kinds = [type(event) for event in watch.told(CameraLost, CameraRestored, SourceOpened, source="door")]
    assert kinds == [SourceOpened, CameraLost, CameraRestored]
    opened = [event.incident_id for event in watch.told(IncidentOpened) if isinstance(event, IncidentOpened)]
    closed = [event for event in watch.told(IncidentClosed) if isinstance(event, IncidentClosed)]
    assert sorted(opened) == sorted(event.incident_id for event in closed)
    assert CloseReason.SOURCE_LOST in {event.reason for event in closed}
    assert "door: lost (" in caplog.text
    assert "door: live after" in caplog.text


def test_a_camera_that_comes_back_with_another_size(server: RtspServer, tmp_path: Path) -> None:
    with watching({"door": camera(server.url())}, tmp_path) as watch:
        watch.wait("door", LIVE)
        server.kill()
        watch.wait("door", LOST, Cause.ENDED, Cause.REFUSED)
        server.start("--pattern", "snow", "--fps", "10", "--size", "480x360")
        watch.wait("door", DEGRADED, Cause.SIZE_CHANGED, within_s=10)
        assert "480 x 360 now, it was 320 x 240" in watch.status("door").health.detail
        analysis = watch.status("door").analysis
        assert analysis is not None
        assert analysis.frame.image.shape == (360, 480, 3)


def test_a_server_that_is_frozen_and_goes_on(server: RtspServer, clip: Path, tmp_path: Path) -> None:
    with watching({"door": camera(server.url()), "hall": healthy(clip)}, tmp_path) as watch:
        watch.wait("door", LIVE)
        server.freeze()
        watch.wait("door", STALE, Cause.TIMED_OUT)
        watch.wait("door", LOST, Cause.TIMED_OUT, within_s=10)
        # Every later try fails for the same reason, in the same words.
        time_s = time.monotonic()
        until(lambda: time.monotonic() - time_s > 2 or not watch.shows("door", LOST, Cause.TIMED_OUT))
        assert watch.shows("door", LOST, Cause.TIMED_OUT), watch.status("door").health
        watch.looks("hall", 5)
        server.thaw()
        watch.wait("door", LIVE, within_s=12)
        assert not watch.told(CameraLost, source="hall")


def source_of(url: str, **limits: float) -> Source:
    settings = camera(url, capture=CAPTURE | limits)
    return make_camera_source("door", settings, SystemClock(), lambda _: None)


def grab_for_ever(source: Source, times: list[float], pause_s: float = 0.0) -> None:
    while True:
        times.append(time.monotonic())
        source.grab()
        time.sleep(pause_s)


def test_a_read_of_a_frozen_server_ends_in_time(server: RtspServer) -> None:
    source = source_of(server.url())
    source.open()
    try:
        for _ in range(15):
            assert source.grab() is not None
        server.freeze()
        times: list[float] = []
        with pytest.raises(SourceError, match="no picture for") as caught:
            grab_for_ever(source, times)
        assert caught.value.cause is Cause.TIMED_OUT
        assert max(later - earlier for earlier, later in itertools.pairwise([*times, time.monotonic()])) < 1.6
    finally:
        source.close()
        server.thaw()


def test_an_open_of_a_silent_server_ends_in_time(readers: None) -> None:
    with listening() as port:
        for scheme in ("rtsp", "http"):
            source = source_of(f"{scheme}://127.0.0.1:{port}/cam", open_timeout_s=1)
            started = time.monotonic()
            with pytest.raises(SourceError) as caught:
                source.open()
            assert caught.value.cause is Cause.TIMED_OUT
            assert time.monotonic() - started < 4, "the time-out, and once more to learn why"


def test_every_reason_is_told_apart_and_harms_nobody_else(
    gstreamer: None, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with ExitStack() as stack:
        locked = stack.enter_context(rtsp("--user", "viewer", "--password", "correct"))
        silent = stack.enter_context(listening())
        rubbish = stack.enter_context(listening(bytes(range(256)) * 64, endless=True))
        page = stack.enter_context(listening(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>hello</p>"))
        reasons = {
            "locked": (locked.url("viewer:wrong"), Cause.WRONG_PASSWORD),
            "anonymous": (locked.url(), Cause.WRONG_PASSWORD),
            "elsewhere": (locked.url("viewer:correct", "nope"), Cause.NOT_FOUND),
            "nobody": (f"rtsp://127.0.0.1:{free_port()}/cam", Cause.REFUSED),
            "silent": (f"rtsp://127.0.0.1:{silent}/cam", Cause.TIMED_OUT),
            "silent page": (f"http://127.0.0.1:{silent}/cam", Cause.TIMED_OUT),
            "rubbish": (f"rtsp://127.0.0.1:{rubbish}/cam", Cause.UNDECODABLE),
            "rubbish page": (f"http://127.0.0.1:{rubbish}/cam", Cause.UNDECODABLE),
            "web page": (f"http://127.0.0.1:{page}/cam", Cause.TIMED_OUT),
            "unnamed": ("rtsp://camera.invalid/cam", Cause.UNREACHABLE),
            "unplugged": ("/dev/video63", Cause.UNPLUGGED),
            "no file": (str(tmp_path / "none.mp4"), Cause.NOT_FOUND),
        }
        cameras = {
            name: camera(url, capture=CAPTURE | {"open_timeout_s": 1.5, "reconnect_max_s": 30})
            for name, (url, _) in reasons.items()
        }
        with watching({"hall": healthy(clip)} | cameras, tmp_path) as watch:
            for name, (_, cause) in reasons.items():
                watch.wait(name, LOST, cause)
                assert watch.status(name).health.detail, "and says what to do about it"
                assert "correct" not in watch.status(name).health.detail
                assert "wrong" not in watch.status(name).health.detail.replace("rongly", "")
            watch.looks("hall", 5)
            assert "hall: stale" not in caplog.text, "others open their streams without this one's waiting"
            assert not watch.told(CameraLost)
            assert not watch.told(IncidentClosed)
            assert watch.stop() < 3


@pytest.mark.parametrize("rate", [0.00001, 0.0005], ids=["some pictures", "every picture"])
def test_packets_that_are_corrupt(gstreamer: None, clip: Path, tmp_path: Path, rate: float) -> None:
    """Bytes are wrong here and there: what is whole is judged, what is damaged is counted, and nobody gives up."""
    with (
        rtsp("--pattern", "snow", "--fps", "10", "--error-rate", f"{rate:f}") as server,
        watching({"door": camera(server.url()), "hall": healthy(clip)}, tmp_path) as watch,
    ):
        if rate < 0.0001:
            watch.looks("door", 20)
        else:
            until(lambda: watch.status("door").drops[Drop.CORRUPT] > 20)
            watch.wait("door", STALE, Cause.UNDECODABLE, within_s=20)
            assert watch.status("door").analysed < watch.status("door").frames / 2
        watch.looks("hall", 1)
        assert not watch.told(CameraLost, source="hall")
        assert watch.shows("hall", LIVE)


def test_a_picture_that_stops_while_the_sound_goes_on(gstreamer: None, tmp_path: Path) -> None:
    """The connection is alive and packets come, yet a read ends in time, and the camera is connected anew."""
    with (
        rtsp("--pattern", "snow", "--fps", "10", "--stop-after", "40") as server,
        watching({"door": camera(server.url())}, tmp_path) as watch,
    ):
        watch.wait("door", LIVE)
        watch.wait("door", LOST, Cause.TIMED_OUT, Cause.ENDED, within_s=15)


def test_a_server_that_floods(gstreamer: None, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told apart from every other loss, tried again rarely, and live as soon as it sends what a camera sends."""
    caplog.set_level(logging.INFO)
    with (
        rtsp("--size", "160x120", "--fps", "400") as server,
        watching({"door": camera(server.url()), "hall": healthy(clip)}, tmp_path) as watch,
    ):
        watch.wait("door", LOST, Cause.FLOODING)
        detail = watch.status("door").health.detail
        assert 150 < int(re.search(r"at least (\d+) frames per second", detail)[1]) < 600
        assert "door: lost (flooding)" in caplog.text
        server.kill()
        server.start("--pattern", "snow", "--size", "160x120", "--fps", "10")
        watch.wait("door", LIVE, within_s=12)
        watch.looks("hall", 5)
        assert not watch.told(CameraLost, source="hall")


@pytest.mark.parametrize("fps", [5.0, 40.0])
def test_an_http_camera_of_any_rate_is_live(fps: float, tmp_path: Path) -> None:
    """Motion JPEG has no clock; FFmpeg's made-up one runs at 25 pictures a second."""
    with HttpCamera(fps) as http, watching({"door": camera(http.url, detect_fps="auto")}, tmp_path) as watch:
        watch.wait("door", LIVE)
        watch.looks("door", round(3 * fps))
        status = watch.status("door")
        assert status.drops[Drop.LATE] == 0
        assert watch.shows("door", LIVE)
        assert not watch.told(CameraLost)


def test_an_http_camera_that_hangs_and_hangs_up(clip: Path, tmp_path: Path) -> None:
    with HttpCamera() as http, watching({"door": camera(http.url), "hall": healthy(clip)}, tmp_path) as watch:
        watch.wait("door", LIVE)
        http.hang()
        watch.wait("door", STALE, Cause.TIMED_OUT)
        watch.wait("door", LOST, Cause.TIMED_OUT)
        http.go.set()
        watch.wait("door", LIVE, within_s=12)
        http.hang_up()
        until(lambda: len(watch.told(CameraLost, source="door")) == 2)
        watch.wait("door", LIVE, within_s=12)
        assert not watch.told(CameraLost, source="hall")
        assert watch.shows("hall", LIVE)


def test_who_reads_too_slowly_gets_whole_pictures_of_now_instead_of_a_growing_queue(server: RtspServer) -> None:
    """Each frame taken costs the reader three times what the camera gives it; then it has time again."""
    source = source_of(server.url())
    lag, lags_s = Lag(), []

    def read(seconds: float, pause_s: float) -> int:
        count, until_s = 0, time.monotonic() + seconds
        while time.monotonic() < until_s:
            time_s = source.grab()
            assert time_s is not None
            lags_s.append(lag.update(time_s, source.media_s))
            source.retrieve()
            count += 1
            time.sleep(pause_s)
        return count

    source.open()
    try:
        read(2.0, 0.0)
        assert source.late_frames == 0
        read(8.0, 0.2)
        assert source.late_frames > 20
        assert max(lags_s) < 3.0, "without passing frames over it would be five seconds and more"
        read(3.0, 0.0)
        before, lags_s[:] = source.late_frames, []
        assert read(2.0, 0.0) > 15, "every frame again"
        assert source.late_frames == before
        assert max(lags_s) < 0.5
    finally:
        source.close()


def test_a_reader_that_stays_behind_a_stream_without_further_keyframes_reconnects() -> None:
    """Some relays send one keyframe a connection: to wait for the next one would be to wait for ever."""
    server = RtspServer("--keyframe-every", "100000")
    server.start()
    source = source_of(server.url(), read_timeout_s=2.0)
    source.open()
    try:
        with pytest.raises(SourceError, match="keyframe") as caught:
            grab_for_ever(source, [], pause_s=0.2)
        assert caught.value.cause is Cause.LAGGING
        assert source.late_frames > 5
    finally:
        source.close()
        server.kill()


def test_after_a_short_stall_the_backlog_is_decoded_and_nobody_waits_for_a_keyframe() -> None:
    server = RtspServer("--keyframe-every", "100000")
    server.start()
    source = source_of(server.url(), read_timeout_s=5.0)
    lag = Lag()
    source.open()
    try:
        for seconds in (2.0, 1.5):
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                time_s = source.grab()
                assert time_s is not None
                lag_s = lag.update(time_s, source.media_s)
            assert lag_s < 0.25
            time.sleep(2.5)  # the network stalls; what the camera sends waits
        assert source.late_frames == 0
        assert source.lost_frames == 0
    finally:
        source.close()
        server.kill()
