"""Webcams and video files, through OpenCV."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import cv2

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress, SourceKind
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.container import is_cut_off
from monitor.sources.libraries import prepare_opencv

#: The number of undecodable frames in a row after which a file counts as ended. At a real end the attempts cost
#: nothing.
_MAX_UNDECODABLE = 1000

#: Containers whose index counts their frames exactly; Matroska's count is computed from a length in seconds.
_EXACT_INDEX = (".mp4", ".mov", ".m4v")

#: A file may contain less than its index counts, by up to a keyframe interval, as trimmed recordings of phones do.
_INDEX_SLACK_S = 3.0

#: Drivers round a rate to one of the camera's, such as 29.97 for 30.
_FPS_TOLERANCE = 0.01

_log = logging.getLogger(__name__)


class OpenCvSource:
    """One capture; FFmpeg's backend applies rotation metadata, and every pixel format is converted to BGR.

    For a file, `time_s` is the container's presentation time counted from its first frame, so a variable frame rate
    keeps its true times; for a webcam it is the monotonic clock at arrival. `decode_threads` is FFmpeg's own thread
    count and changes no pixel. A webcam is configured with the size, rate and pixel format in `settings`; if it uses
    others, they are logged. `make_capture` is called like `cv2.VideoCapture`.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        clock: Clock,
        decode_threads: int = 1,
        settings: CaptureSettings | None = None,
        make_capture: Callable[..., cv2.VideoCapture] = cv2.VideoCapture,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self._address = address
        self._clock = clock
        self._decode_threads = decode_threads
        self._settings = settings
        self._make_capture = make_capture
        self._capture: cv2.VideoCapture | None = None
        self._live = address.kind is not SourceKind.FILE
        self._index = -1
        self._time_s = 0.0
        self.lost_frames = 0
        self.late_frames = 0
        self._expected_frames = 0.0

    def open(self) -> SourceInfo:
        """Open the device or file; raises `SourceError`."""
        prepare_opencv()
        if not self._live:
            check_file(Path(self._address.value))
        try:
            capture = self._open_capture()
        except cv2.error as error:
            raise SourceError(f"{self._address}: OpenCV cannot open it: {error.err}") from error
        if not capture.isOpened():
            capture.release()
            raise self._not_opened()
        self._capture = capture
        if self._live and self._settings is not None:
            _set_up(capture, self._settings, self._address)
        fps = capture.get(cv2.CAP_PROP_FPS)
        frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        fps_known = fps if 0 < fps < 1000 else None
        count = int(frames) if not self._live and 0 < frames < 2**40 else None
        self._expected_frames = (count or 0) - _INDEX_SLACK_S * (fps_known or 0)
        return SourceInfo(
            width_px=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height_px=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=fps_known,
            frame_count=count,
            codec=_fourcc(int(capture.get(cv2.CAP_PROP_FOURCC))),
            live=self._live,
        )

    def grab(self) -> float | None:
        """Step to the next frame and return its time; see the port."""
        capture = self._opened()
        if not self._advance(capture):
            self._end()
            return None
        self._index += 1
        if self._live:
            self._time_s = self._clock.monotonic_s()
        else:
            # The times of a broken container may decrease; `time_s` never does.
            self._time_s = max(self._time_s, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; see the port."""
        ok, image = self._opened().retrieve()
        if not ok or image is None or image.size == 0:
            raise SourceError(f"{self._address}: frame {self._index} cannot be decoded", Cause.UNDECODABLE)
        image.setflags(write=False)
        captured_at = self._clock.utc_now() if self._live else None
        return Frame(image, self.source_id, self._index, self._time_s, captured_at, self.media_s)  # type: ignore[arg-type]

    @property
    def media_s(self) -> float | None:
        """The container's clock at the frame last grabbed; None for a webcam."""
        return None if self._live else self._time_s

    def close(self) -> None:
        """Release the capture."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _open_capture(self) -> cv2.VideoCapture:
        value = self._address.value
        if self._live:
            return self._make_capture(int(value) if value.isdecimal() else value, cv2.CAP_V4L2)
        path = str(Path(value).absolute())  # FFmpeg would parse the start of "12:30.mp4" as a protocol
        return self._make_capture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self._decode_threads])

    def _not_opened(self) -> SourceError:
        if self._live:
            value = self._address.value
            device = Path(f"/dev/video{value}" if value.isdecimal() else value)
            words = why_no_webcam(device, device.exists(), os.access(device, os.R_OK | os.W_OK))
            return SourceError(f"{self._address}: {words}", Cause.UNPLUGGED)
        words = "not a readable video: damaged, cut off before its index, or another kind of file"
        return SourceError(f"{self._address}: {words}", Cause.UNDECODABLE)

    def _advance(self, capture: cv2.VideoCapture) -> bool:
        """Step to the next frame that can be decoded; damaged frames in the middle of a file are skipped."""
        for failures in range(1 if self._live else _MAX_UNDECODABLE):
            if capture.grab():
                self.lost_frames += failures
                return True
        return False

    def _end(self) -> None:
        if self._live:
            raise SourceError(f"{self._address}: the camera is gone; check that it is plugged in", Cause.UNPLUGGED)
        if self._index < 0:
            raise SourceError(f"{self._address}: contains no frame that can be decoded", Cause.UNDECODABLE)
        path = Path(self._address.value)
        if is_cut_off(path):
            self.end_reason = EndReason.TRUNCATED
            return
        if path.suffix.lower() in _EXACT_INDEX and (missing := self._expected_frames - self._index - 1) > 0:
            self.lost_frames = max(self.lost_frames, int(missing))
        if self.lost_frames:
            self.end_reason = EndReason.DAMAGED

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


def check_file(path: Path) -> None:
    """Raise `SourceError` with the reason if a path is not a readable, non-empty file."""
    try:
        if not path.exists():
            raise SourceError(f"{path}: no such file", Cause.NOT_FOUND)
        if path.is_dir():
            raise SourceError(f"{path}: is a folder, expected a file")
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes)")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _fourcc(code: int) -> str | None:
    text = "".join(chr((code >> shift) & 0xFF) for shift in (0, 8, 16, 24)).strip("\0 ")
    return text if text.isprintable() and text else None
