"""Cameras that misbehave, to measure what they do to the others."""

import threading
from collections.abc import Callable
from dataclasses import replace

from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.domain.ports import Source

KINDS = ("hang", "flood", "flap")

_FLAP_FRAMES = 5


class Misbehaving:
    """A recording as a camera that hangs in a read, floods (gives frames as fast as they decode) or flaps.

    A hanging one gives a few frames and then blocks until `released`; a flapping one fails after a few, for ever.
    """

    def __init__(self, kind: str, make: Callable[[], Source], clock: Clock, released: threading.Event) -> None:
        self._kind = kind
        self._make = make
        self._clock = clock
        self._released = released
        self._recording = make()
        self._index = -1
        self._time_s = 0.0
        self.source_id = self._recording.source_id
        self.media_s = None
        self.end_reason = EndReason.FINISHED
        self.lost_frames = 0
        self.late_frames = 0

    def open(self) -> SourceInfo:
        """Open the recording."""
        return replace(self._recording.open(), frame_count=None, live=True)

    def grab(self) -> float | None:
        """Step to the next frame, or misbehave; see the port."""
        self._index += 1
        if self._index >= _FLAP_FRAMES:
            if self._kind == "flap":
                raise SourceError("flapping", Cause.ENDED)
            if self._kind == "hang":
                self._released.wait()
                return None
        if self._recording.grab() is None:
            self._recording.close()
            self._recording = self._make()
            self._recording.open()
            self._recording.grab()
        self._time_s = self._clock.monotonic_s()
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; see the port."""
        frame = self._recording.retrieve()
        return replace(frame, index=self._index, time_s=self._time_s, captured_at=self._clock.utc_now(), media_s=None)

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()
