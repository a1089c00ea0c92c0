"""Streams and devices: a real HTTP server, and addresses where nothing answers."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.ports import Source
from monitor.sources.opening import make_camera_source
from tests.fakes import FakeClock

FRAMES = 12


def source_of(address: str, clock: FakeClock) -> Source:
    return make_camera_source("door", CameraSettings(source=SourceAddress(address)), clock, clock.advance)


class MotionJpeg(BaseHTTPRequestHandler):
    """A camera that sends a few pictures, each brighter than the one before, and hangs up."""

    def do_GET(self) -> None:
        """Send them."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(FRAMES):
            picture = np.full((48, 64, 3), 10 + 20 * number, np.uint8)
            jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def camera() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/stream.mjpg"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_http_camera_gives_frames_timed_at_their_arrival(camera: str) -> None:
    clock = FakeClock()
    source = source_of(camera, clock)
    info = source.open()
    assert info.live
    assert (info.width_px, info.height_px) == (64, 48)
    brightness = []
    for _ in range(FRAMES - 1):
        clock.now_s += 0.5
        assert source.grab() == clock.now_s
        frame = source.retrieve()
        assert frame.time_s == clock.now_s
        assert isinstance(frame.captured_at, datetime)
        assert frame.captured_at.tzinfo is UTC
        brightness.append(round(float(frame.image.mean())))
    assert brightness == sorted(brightness)
    source.close()


def test_a_stream_that_hangs_up_is_a_failure_and_not_an_end(camera: str) -> None:
    source = source_of(camera, FakeClock(1.0))
    source.open()
    with pytest.raises(SourceError, match="stopped giving frames"):
        all(source.grab() for _ in range(FRAMES + 1))
    source.close()


def test_an_address_where_nothing_answers_is_refused_without_its_password(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"rtsp://viewer:hunter2@127.0.0.1:{unused.getsockname()[1]}/stream"
        source = source_of(address, FakeClock())
        with pytest.raises(SourceError, match="nothing listens") as caught:
            source.open()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in "".join(capfd.readouterr()), "FFmpeg's own messages"


@pytest.mark.parametrize("device", ["63", "/dev/video63"])
def test_a_webcam_that_is_not_there(device: str) -> None:
    with pytest.raises(SourceError, match="No webcam found: /dev/video"):
        source_of(device, FakeClock()).open()
