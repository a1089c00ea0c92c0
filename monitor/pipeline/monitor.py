"""The live monitor: a capture thread per camera, shared workers, a recorder, and a watchdog."""

import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.config.camera import CameraSettings
from monitor.domain.clock import Clock
from monitor.domain.event import Event, EventRecord
from monitor.domain.health import CameraStatus, Condition, Drop, Health
from monitor.domain.ports import Detector, Sink, Source
from monitor.domain.track import Analysis
from monitor.evidence.clips import ClipRecorder
from monitor.evidence.retention import Retention, Step, StorageStatus
from monitor.pipeline.backoff import Backoff
from monitor.pipeline.camera import Camera, MakeCamera
from monitor.pipeline.capture import Capture, Captured
from monitor.pipeline.latest import LatestFrames
from monitor.pipeline.pace import allot
from monitor.pipeline.process import give_way, memory_mb
from monitor.pipeline.recorder import Recorder
from monitor.pipeline.threads import ThreadGroup
from monitor.pipeline.topic import Topic
from monitor.pipeline.workers import WorkerPool

_log = logging.getLogger(__name__)

_WATCH_EVERY_S = 0.25
_GOVERN_EVERY_S = 1.0
_SUMMARY_EVERY_S = 60.0

#: The part of the workers' capacity that is allotted; the rest keeps latency low when all cameras are busy.
_SHARE_GIVEN = 0.95

#: Seconds that stopping waits for each stage, whatever a camera is doing.
_INFERENCES_END_S, _RECORDER_ENDS_S, _CAPTURES_END_S = 0.6, 1.2, 0.7


@dataclass(frozen=True, slots=True)
class Inference:
    """The configuration of the worker pool: the number of workers, and of frames that a detector analyses in one batch.

    `provenance` describes the detector as plain values and is stored with incidents.
    """

    open_detector: Callable[[], Detector]
    count: int
    batch: int
    timeout_s: float
    provenance: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Factories:
    """The factories of the live monitor's parts."""

    clock: Clock
    make_camera: MakeCamera
    make_source: Callable[[str, CameraSettings, Callable[[float], object]], Source]
    is_reachable: Callable[[CameraSettings], bool]
    make_recorder: Callable[[threading.Event, Topic[Event]], Recorder]
    open_sinks: Callable[[], Sequence[Sink]]
    rng: random.Random
    clips: ClipRecorder | None = None
    retentions: Sequence[Retention] = ()


class Monitor:
    """Watches cameras until it is stopped; `apply` may be called again with other cameras while it runs.

    `start`, `apply` and `stop` are called on one thread; everything else may be called on any. Subscribers get every
    `Analysis` from `analyses`, every event from `recorded` once it is written, and the name of each removed camera from
    `removed`.
    """

    def __init__(self, factories: Factories) -> None:
        self.analyses: Topic[Analysis] = Topic()
        self.recorded: Topic[Event] = Topic()
        self.removed: Topic[str] = Topic()
        self._events: Topic[EventRecord] = Topic()
        self._factories = factories
        self._clock = factories.clock
        self._threads = ThreadGroup(on_failure=self._wake)
        self._frames: LatestFrames[Captured] = LatestFrames()
        self._recorder = factories.make_recorder(self._threads.stop, self.recorded)
        self.clips = factories.clips
        if self.clips is not None:
            clips = self.clips
            self._events.subscribe(lambda record: clips.on_event(record.event))  # first: the recorder may wait
            self.analyses.subscribe(clips.on_analysis)
            self.removed.subscribe(clips.forget)
        self._events.subscribe(self._recorder.put)
        self._lock = threading.Lock()
        self._cameras: dict[str, Camera] = {}
        self._stops: dict[str, threading.Event] = {}
        self._pool: WorkerPool | None = None
        self._capacity: float | None = None

    @property
    def stopped(self) -> threading.Event:
        """Set when the monitor stops, also by itself after a failure."""
        return self._threads.stop

    def start(self, cameras: Mapping[str, CameraSettings], inference: Inference) -> None:
        """Start watching."""
        self._threads.spawn("record", lambda: self._recorder.run(self._factories.open_sinks))
        if self.clips is not None:
            self._threads.spawn("clips", self.clips.record)
            self._threads.spawn("clips-complete", _at_low_priority(self.clips.complete))
            self._threads.spawn("clips-encode", _at_low_priority(self.clips.encode))
        self.apply(cameras, inference)
        self._threads.spawn("watchdog", self._watch)
        for number, retention in enumerate(self._factories.retentions, start=1):
            self._threads.spawn(f"retention-{number}", lambda retention=retention: self._retain(retention))  # type: ignore[misc]

    def apply(self, cameras: Mapping[str, CameraSettings], inference: Inference | None) -> None:
        """Watch these cameras: only those that changed are stopped or started. With `inference`, use new workers."""
        watched = {camera.name: camera for camera in self._watched()}
        for name in [name for name, camera in watched.items() if cameras.get(name) != camera.settings]:
            self._remove(name)
            del watched[name]
        if inference is not None:
            self._use(inference)
        for name, settings in cameras.items():
            if name not in watched:
                self._add(name, settings)
        with self._lock:
            self._cameras = {name: self._cameras[name] for name in cameras}

    def names(self) -> list[str]:
        """Return the names of all cameras, in the order of the configuration."""
        return [camera.name for camera in self._watched()]

    def statuses(self) -> list[CameraStatus]:
        """Return every camera's status now, in the order of the configuration."""
        now_s = self._clock.monotonic_s()
        return [camera.session.status(now_s) for camera in self._watched()]

    def storage(self) -> StorageStatus:
        """Return the state of the evidence, of the journal whose disk is the fullest."""
        found = [retention.status for retention in self._factories.retentions]
        return max(found, key=lambda status: (list(Step).index(status.step), status.files), default=StorageStatus())

    def status(self, name: str) -> CameraStatus | None:
        """Return a camera's status now, None for an unknown name."""
        camera = self._find(name)
        return None if camera is None else camera.session.status(self._clock.monotonic_s())

    def rates(self, name: str) -> tuple[float, float]:
        """Return the frames of a camera received and analysed per second; 0 for an unknown name."""
        camera = self._find(name)
        return (0.0, 0.0) if camera is None else camera.session.rates(self._clock.monotonic_s())

    def settings(self, name: str) -> CameraSettings | None:
        """Return a camera's settings in effect, None for an unknown name."""
        camera = self._find(name)
        return None if camera is None else camera.settings

    def running(self) -> list[str]:
        """Return the names of the running threads; after `stop`, those that did not end in time (a read that hangs)."""
        return self._threads.running()

    def stop(self) -> None:
        """Stop everything and complete the journal, in at most 2.5 s; `running` names the threads that did not end.

        Raises the failure that made the monitor stop by itself, and `OutputError` if events are lost.
        """
        self._wake()
        self._threads.stop.set()
        self._recorder.hurry()
        self._threads.wait(_INFERENCES_END_S, "detect-")
        for camera in self._watched():
            camera.end(self._clock.monotonic_s())
        self._recorder.close()
        if self.clips is not None:
            self.clips.close()
        self._threads.wait(_RECORDER_ENDS_S, "record")
        try:
            self._recorder.give_up()
        finally:
            self._threads.wait(_CAPTURES_END_S)
            self._threads.raise_failure()

    def _watched(self) -> list[Camera]:
        with self._lock:
            return list(self._cameras.values())

    def _find(self, name: str) -> Camera | None:
        with self._lock:
            return self._cameras.get(name)

    def _use(self, inference: Inference) -> None:
        pool = WorkerPool(
            inference.open_detector,
            self._frames,
            self._find,
            self._clock,
            inference.timeout_s,
            inference.count,
            inference.batch,
            inference.provenance,
        )
        with self._lock:
            retired, self._pool, self._capacity = self._pool, pool, None
        if retired is not None:
            retired.retire()
        pool.start(self._threads)

    def _add(self, name: str, settings: CameraSettings) -> None:
        stop = threading.Event()
        camera = self._factories.make_camera(name, settings, self._events, self.analyses)
        capture = Capture(
            camera,
            lambda: self._factories.make_source(name, settings, stop.wait),
            lambda: self._factories.is_reachable(settings),
            self._frames,
            Backoff(settings.capture.reconnect_max_s, self._factories.rng),
            self._clock,
            stop,
        )
        with self._lock:
            self._cameras[name], self._stops[name] = camera, stop
        self._threads.spawn(f"capture-{name}", capture.run)

    def _remove(self, name: str) -> None:
        with self._lock:
            stop, camera = self._stops.pop(name), self._cameras.pop(name)
        stop.set()
        camera.end(self._clock.monotonic_s())
        self._frames.forget(name)
        self.removed.publish(name)

    def _wake(self) -> None:
        with self._lock:
            stops = list(self._stops.values())
        for stop in stops:
            stop.set()
        self._frames.close()

    def _watch(self) -> None:
        governed_s = summarised_s = self._clock.monotonic_s()
        while not self._threads.stop.wait(_WATCH_EVERY_S):
            now_s = self._clock.monotonic_s()
            with self._lock:
                pool = self._pool
            assert pool is not None
            pool.watch(self._threads)
            if now_s - governed_s >= _GOVERN_EVERY_S:
                self._govern(pool, now_s - governed_s, now_s)
                governed_s = now_s
            fault = pool.fault or self._recorder.fault
            for camera in self._watched():
                _log_change(camera.name, *camera.session.assess(now_s, fault))
            if now_s - summarised_s >= _SUMMARY_EVERY_S:
                summarised_s = now_s
                self._log_summary()

    def _retain(self, retention: Retention) -> None:
        give_way()
        retention.run(self._threads.stop)

    def _log_summary(self) -> None:
        try:
            _log_summary(self.statuses())
        except Exception:  # noqa: BLE001 - a line for people must not end the monitor
            _log.exception("the summary of the last minute cannot be logged")

    def _govern(self, pool: WorkerPool, over_s: float, now_s: float) -> None:
        """Set each camera's analyses per second: the requested rate, or a fair share of the machine's capacity."""
        measured = pool.capacity(over_s)
        with self._lock:
            if measured is not None and pool is self._pool:
                self._capacity = measured if self._capacity is None else 0.7 * self._capacity + 0.3 * measured
            capacity = self._capacity
        if capacity is None:
            return
        sessions = [camera.session for camera in self._watched()]
        wanted = {session.name: session.demand_fps(now_s) for session in sessions}
        enough = sum(wanted.values()) <= _SHARE_GIVEN * capacity
        allotted = {} if enough else allot(wanted, _SHARE_GIVEN * capacity)
        for session in sessions:
            session.limit(allotted.get(session.name), now_s)


def _at_low_priority(body: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        give_way()
        body()

    return run


def _log_change(name: str, before: Health, now: Health) -> None:
    if (before.condition, before.cause) == (now.condition, now.cause):
        return
    level = logging.INFO if now.condition in (Condition.LIVE, Condition.STARTING) else logging.WARNING
    words = now.condition.value + (f" ({now.cause.value})" if now.cause else "")
    lasted = f" after {now.since_s - before.since_s:.1f} s {before.condition.value}" if now.condition.current else ""
    _log.log(level, "%s: %s%s%s", name, words, lasted, f": {now.detail}" if now.detail else "")


def _log_summary(statuses: Sequence[CameraStatus]) -> None:
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
