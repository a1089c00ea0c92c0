"""Setting up a webcam: in the order that V4L2 needs, read back, and what it gives instead is logged."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.sources.webcam import WebcamSource, why_no_webcam
from tests.fakes import FakeClock

FOURCC, WIDTH, HEIGHT, FPS = (
    cv2.CAP_PROP_FOURCC,
    cv2.CAP_PROP_FRAME_WIDTH,
    cv2.CAP_PROP_FRAME_HEIGHT,
    cv2.CAP_PROP_FPS,
)
MJPG, YUYV = cv2.VideoWriter.fourcc(*"MJPG"), cv2.VideoWriter.fourcc(*"YUYV")


class FakeWebcam:
    """A webcam that starts at 640 x 480 YUYV; in that format it has no other size, and large sizes only at 15 fps."""

    def __init__(self) -> None:
        self.values: dict[int, float] = {FOURCC: YUYV, WIDTH: 640, HEIGHT: 480, FPS: 30}
        self.calls: list[int] = []
        self.opened_as: tuple[object, ...] = ()
        self._width = 0.0

    def __call__(self, *arguments: object) -> "FakeWebcam":
        self.opened_as = arguments
        return self

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, key: int, value: float) -> bool:
        self.calls.append(key)
        if key == WIDTH:
            self._width = value
        elif key == HEIGHT:
            if self.values[FOURCC] == MJPG:
                self.values |= {WIDTH: self._width, HEIGHT: value, FPS: 30}
        elif key == FPS:
            self.values[FPS] = min(value, 15) if self.values[WIDTH] > 1280 else value * 0.999
        else:
            self.values[key] = value
        return True

    def get(self, key: int) -> float:
        return self.values.get(key, 0.0)

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, object]:
        return True, np.zeros((int(self.values[HEIGHT]), int(self.values[WIDTH]), 3), np.uint8)

    def release(self) -> None:
        pass


@pytest.fixture
def opened() -> Callable[..., tuple[FakeWebcam, WebcamSource]]:
    def open_with(**wanted: object) -> tuple[FakeWebcam, WebcamSource]:
        webcam = FakeWebcam()
        settings = CaptureSettings.model_validate(wanted)
        source = WebcamSource("desk", SourceAddress("2"), FakeClock(), settings, make_capture=webcam)
        return webcam, source

    return open_with


def test_a_webcam_is_asked_for_its_format_first_then_its_size_then_its_rate(opened, caplog):
    webcam, source = opened(width=1280, height=720, fps=24, fourcc="MJPG")
    info = source.open()
    assert webcam.opened_as == (2, cv2.CAP_V4L2)
    assert webcam.calls == [FOURCC, WIDTH, HEIGHT, FPS]
    assert (info.width_px, info.height_px, info.codec) == (1280, 720, "MJPG")
    assert caplog.messages == [], "23.976 fps is what a camera means by 24"


def test_what_the_camera_chose_in_place_is_told_in_one_line(opened, caplog):
    _, source = opened(width=1920, height=1080, fps=30, fourcc="MJPG")
    source.open()
    assert caplog.messages == [
        "2: requested MJPG, 1920 x 1080, 30 fps, the camera uses MJPG, 1920 x 1080, 15 fps",
    ]


def test_a_size_that_the_format_has_not(opened, caplog):
    _, source = opened(width=1280, height=720)
    info = source.open()
    assert (info.width_px, info.height_px) == (640, 480)
    assert caplog.messages == ["2: requested 1280 x 720, the camera uses 640 x 480"]


def test_what_nobody_asks_for_is_left_to_the_driver(opened, caplog):
    webcam, source = opened()
    source.open()
    assert webcam.calls == []
    webcam, source = opened(fps=10)
    source.open()
    assert webcam.calls == [FPS]
    assert caplog.messages == []


def test_a_webcam_that_is_not_there_is_said_with_the_remedy():
    source = WebcamSource("0", SourceAddress("/dev/video-none"), FakeClock(), CaptureSettings())
    with pytest.raises(SourceError) as caught:
        source.open()
    assert str(caught.value) == (
        "/dev/video-none: No webcam found: /dev/video-none does not exist. Check that it is plugged in."
    )


def test_the_group_is_named_only_where_the_device_may_not_be_used():
    device = Path("/dev/video0")
    assert "group 'video'" in why_no_webcam(device, exists=True, accessible=False)
    assert "another program" in why_no_webcam(device, exists=True, accessible=True)
    assert "group" not in why_no_webcam(device, exists=True, accessible=True)
    assert "group" not in why_no_webcam(device, exists=False, accessible=False)
