"""Webcams, through OpenCV."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import cv2

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.libraries import prepare_opencv

#: Drivers round a rate to one of the camera's, such as 29.97 for 30.
_FPS_TOLERANCE = 0.01

_log = logging.getLogger(__name__)


class WebcamSource:
    """One webcam.

    `time_s` is the monotonic clock at arrival. The camera is configured with the size, rate and pixel format in
    `settings`; if it uses others, they are logged. `make_capture` is called like `cv2.VideoCapture`.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        clock: Clock,
        settings: CaptureSettings,
        make_capture: Callable[..., cv2.VideoCapture] = cv2.VideoCapture,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self.media_s = None
        self._address = address
        self._clock = clock
        self._settings = settings
        self._make_capture = make_capture
        self._capture: cv2.VideoCapture | None = None
        self._index = -1
        self._time_s = 0.0

    def open(self) -> SourceInfo:
        """Open the device; raises `SourceError`."""
        prepare_opencv()
        value = self._address.value
        try:
            capture = self._make_capture(int(value) if value.isdecimal() else value, cv2.CAP_V4L2)
        except cv2.error as error:
            raise SourceError(f"{self._address}: OpenCV cannot open it: {error.err}") from error
        if not capture.isOpened():
            capture.release()
            device = Path(f"/dev/video{value}" if value.isdecimal() else value)
            words = why_no_webcam(device, device.exists(), os.access(device, os.R_OK | os.W_OK))
            raise SourceError(f"{self._address}: {words}", Cause.UNPLUGGED)
        self._capture = capture
        _set_up(capture, self._settings, self._address)
        fps = capture.get(cv2.CAP_PROP_FPS)
        return SourceInfo(
            width_px=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height_px=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=fps if 0 < fps < 1000 else None,
            frame_count=None,
            codec=_fourcc(int(capture.get(cv2.CAP_PROP_FOURCC))),
            live=True,
        )

    def grab(self) -> float | None:
        """Wait for the next frame and return its time; see the port."""
        if not self._opened().grab():
            raise SourceError(f"{self._address}: the camera is gone; check that it is plugged in", Cause.UNPLUGGED)
        self._index += 1
        self._time_s = self._clock.monotonic_s()
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; see the port."""
        ok, image = self._opened().retrieve()
        # OpenCV reports success for some frames that it could not convert: a picture of another shape, or none.
        if not ok or image is None or image.size == 0 or image.ndim != 3 or image.shape[2] != 3:
            raise SourceError(f"{self._address}: frame {self._index} cannot be decoded", Cause.UNDECODABLE)
        image.setflags(write=False)
        return Frame(image, self.source_id, self._index, self._time_s, self._clock.utc_now())  # type: ignore[arg-type]

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            raise SourceError(f"{self._address}: is not open")
        return self._capture


def why_no_webcam(device: Path, exists: bool, accessible: bool) -> str:
    """Return why a webcam cannot be opened, and what to do."""
    if not exists:
        return f"No webcam found: {device} does not exist. Check that it is plugged in."
    if not accessible:
        return f"No access to the webcam: {device} exists, but you may not use it. Add yourself to the group 'video'."
    return f"The webcam gives no pictures: {device} is used by another program, or is not a camera."


def _set_up(capture: cv2.VideoCapture, settings: CaptureSettings, address: SourceAddress) -> None:
    """Configure a webcam, and log the values that it uses instead.

    The pixel format comes first, since it decides which sizes are available, and the size decides which rates. The
    driver's return value is not reliable, so the values are read back.
    """
    if settings.fourcc is not None:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc))
    if settings.width is not None and settings.height is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)  # OpenCV's V4L2 sets both with this call
    if settings.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
    requested, actual = [], []
    if settings.fourcc is not None:
        requested.append(settings.fourcc)
        actual.append(_fourcc(int(capture.get(cv2.CAP_PROP_FOURCC))) or "an unknown format")
    if settings.width is not None and settings.height is not None:
        sides = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        requested.append(f"{settings.width} x {settings.height}")
        actual.append(f"{sides[0]:.0f} x {sides[1]:.0f}")
    if settings.fps is not None:
        fps = capture.get(cv2.CAP_PROP_FPS)
        near = abs(fps - settings.fps) <= _FPS_TOLERANCE * settings.fps
        requested.append(f"{settings.fps:g} fps")
        actual.append(requested[-1] if near else f"{fps:g} fps")
    if requested != actual:
        _log.warning("%s: requested %s, the camera uses %s", address, ", ".join(requested), ", ".join(actual))


def _fourcc(code: int) -> str | None:
    text = "".join(chr((code >> shift) & 0xFF) for shift in (0, 8, 16, 24)).strip("\0 ")
    return text if text.isprintable() and text else None
