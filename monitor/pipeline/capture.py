"""One camera's capture thread: connect, read, reconnect."""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from monitor.domain.address import SourceKind, redact
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.errors import SourceError
from monitor.domain.frame import Frame
from monitor.domain.health import Drop
from monitor.domain.ports import Source
from monitor.pipeline.backoff import Backoff
from monitor.pipeline.camera import Camera
from monitor.pipeline.health import LATE_S
from monitor.pipeline.latest import LatestFrames
from monitor.pipeline.live_check import LiveCheck
from monitor.pipeline.session import Session
from monitor.sources.lag import Lag

_log = logging.getLogger(__name__)

#: After frames have been late for this long, the connection is replaced, which empties the queue.
_RECONNECT_LATE_S = 5.0
_PING_EVERY_S = 1.0
#: A frame that arrives within this part of the frame interval was already waiting in a queue.
_AT_ONCE = 0.25
_USUAL_FPS, _LEAST_FPS = 25.0, 10.0
#: A stream is read at most a third faster than the flood limit, so that a flood or a burst leaves time for the others.
_READ_OVER = 4 / 3
#: A queue is empty after at most this time; the stated rate of some cameras is wrong.
_QUEUE_S = 2.0


class _UpstreamDrops:
    """Counts the frames that a source itself dropped as late or damaged."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._late = self._lost = 0

    def count(self, source: Source) -> None:
        """Add the frames that a source has dropped since the last call; a recording that restarts counts from 0."""
        for drop, count in (
            (Drop.LATE, source.late_frames - self._late),
            (Drop.CORRUPT, source.lost_frames - self._lost),
        ):
            for _ in range(count):
                self._session.count_upstream_drop(drop)
        self._late, self._lost = source.late_frames, source.lost_frames


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame for a worker, with its camera's name and its epoch."""

    camera: str
    epoch: int
    frame: Frame


class Capture:
    """Reads one camera into its slot until `stop` is set or a recording ends.

    `is_reachable` checks with little effort whether the camera responds, so that a camera that comes back is
    reconnected before the next attempt is due. `pause` waits for so many seconds and returns whether to stop.
    """

    def __init__(
        self,
        camera: Camera,
        make_source: Callable[[], Source],
        is_reachable: Callable[[], bool],
        frames: LatestFrames[Captured],
        backoff: Backoff,
        clock: Clock,
        stop: threading.Event,
        pause: Callable[[float], bool] | None = None,
    ) -> None:
        self._camera = camera
        self._make_source = make_source
        self._is_reachable = is_reachable
        self._frames = frames
        self._backoff = backoff
        self._clock = clock
        self._stop = stop
        self._pause = pause or stop.wait
        self._network = camera.settings.source.kind is SourceKind.STREAM  # only network streams can flood
        self._first_s: float | None = None

    def run(self) -> None:
        """Capture until stopped; the thread's body. Every failure is shown as the camera's health, and retried."""
        while not self._stop.is_set():
            self._first_s = None
            try:
                if self._connection():
                    return
            except SourceError as error:
                cause, detail = error.cause, str(error)
            except Exception as error:  # noqa: BLE001 - a fault of one camera affects no other
                _log.exception("%s: unexpected failure while reading", self._camera.name)
                cause, detail = Cause.UNEXPECTED, f"unexpected failure: {redact(repr(error))}"
            now_s = self._clock.monotonic_s()
            held_s = 0.0 if self._first_s is None else now_s - self._first_s
            self._camera.lost(cause, detail, now_s)
            if cause is Cause.FLOODING:
                self._camera.session.count_drop(Drop.SKIPPED)  # the frame that was one too many
                self._wait(self._backoff.longest_s(), ping=False)
            else:
                self._wait(self._backoff.next_s(held_s), ping=True)

    def _connection(self) -> bool:
        """Read one connection until it fails; return True at the end of a recording, or when stopped."""
        camera, session = self._camera, self._camera.session
        source = self._make_source()
        upstream_drops: _UpstreamDrops | None = None
        try:
            info = source.open()
            camera.connected(info, self._clock.monotonic_s())
            lag, late_since_s = Lag(), None
            queued, opened_s = True, self._clock.monotonic_s()
            upstream_drops = _UpstreamDrops(session)
            check = LiveCheck(camera.settings.source, info.fps)
            least_gap_s = 1 / (_READ_OVER * check.most_fps)
            at_once_s = _AT_ONCE / max(info.fps or _USUAL_FPS, _LEAST_FPS)
            grabbed_s = -math.inf
            while not self._stop.is_set():
                if self._network and (early_s := grabbed_s + least_gap_s - self._clock.monotonic_s()) > 0:
                    self._pause(early_s)
                grabbed_s = self._clock.monotonic_s()
                time_s = source.grab()
                if time_s is None:
                    now_s = self._clock.monotonic_s()
                    camera.lost(
                        Cause.ENDED, "the recording has ended; set `capture: {loop: true}` to play it in a loop", now_s
                    )
                    return True
                if self._stop.is_set():
                    break
                if self._first_s is None:
                    self._first_s = time_s
                lag_s = lag.update(time_s, source.media_s)
                upstream_drops.count(source)
                session.arrived(time_s, lag_s)
                if self._network:
                    check.update(time_s, source.media_s)
                # Frames that arrived while the stream was analysed wait in a queue: they are old, but would pass for
                # new.
                queued = queued and time_s - grabbed_s < at_once_s and grabbed_s - opened_s < _QUEUE_S
                if queued:
                    session.count_drop(Drop.SKIPPED)
                    continue
                if lag_s <= LATE_S:
                    late_since_s = None
                    self._offer(source, time_s)
                    continue
                session.count_drop(Drop.LATE)
                late_since_s = time_s if late_since_s is None else late_since_s
                if time_s - late_since_s > _RECONNECT_LATE_S:
                    raise SourceError(
                        f"{camera.settings.source}: pictures arrive {lag_s:.1f} s late; reconnecting", Cause.LAGGING
                    )
            return True
        finally:
            if upstream_drops is not None:
                upstream_drops.count(source)
            source.close()

    def _offer(self, source: Source, time_s: float) -> None:
        camera, session = self._camera, self._camera.session
        if not session.is_due(time_s):
            session.count_drop(Drop.SKIPPED)
            return
        try:
            frame = source.retrieve()
        except SourceError:
            session.count_drop(Drop.CORRUPT)
            return
        epoch = camera.accept_frame(frame)
        if epoch is None:
            session.count_drop(Drop.SKIPPED)
            return
        if self._frames.offer(camera.name, Captured(camera.name, epoch, frame)):
            session.count_drop(Drop.SUPERSEDED)

    def _wait(self, wait_s: float, *, ping: bool) -> None:
        """Wait before the next attempt, or, with `ping`, until an unreachable camera becomes reachable."""
        reachable = not ping or self._is_reachable()
        until_s = self._clock.monotonic_s() + wait_s
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            if self._pause(min(left_s, _PING_EVERY_S)):
                return
            if not reachable and self._is_reachable():
                return
