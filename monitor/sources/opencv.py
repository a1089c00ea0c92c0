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

#: How many frames in a row may be undecodable before a file is taken to be over. Trying costs nothing at a real end.
_MAX_UNDECODABLE = 1000

#: Containers whose index counts their frames exactly; Matroska's count is reckoned from a length in seconds.
_EXACT_INDEX = (".mp4", ".mov", ".m4v")

#: A file may hold less than its index counts, as phones' trimmed recordings do, by up to a keyframe interval.
_INDEX_SLACK_S = 3.0

#: Drivers round a rate to what the camera has, such as 29.97 for 30.
_FPS_TOLERANCE = 0.01

_log = logging.getLogger(__name__)


class OpenCvSource:
    """One capture; rotation metadata is applied by FFmpeg's backend, every pixel format arrives as BGR.

    For a file, `time_s` is the container's presentation time counted from its first frame, so a variable frame rate
    keeps its true times; for a webcam it is the monotonic clock at arrival. `decode_threads` is FFmpeg's own thread
    count and changes no pixel. A webcam is asked for the size, rate and pixel format that are `wanted`; where it gives
    something else, that is logged. `make_capture` is called as `cv2.VideoCapture`.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        clock: Clock,
        decode_threads: int = 1,
        wanted: CaptureSettings | None = None,
        make_capture: Callable[..., cv2.VideoCapture] = cv2.VideoCapture,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self._address = address
        self._clock = clock
        self._decode_threads = decode_threads
        self._wanted = wanted
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
        if self._live and self._wanted is not None:
            _set_up(capture, self._wanted, self._address)
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
        """Step to the next frame; see the port."""
        capture = self._opened()
        if not self._advance(capture):
            self._end()
            return None
        self._index += 1
        if self._live:
            self._time_s = self._clock.monotonic_s()
        else:
            # A broken container may step back; time never does.
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
        path = str(Path(value).absolute())  # FFmpeg takes the start of "12:30.mp4" for a protocol
        return self._make_capture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self._decode_threads])

    def _not_opened(self) -> SourceError:
        if self._live:
            value = self._address.value
            device = Path(f"/dev/video{value}" if value.isdecimal() else value)
            words = why_no_webcam(device, device.exists(), os.access(device, os.R_OK | os.W_OK))
            return SourceError(f"{self._address}: {words}", Cause.UNPLUGGED)
        words = "not a video that can be read: damaged, cut off before its index, or another kind of file"
        return SourceError(f"{self._address}: {words}", Cause.UNDECODABLE)

    def _advance(self, capture: cv2.VideoCapture) -> bool:
        """Step to the next frame that can be decoded; damage in the middle of a file is not its end."""
        for failures in range(1 if self._live else _MAX_UNDECODABLE):
            if capture.grab():
                self.lost_frames += failures
                return True
        return False

    def _end(self) -> None:
        if self._live:
            raise SourceError(f"{self._address}: the camera is gone; is it still plugged in?", Cause.UNPLUGGED)
        if self._index < 0:
            raise SourceError(f"{self._address}: holds no frame that can be decoded", Cause.UNDECODABLE)
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
    """Say why a webcam cannot be opened, and what to do."""
    if not exists:
        return f"No webcam found: there is no {device}. Is it plugged in?"
    if not accessible:
        return f"No webcam found: {device} is there, but you may not use it. Add yourself to the group 'video'."
    return f"No webcam found: {device} gives no pictures. Is it used by another program, or not a camera?"


def _set_up(capture: cv2.VideoCapture, wanted: CaptureSettings, address: SourceAddress) -> None:
    """Ask a webcam for what is wanted, and log what it gives in its place.

    The pixel format comes first, since it decides which sizes there are, and the size decides which rates. What a
    driver answers to a request says little, so the values are read back.
    """
    if wanted.fourcc is not None:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted.fourcc))
    if wanted.width is not None and wanted.height is not None:
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wanted.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wanted.height)  # which OpenCV's V4L2 waits for before it sets either
    if wanted.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, wanted.fps)
    asked, given = [], []
    if wanted.fourcc is not None:
        asked.append(wanted.fourcc)
        given.append(_fourcc(int(capture.get(cv2.CAP_PROP_FOURCC))) or "an unknown format")
    if wanted.width is not None and wanted.height is not None:
        sides = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        asked.append(f"{wanted.width} x {wanted.height}")
        given.append(f"{sides[0]:.0f} x {sides[1]:.0f}")
    if wanted.fps is not None:
        fps = capture.get(cv2.CAP_PROP_FPS)
        near = abs(fps - wanted.fps) <= _FPS_TOLERANCE * wanted.fps
        asked.append(f"{wanted.fps:g} fps")
        given.append(asked[-1] if near else f"{fps:g} fps")
    if asked != given:
        _log.warning("%s: asked for %s; the camera gives %s", address, ", ".join(asked), ", ".join(given))


def check_file(path: Path) -> None:
    """Raise `SourceError` with the reason where a path is no readable, non-empty file."""
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
