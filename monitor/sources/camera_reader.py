"""A network camera that is read in a process of its own, which what the camera sends may exhaust or crash."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from monitor.config.capture import CaptureSettings
from monitor.domain.address import SourceAddress, printable
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.camera_processes import Reader, start_reader
from monitor.sources.camera_reading import MEMORY_BYTES, MESSAGE_BYTES, PICTURE_BYTES
from monitor.sources.packet_channel import MOST_BYTES, deliver
from monitor.sources.packets import PacketTap

#: Seconds beyond the time-outs of a camera until its process counts as hung, on a busy machine.
_GRACE_S = 5.0
#: Finding the cause of a failure takes a few seconds more, and starting the first process.
_DIAGNOSIS_S = 15.0

_TOO_MUCH = (
    f"its pictures need more than {MEMORY_BYTES // 2**20} MB to decode; use the camera's smaller stream, or lower its "
    "resolution or its number of reference frames"
)
_CRASH = "the process that reads it has ended: what it sends crashes the decoder, or memory is short; reconnecting"
_CAUSES = {cause.value: cause for cause in Cause}


class CameraReader:
    """One video track of a network camera, read by `StreamSource` in a process that is limited in memory.

    `time_s` is the monotonic clock at arrival. Pictures larger than 1920 x 1080 pixels are scaled down to as many. The
    process starts with `open` and ends with `close`. `pause` waits for so many seconds between single pictures. A `tap`
    receives the packets as they came, with each frame.
    """

    def __init__(
        self,
        source_id: str,
        address: SourceAddress,
        clock: Clock,
        settings: CaptureSettings,
        poll_fps: float,
        pause: Callable[[float], object] = time.sleep,
        tap: PacketTap | None = None,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0
        self.media_s: float | None = None
        self._address = address
        self._clock = clock
        self._settings = settings
        self._poll_fps = poll_fps
        self._pause = pause
        self._tap = tap
        self._reader: Reader | None = None
        self._ended: SourceError | None = None  # why the process is gone
        self._index = -1
        self._time_s = 0.0

    def open(self) -> SourceInfo:
        """Start the process and connect; raises `SourceError`."""
        try:
            self._reader = start_reader()
        except OSError as error:
            words = f"no process can be started to read it: {error.strerror}"
            raise SourceError(f"{self._address}: {words}") from error
        try:
            return self._opened()
        except BaseException:
            self.close()
            raise

    def _opened(self) -> SourceInfo:
        answer = self._ask(
            2 * self._settings.open_timeout_s + _DIAGNOSIS_S,
            do="open",
            name=self.source_id,
            address=self._address.value,
            settings=self._settings.model_dump(mode="json"),
            poll_fps=self._poll_fps,
            packets=self._tap is not None,
        )
        fps, codec = answer.get("fps"), answer.get("codec")
        return SourceInfo(
            width_px=int(answer["width"]),
            height_px=int(answer["height"]),
            fps=None if fps is None else float(fps),
            frame_count=None,
            codec=None if codec is None else printable(str(codec)),
            live=True,
        )

    def grab(self) -> float | None:
        """Wait for the next frame; see the port."""
        media_s = self._ask(self._settings.read_timeout_s + _GRACE_S, do="grab").get("media_s")
        self.media_s = None if media_s is None else float(media_s)
        self._index += 1
        self._time_s = self._clock.monotonic_s()
        if self._tap is not None:
            self._tap.shown(self.media_s, self._time_s)
        return self._time_s

    def retrieve(self) -> Frame:
        """Return the frame last grabbed; raises `SourceError` if it is damaged."""
        answer = self._ask(_GRACE_S + self._settings.read_timeout_s, do="retrieve")
        shape = (int(answer["height"]), int(answer["width"]), 3)
        if self._reader is None or min(shape) < 1 or math.prod(shape) > PICTURE_BYTES:
            raise self._end(SourceError(f"{self._address}: {_CRASH}", Cause.UNDECODABLE))
        # A copy, since the process writes the next picture into the same memory.
        image = np.frombuffer(self._reader.pixels, np.uint8, math.prod(shape)).reshape(shape).copy()
        image.setflags(write=False)
        return Frame(image, self.source_id, self._index, self._time_s, self._clock.utc_now(), self.media_s)

    def close(self) -> None:
        """Let the process close the connection and end."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _ask(self, within_s: float, **request: Any) -> dict[str, Any]:
        """Return the answer to a request; raises `SourceError` for a fault of the camera or the end of its process."""
        if self._reader is None:
            raise self._ended or SourceError(f"{self._address}: is not open")
        channel = self._reader.channel
        channel.settimeout(within_s + _GRACE_S)
        started_s = time.monotonic()
        try:
            channel.send(json.dumps(request | {"seconds": math.ceil(within_s)}).encode())
            while "pause_s" in (answer := self._received(channel.recv(MESSAGE_BYTES))):
                self._pause(float(answer["pause_s"]))
                channel.send(b"{}")
                started_s = time.monotonic()
            self._take_packets(self._reader, int(answer.get("packets", 0)))
        except (OSError, ValueError) as error:
            raise self._end(self._why_ended(time.monotonic() - started_s, within_s)) from error
        self.lost_frames = int(answer.get("lost", self.lost_frames))
        self.late_frames = int(answer.get("late", self.late_frames))
        if "fault" in answer:
            raise SourceError(printable(str(answer["fault"])), _CAUSES.get(answer.get("cause", ""), Cause.UNEXPECTED))
        if "memory" in answer:
            raise self._end(SourceError(f"{self._address}: {_TOO_MUCH}", Cause.UNDECODABLE))
        if "unexpected" in answer:
            raise RuntimeError(str(answer["unexpected"]))
        return answer

    def _take_packets(self, reader: Reader, size: int) -> None:
        """Pass on the packets that follow an answer; raises `OSError` or `ValueError` if the process is broken."""
        if not size or self._tap is None:
            return
        if size > 2 * MOST_BYTES:
            raise ValueError(size)
        reader.packets.settimeout(_GRACE_S)
        data = bytearray(size)
        view, at = memoryview(data), 0
        while at < size:
            count = reader.packets.recv_into(view[at:])
            if not count:
                raise ConnectionResetError
            at += count
        deliver(bytes(data), self._tap)

    def _end(self, error: SourceError) -> SourceError:
        """Let go of the process, and return the error that every later request raises."""
        self.close()
        self._ended = error
        return error

    def _why_ended(self, waited_s: float, within_s: float) -> SourceError:
        if waited_s < within_s:
            return SourceError(f"{self._address}: {_CRASH}", Cause.UNDECODABLE)
        words = f"does not respond, and exceeds all time-outs ({waited_s:.0f} s); reconnecting"
        return SourceError(f"{self._address}: {words}", Cause.TIMED_OUT)

    @staticmethod
    def _received(message: bytes) -> dict[str, Any]:
        answer = json.loads(message)  # nothing at all if the process has ended
        if not isinstance(answer, dict):
            raise ValueError(answer)  # noqa: TRY004 - the process is broken, not the program
        return answer
