"""`monitor probe` on recordings, on a real RTSP server, on HTTP cameras, and on addresses where something is wrong."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from monitor.commands.probe import probe
from monitor.config.capture import CaptureSettings
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.domain.frame import Image
from monitor.probe.delivery import ProbePlan, StreamFacts
from monitor.probe.process import examine
from monitor.probe.watching import watch_source
from monitor.sources.opening import make_recording
from tests.conftest import PROJECT
from tests.fakes import FakeSource, flat
from tests.integration.clips import (
    corner_colours,
    cut,
    number_of,
    quadrants,
    rotate_by_metadata,
    write_clip,
    write_empty_clip,
)

SYSTEM_PYTHON = "/usr/bin/python3"
_HAS_GSTREAMER = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"

#: A camera that says nothing is given up after this, and a process needs so long to start on a busy machine.
QUICK = ProbePlan(seconds=2.0, capture=CaptureSettings(open_timeout_s=1.5, read_timeout_s=1.0))
_BUSY_S = 6.0


def patient(seconds: float, open_s: float, read_s: float) -> ProbePlan:
    """A plan for a source that may take its time."""
    return ProbePlan(seconds, capture=CaptureSettings(open_timeout_s=open_s, read_timeout_s=read_s))


def watched(address: str | Path, plan: ProbePlan = QUICK) -> tuple[StreamFacts, list[tuple[float, Image]]]:
    pictures: list[tuple[float, Image]] = []
    facts = examine(SourceAddress(str(address)), plan, lambda *picture: pictures.append(picture), lambda _: None)
    return facts, pictures


def refused(address: str | Path, plan: ProbePlan = QUICK) -> SourceError:
    with pytest.raises(SourceError) as caught:
        watched(address, plan)
    assert "\n" not in str(caught.value)
    return caught.value


# -- recordings


def test_a_recording_is_described_as_it_was_made(tmp_path: Path) -> None:
    encoder = {"g": "20", "keyint_min": "20", "sc_threshold": "0", "bf": "0"}
    clip = write_clip(tmp_path / "clip.mp4", 100, (320, 180), 25, encoder=encoder)
    facts, pictures = watched(clip, replace(QUICK, seconds=60))
    assert (facts.codec, facts.width_px, facts.height_px, facts.pixel_format) == ("h264", 320, 180, "yuv420p")
    assert facts.nominal_fps == facts.delivery.fps == pytest.approx(25)
    assert facts.delivery.frames == facts.decoded == 100
    assert facts.delivery.keyframe_interval_s == pytest.approx(0.8)
    assert facts.length_s == pytest.approx(4.0)
    marks = (facts.live, facts.delivery.variable_rate, facts.delivery.b_frames, facts.audio, facts.cut_off)
    assert not any(marks)
    assert facts.corrupt == facts.delivery.missing == 0
    assert 0 < facts.decode_ms < 50
    assert [number_of(image) for _, image in pictures] == [round(time_s * 25) for time_s, _ in pictures]
    assert len(pictures) == pytest.approx(8, abs=1)


def test_what_a_recording_has_of_its_own_is_told(tmp_path: Path) -> None:
    times = [index * 40 + index % 3 * 15 for index in range(50)]
    clip = write_clip(tmp_path / "clip.mkv", 50, times_ms=times, audio_s=2.0)
    facts, _ = watched(clip)
    assert facts.audio == "aac"
    assert facts.delivery.variable_rate
    assert facts.delivery.b_frames, "x264's default"


def test_only_the_seconds_asked_for_are_read(tmp_path: Path) -> None:
    facts, pictures = watched(write_clip(tmp_path / "clip.mp4", 200), replace(QUICK, seconds=2))
    assert facts.delivery.watched_s == pytest.approx(2, abs=0.3)
    assert pictures[-1][0] <= 2.2


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_pictures_are_turned_as_the_monitor_turns_them(tmp_path: Path, degrees: int) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5, paint=quadrants)
    rotate_by_metadata(clip, degrees)
    facts, pictures = watched(clip)
    source = make_recording("clip", SourceAddress(str(clip)))
    source.open()
    source.grab()
    image = source.retrieve().image
    source.close()
    assert corner_colours(pictures[0][1]) == corner_colours(image)
    assert (facts.height_px, facts.width_px) == image.shape[:2]


def test_a_recording_that_lost_its_tail_is_judged_by_what_is_left(tmp_path: Path) -> None:
    facts, pictures = watched(cut(write_clip(tmp_path / "clip.mkv", 100), 0.6))
    assert facts.cut_off
    assert 10 < facts.decoded < 100
    assert pictures


def test_damage_in_the_middle_is_counted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", 100, (320, 240), paint=_noise)
    data = bytearray(clip.read_bytes())
    for at in range(len(data) // 3, 2 * len(data) // 3, 2003):
        data[at] ^= 0xFF
    clip.write_bytes(data)
    facts, _ = watched(clip, replace(QUICK, seconds=60))
    assert facts.corrupt > 5


def _noise(index: int, width: int, height: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8)


def _sound(path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48000)
        for start in range(0, 48000, 1024):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.rate, silence.pts = 48000, start
            output.mux(stream.encode(silence))
        output.mux(stream.encode())


def _picture(path: Path) -> None:
    path.write_bytes(cv2.imencode(".jpg", np.zeros((40, 40, 3), np.uint8))[1].tobytes())


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing.mp4": (lambda path: None, "no such file"),
    "folder.mp4": (lambda path: path.mkdir(), "is a folder"),
    "empty.mp4": (lambda path: path.touch(), "is empty"),
    "text.mp4": (lambda path: path.write_text("a shopping list\n" * 50), "not a readable video"),
    "random.mp4": (lambda path: path.write_bytes(bytes(range(256)) * 40), "not a readable video"),
    "cut.mp4": (lambda path: cut(write_clip(path, 20), 0.5), "cut off before its index|no frame"),
    "no-frames.mp4": (write_empty_clip, "no picture that can be decoded|not a video"),
    "sound.m4a": (_sound, "contains sound .aac. but no video"),
    "picture.jpg": (_picture, "is a picture.*scripts/run image"),
    "disguised.mp4": (_picture, "is a picture.*scripts/run image"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_gets_one_clear_line(tmp_path: Path, name: str) -> None:
    make, words = BAD_FILES[name]
    make(tmp_path / name)
    error = refused(tmp_path / name)
    assert error.exit_code == 4
    assert str(tmp_path / name) in str(error)
    with pytest.raises(SourceError, match=words):
        raise error


# -- the command


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(PROJECT / "config.yaml")


def test_the_sample_is_fit_and_its_figures_are_those_it_was_made_with(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    probe(settings, "entrance", 20, as_json=True)
    values = json.loads(capsys.readouterr().out)
    stream, scene = values["stream"], values["scene"]
    assert values["source"].endswith("entrance.mp4")
    assert (stream["codec"], stream["width_px"], stream["height_px"], stream["kind"]) == ("h264", 1280, 720, "file")
    assert stream["delivery"]["fps"] == stream["nominal_fps"] == 25
    assert stream["delivery"]["keyframe_interval_s"] == 2
    assert stream["length_s"] == 39
    assert scene["pictures"] == pytest.approx(40, abs=2)
    assert scene["large_enough_share"] > 0.95
    assert scene["in_full_share"] > 0.9
    assert scene["pictures_with_faces"] / scene["pictures"] > 0.9
    assert 60 < scene["face_height_px"] < 400
    assert 80 < scene["luma"] < 170
    histogram = values["face_height_histogram"]
    assert sum(histogram["counts"]) == scene["faces"] == len(scene["face_heights_px"])
    assert len(histogram["counts"]) == len(histogram["edges_px"]) + 1
    assert values["advice"] == []


def test_people_read_a_table_a_histogram_and_advice(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    probe(settings, "entrance", 20, as_json=False)
    fit = capsys.readouterr().out
    assert "1280 x 720, h264 High" in fit
    assert "120 and more px" in fit
    assert "suitable for mask detection" in fit
    black = write_clip(tmp_path / "black.mp4", 50, paint=lambda _, width, height: flat(height, width, 0))
    probe(settings, str(black), 3, as_json=False)
    words = capsys.readouterr().out
    assert "100 % of the pictures are black." in words
    assert "-> Remove the lens cap" in words
    assert "suitable for mask" not in words


def test_json_is_advice_for_scripts_as_well(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dark = write_clip(tmp_path / "dark.mp4", 50, paint=lambda _, width, height: flat(height, width, 30))
    probe(settings, str(dark), 3, as_json=True)
    advice = json.loads(capsys.readouterr().out)["advice"]
    assert [item["code"] for item in advice] == ["dark", "no_face"]
    assert set(advice[0]) == {"code", "severity", "found", "why", "change"}


# -- streams


@contextmanager
def _rtsp_server(*options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    if (
        not Path(SYSTEM_PYTHON).exists()
        or subprocess.run([SYSTEM_PYTHON, "-c", _HAS_GSTREAMER], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs GStreamer's RTSP server: gir1.2-gst-rtsp-server-1.0 and python3-gi")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = PROJECT / "tests" / "live" / "rtsp_server.py"
    command = [SYSTEM_PYTHON, str(server), str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            yield f"127.0.0.1:{port}", process
        finally:
            process.kill()


def test_a_real_rtsp_camera_is_measured() -> None:
    with _rtsp_server("--size", "640x480", "--fps", "20", "--pattern", "smpte") as (host, _):
        facts, pictures = watched(f"rtsp://{host}/cam", patient(4, 10, 5))
    delivery = facts.delivery
    assert facts.container == "RTSP"
    assert (facts.codec, facts.width_px, facts.height_px) == ("h264", 640, 480)
    assert facts.nominal_fps == 20
    assert delivery.fps == pytest.approx(20, rel=0.05)
    assert delivery.watched_s == pytest.approx(4, abs=0.5)
    assert delivery.keyframe_interval_s == pytest.approx(1.0, abs=0.3)
    assert delivery.jitter_ms < 100
    assert 0 < facts.open_s <= facts.first_frame_s < 10
    assert facts.broke_off is None
    assert (facts.corrupt, delivery.missing) == (0, 0)
    assert len(pictures) >= 7
    assert pictures[0][1].shape == (480, 640, 3)


def test_a_camera_that_freezes_is_told_with_what_came_before() -> None:
    with _rtsp_server() as (host, process):
        stop = threading.Timer(5.0, process.send_signal, [signal.SIGSTOP])
        stop.start()
        try:
            plan = patient(20, 10, 1.5)
            started = time.monotonic()
            facts, pictures = watched(f"rtsp://{host}/cam", plan)
            spent_s = time.monotonic() - started
        finally:
            stop.cancel()
            stop.join()
            process.send_signal(signal.SIGCONT)
    assert facts.broke_off == "no frame arrived for 1.5 s"
    assert pictures
    assert facts.delivery.worst_gap_ms > 1000
    assert spent_s < 5 + 1.5 + _BUSY_S


def test_a_wrong_password_or_path_is_named_and_the_right_one_never_shown(capfd: pytest.CaptureFixture[str]) -> None:
    plan = patient(2, 5, 5)
    with _rtsp_server("--user", "viewer", "--password", "hunter2") as (host, _):
        wrong = refused(f"rtsp://viewer:hunter3@{host}/cam", plan)
        nowhere = refused(f"rtsp://viewer:hunter2@{host}/nowhere", plan)
        facts, _ = watched(f"rtsp://viewer:hunter2@{host}/cam", plan)
    assert wrong.cause is Cause.WRONG_PASSWORD
    assert "password" in str(wrong)
    assert nowhere.cause is Cause.NOT_FOUND
    assert "path" in str(nowhere)
    assert facts.decoded
    said = f"{wrong}{nowhere}{''.join(capfd.readouterr())}"
    assert "hunter" not in said


def test_nobody_at_the_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = refused(f"rtsp://viewer:hunter2@127.0.0.1:{unused.getsockname()[1]}/cam")
    assert error.cause is Cause.REFUSED
    assert "hunter2" not in str(error)


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        yield f"rtsp://viewer:hunter2@127.0.0.1:{listening.getsockname()[1]}/cam"


def test_a_camera_that_says_nothing_is_given_up(silent: str) -> None:
    started = time.monotonic()
    error = refused(silent)
    assert time.monotonic() - started < 2 * QUICK.capture.open_timeout_s + _BUSY_S
    assert error.cause is Cause.TIMED_OUT
    assert "hunter2" not in str(error)


def test_ctrl_c_ends_it_at_once_whatever_the_camera_is_doing(silent: str) -> None:
    interrupt = threading.Timer(2.0, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            watched(silent, patient(60, 60, 60))
    finally:
        interrupt.join()
    assert time.monotonic() - started < 3.5
    assert "monitor.probe.process" not in _commands_of_children()


def test_no_password_is_in_the_list_of_processes(silent: str) -> None:
    seen = []
    look = threading.Timer(1.0, lambda: seen.append(_commands_of_children()))
    look.start()
    refused(silent)
    look.join()
    assert "monitor.probe.process" in seen[0]
    assert "hunter2" not in seen[0]


def _commands_of_children() -> str:
    commands = []
    for children in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for child in children.read_text().split():
            try:
                commands.append(Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return "\n".join(commands)


# -- HTTP


class HttpCamera(BaseHTTPRequestHandler):
    """Ten pictures a second at /stream, one picture at /still."""

    def do_GET(self) -> None:
        picture = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
        self.send_response(200)
        if self.path == "/still":
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)
            return
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
        try:
            while not self.server.stopping.wait(0.1):
                self.wfile.write(head.encode() + picture + b"\r\n")
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def http_camera() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), HttpCamera)
    server.stopping = threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stopping.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_http_camera_is_timed_by_arrival(http_camera: str) -> None:
    facts, pictures = watched(f"{http_camera}/stream", patient(3, 15, 1))
    assert facts.codec == "mjpeg"
    assert facts.delivery.fps == pytest.approx(10, rel=0.1)
    assert facts.nominal_fps is None, "FFmpeg would say 25 of any"
    assert facts.delivery.drift_percent is None
    assert facts.delivery.keyframe_interval_s < 1
    assert len(pictures) >= 5


def test_an_address_of_single_pictures_is_polled(http_camera: str) -> None:
    facts, pictures = watched(f"{http_camera}/still", patient(3, 5, 1))
    assert facts.delivery.fps == pytest.approx(5, rel=0.2)
    assert len(pictures) >= 3


# -- webcams


def test_a_webcam_that_is_not_there() -> None:
    assert "No webcam found: /dev/video63 does not exist. Check that it is plugged in." in str(refused("63"))


def test_a_webcam_is_watched_through_its_port() -> None:
    pictures: list[float] = []
    source = FakeSource([flat(48, 64, 90)] * 30)
    facts = watch_source(source, SourceAddress("0"), QUICK, lambda time_s, _: pictures.append(time_s))
    assert (facts.width_px, facts.height_px, facts.delivery.frames) == (64, 48, 30)
    assert facts.broke_off is not None
    assert facts.broke_off.startswith("it stopped giving frames")
    assert facts.live
    assert pictures
    assert source.closed == source.opened == 1


def test_a_webcam_that_gives_nothing() -> None:
    with pytest.raises(SourceError, match="gives no picture"):
        watch_source(FakeSource([flat(48, 64)], fail_at=0), SourceAddress("0"), QUICK, lambda *_: None)
