"""A recording played as a camera: at its own rate, once or in a loop."""

from collections.abc import Callable
from dataclasses import replace

from monitor.domain.clock import Clock
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame, SourceInfo
from monitor.sources.images import ImageSource
from monitor.sources.packets import PacketTap
from monitor.sources.recording import RecordingSource

_PERIOD_IF_UNKNOWN_S = 0.04


class PlayedFile:
    """Returns each frame when it is due; without `loop` it ends with the recording.

    `pause` waits for so many seconds, or less if the capture stops. A slow reader gets late frames, as from a camera,
    and catches up without waits. A `tap` gets the time of each frame; its packets come from what `make` returns.
    """

    def __init__(
        self,
        make: Callable[[], RecordingSource | ImageSource],
        clock: Clock,
        pause: Callable[[float], object],
        *,
        loop: bool,
        tap: PacketTap | None = None,
    ) -> None:
        self._make = make
        self._clock = clock
        self._pause = pause
        self._loop = loop
        self._tap = tap
        self._recording = make()
        self.source_id = self._recording.source_id
        self._period_s = _PERIOD_IF_UNKNOWN_S
        self._index = -1
        self._started_s = 0.0
        self._round_s = 0.0
        self._time_s = 0.0
        self.media_s: float = 0.0

    @property
    def end_reason(self) -> EndReason:
        """Why the recording ended."""
        return self._recording.end_reason

    @property
    def lost_frames(self) -> int:
        """How many frames of this round could not be decoded."""
        return self._recording.lost_frames

    @property
    def late_frames(self) -> int:
        """Always 0: a late reader gets the next frame without a wait."""
        return 0

    def open(self) -> SourceInfo:
        """Open the recording; raises `SourceError`."""
        info = self._recording.open()
        self._period_s = 1 / info.fps if info.fps else _PERIOD_IF_UNKNOWN_S
        self._started_s = self._clock.monotonic_s()
        return replace(info, frame_count=None, live=True)

    def grab(self) -> float | None:
        """Step to the next frame and wait for its time; see the port."""
        position_s = self._recording.grab()
        if position_s is None:
            if not self._loop:
                return None
            self._round_s = self.media_s + self._period_s
            self._recording.close()
            self._recording = self._make()
            self._recording.open()
            position_s = self._recording.grab() or 0.0
        self._index += 1
        self.media_s = self._round_s + position_s
        early_s = self._started_s + self.media_s - self._clock.monotonic_s()
        if early_s > 0:
            self._pause(early_s)
        self._time_s = self._clock.monotonic_s()
        if self._tap is not None and isinstance(self._recording, RecordingSource):
            self._tap.shown(self._recording.stamp_s, self._time_s)
        return self._time_s

    def retrieve(self) -> Frame:
        """Convert the frame last grabbed; see the port."""
        frame = self._recording.retrieve()
        return replace(
            frame, index=self._index, time_s=self._time_s, captured_at=self._clock.utc_now(), media_s=self.media_s
        )

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()
