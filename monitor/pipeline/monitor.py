"""The live monitor: a capture thread a camera, workers shared by all, a recorder, and a watchdog over everybody."""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.config.camera import CameraSettings
from monitor.domain.clock import Clock
from monitor.domain.errors import OutputError
from monitor.domain.health import CameraStatus, Condition, Drop, Health
from monitor.domain.ports import Detector, Sink, Source
from monitor.pipeline.backoff import Backoff
from monitor.pipeline.camera import Camera
from monitor.pipeline.capture import Capture, Captured
from monitor.pipeline.health import assess
from monitor.pipeline.latest import LatestFrames
from monitor.pipeline.pace import allot
from monitor.pipeline.process import memory_mb
from monitor.pipeline.recorder import EventRecord, Recorder
from monitor.pipeline.threads import ThreadGroup
from monitor.pipeline.workers import Workers

_log = logging.getLogger(__name__)

_WATCH_EVERY_S = 0.25
_GOVERN_EVERY_S = 1.0
_SUMMARY_EVERY_S = 60.0

#: The part of what the workers could do that is given out: the rest keeps latency low when all cameras are busy.
_SHARE_GIVEN = 0.95

#: Stopping takes at most these together, whatever a camera is doing.
_LOOKS_END_S, _RECORDING_ENDS_S, _CAPTURES_END_S = 0.6, 1.2, 0.7


@dataclass(frozen=True, slots=True)
class Inference:
    """What the workers are made of: how many, and how many pictures go through each at once.

    `decisive` is what incidents say of the detector, as plain values.
    """

    open_detector: Callable[[], Detector]
    count: int
    batch: int
    timeout_s: float
    provenance: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Factories:
    """How to make what the live monitor is built of."""

    clock: Clock
    make_camera: Callable[[str, CameraSettings, Callable[[EventRecord], None]], Camera]
    make_source: Callable[[str, CameraSettings, Callable[[float], object]], Source]
    is_reachable: Callable[[CameraSettings], bool]
    make_recorder: Callable[[threading.Event], Recorder]
    open_sinks: Callable[[], Sequence[Sink]]
    chance: random.Random


class Monitor:
    """Watches cameras until it is stopped; `apply` may be called again with other cameras while it runs.

    `start`, `apply` and `stop` belong to one thread; `statuses` may be asked by any.
    """

    def __init__(self, factories: Factories) -> None:
        self._factories = factories
        self._clock = factories.clock
        self._threads = ThreadGroup(on_failure=self._wake)
        self._frames: LatestFrames[Captured] = LatestFrames()
        self._recorder = factories.make_recorder(self._threads.stop)
        self._cameras: dict[str, Camera] = {}
        self._stops: dict[str, threading.Event] = {}
        self._workers: Workers | None = None
        self._capacity: float | None = None
        self._provenance: Mapping[str, object] = {}

    @property
    def stopped(self) -> threading.Event:
        """Set when the monitor stops, by itself after a failure too."""
        return self._threads.stop

    def start(self, cameras: Mapping[str, CameraSettings], inference: Inference) -> None:
        """Start watching."""
        self._threads.spawn("record", lambda: self._recorder.run(self._factories.open_sinks))
        self.apply(cameras, inference)
        self._threads.spawn("watchdog", self._watch)

    def apply(self, cameras: Mapping[str, CameraSettings], inference: Inference | None) -> None:
        """Watch these cameras: only those that changed are stopped or started. With `inference`, use new workers."""
        for name in [name for name, camera in self._cameras.items() if cameras.get(name) != camera.settings]:
            self._remove(name)
        if inference is not None:
            if self._workers is not None:
                self._workers.retire()
            self._capacity = None
            self._provenance = inference.provenance
            for camera in self._cameras.values():
                camera.detector = self._provenance
            self._workers = Workers(
                inference.open_detector,
                self._frames,
                self._clock,
                inference.timeout_s,
                inference.count,
                inference.batch,
            )
            self._workers.start(self._threads)
        for name, settings in cameras.items():
            if name not in self._cameras:
                self._add(name, settings)
        self._cameras = {name: self._cameras[name] for name in cameras}

    def statuses(self) -> list[CameraStatus]:
        """Return every camera as it is now, in the order of the configuration."""
        now_s = self._clock.monotonic_s()
        return [camera.status(now_s) for camera in self.cameras()]

    def cameras(self) -> list[Camera]:
        """Return every camera, in the order of the configuration."""
        return list(self._cameras.values())

    def camera(self, name: str) -> Camera | None:
        """Return a camera, or None where there is no such."""
        return self._cameras.get(name)

    def running(self) -> list[str]:
        """Return the threads that are at work; after `stop`, those that did not end in time (a read that hangs)."""
        return self._threads.running()

    def stop(self) -> None:
        """Stop everything and complete the journal, in at most 2.5 s; see `running` for who did not end.

        Raises what made the monitor stop by itself, and `OutputError` where not everything that
        happened could be written.
        """
        self._wake()
        self._threads.stop.set()
        self._recorder.hurry()
        self._threads.wait(_LOOKS_END_S, "detect-")
        for camera in self._cameras.values():
            camera.end(self._clock.monotonic_s())
        self._recorder.close()
        self._threads.wait(_RECORDING_ENDS_S, "record")
        self._threads.wait(_CAPTURES_END_S)
        self._threads.raise_failure()
        if lost := self._recorder.unwritten + self._recorder.waiting():
            raise OutputError(f"{lost} records could not be written before the end; the log above says why")

    def _add(self, name: str, settings: CameraSettings) -> None:
        stop = threading.Event()
        camera = self._factories.make_camera(name, settings, self._recorder.put)
        camera.detector = self._provenance
        capture = Capture(
            camera,
            lambda: self._factories.make_source(name, settings, stop.wait),
            lambda: self._factories.is_reachable(settings),
            self._frames,
            Backoff(settings.capture.reconnect_max_s, self._factories.chance),
            self._clock,
            stop,
        )
        self._cameras[name], self._stops[name] = camera, stop
        self._threads.spawn(f"capture-{name}", capture.run)

    def _remove(self, name: str) -> None:
        self._stops.pop(name).set()
        self._cameras.pop(name).end(self._clock.monotonic_s())
        self._frames.forget(name)

    def _wake(self) -> None:
        for stop in list(self._stops.values()):
            stop.set()
        self._frames.close()

    def _watch(self) -> None:
        governed_s = told_s = self._clock.monotonic_s()
        while not self._threads.stop.wait(_WATCH_EVERY_S):
            now_s = self._clock.monotonic_s()
            workers = self._workers
            assert workers is not None
            workers.watch(self._threads)
            if now_s - governed_s >= _GOVERN_EVERY_S:
                self._govern(workers, now_s - governed_s, now_s)
                governed_s = now_s
            fault = workers.fault or self._recorder.fault
            for camera in self.cameras():
                before = camera.health
                camera.health = assess(camera.facts, now_s, camera.settings.health, fault, before)
                _tell_change(camera.name, before, camera.health)
            if now_s - told_s >= _SUMMARY_EVERY_S:
                told_s = now_s
                _tell_summary(self.statuses())

    def _govern(self, workers: Workers, over_s: float, now_s: float) -> None:
        """Give each camera its analyses per second: all that they want, or an even share of what the machine can do."""
        measured = workers.capacity(over_s)
        if measured is not None:
            self._capacity = measured if self._capacity is None else 0.7 * self._capacity + 0.3 * measured
        if self._capacity is None:
            return
        cameras = self.cameras()
        wanted = {camera.name: camera.demand_fps(now_s) for camera in cameras}
        enough = sum(wanted.values()) <= _SHARE_GIVEN * self._capacity
        given = {} if enough else allot(wanted, _SHARE_GIVEN * self._capacity)
        for camera in cameras:
            fps = given.get(camera.name)
            camera.limit(fps, now_s)


def _tell_change(name: str, before: Health, now: Health) -> None:
    if (before.condition, before.cause) == (now.condition, now.cause):
        return
    level = logging.INFO if now.condition in (Condition.LIVE, Condition.STARTING) else logging.WARNING
    words = now.condition.value + (f" ({now.cause.value})" if now.cause else "")
    lasted = f" after {now.since_s - before.since_s:.1f} s {before.condition.value}" if now.condition.current else ""
    _log.log(level, "%s: %s%s%s", name, words, lasted, f": {now.detail}" if now.detail else "")


def _tell_summary(statuses: Sequence[CameraStatus]) -> None:
    current = sum(status.health.condition.current for status in statuses)
    drops = {drop: sum(status.drops.get(drop, 0) for status in statuses) for drop in Drop if drop is not Drop.SKIPPED}
    worst = max((status.latency_ms.get("p95", 0.0) for status in statuses), default=0.0)
    _log.info(
        "%d of %d cameras current, %.1f analyses per second, p95 latency %.0f ms at most, %s, memory %.0f MB",
        current,
        len(statuses),
        sum(status.analysed_fps for status in statuses),
        worst,
        ", ".join(f"{count} {drop.value}" for drop, count in drops.items()),
        memory_mb(),
    )
