"""The live monitor with real sources and threads, a detector that a test can break, and a journal in memory."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock, SystemClock, utc_at
from monitor.domain.detection import Detection
from monitor.domain.errors import OutputError
from monitor.domain.event import Event, EventRecord
from monitor.domain.health import CameraStatus, Condition
from monitor.domain.ports import Detector, Sink, Source
from monitor.domain.track import Analysis
from monitor.evidence.clips import ClipRecorder
from monitor.pipeline.analyzer import Analyzer
from monitor.pipeline.camera import Camera
from monitor.pipeline.monitor import Factories, Inference, Monitor
from monitor.pipeline.recorder import Recorder
from monitor.pipeline.session import Session
from monitor.pipeline.topic import Topic
from monitor.rules.judge import Judge
from monitor.sources.opening import make_camera_source
from monitor.sources.ping import is_reachable
from monitor.storage.snapshots import SnapshotFolder
from tests.fakes import FACE, WITHOUT, AnsweringDetector, FakeSink, FakeTracker

#: The machine may be busy with other things.
DEADLINE_S = 30.0
#: Short limits, so that a test need not wait long for them.
CAPTURE = {"open_timeout_s": 3, "read_timeout_s": 1, "reconnect_max_s": 2}
HEALTH = {"stale_after_s": 0.75}

MakeSource = Callable[[str, CameraSettings, Callable[[float], object]], Source]


def until(
    condition: Callable[[], object], what: Callable[[], object] | str = "", within_s: float = DEADLINE_S
) -> float:
    """Wait until something is the case; return how long that took."""
    started = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - started
        assert waited_s < within_s, f"not within {within_s:g} s: {what() if callable(what) else what}"
        threading.Event().wait(0.01)
    return time.monotonic() - started


def camera(source: str | Path, **more: Any) -> CameraSettings:
    """Return a camera's settings with short limits."""
    return CameraSettings.model_validate({"source": str(source), "capture": CAPTURE, "health": HEALTH} | more)


def recording(path: Path, **more: Any) -> CameraSettings:
    """Return the settings of a recording that plays as a camera for ever."""
    return camera(path, capture=CAPTURE | {"loop": True}, **more)


def healthy(path: Path) -> CameraSettings:
    """Return the settings of a camera that nothing should happen to, with limits that a busy machine can keep."""
    return recording(path, health={"stale_after_s": 2}, tracking={"lost_after_s": 3})


def everybody_bare(_: object) -> list[Detection]:
    """Find one person without a mask, always at the same place."""
    return [Detection(FACE, WITHOUT, 1.0)]


@dataclass
class Watch:
    """A running monitor as a test sees it."""

    live: Monitor
    sink: FakeSink

    def status(self, name: str) -> CameraStatus:
        return next(status for status in self.live.statuses() if status.camera == name)

    def shows(self, name: str, condition: Condition, cause: Cause | None = None) -> bool:
        health = self.status(name).health
        return health.condition is condition and health.cause is cause

    def wait(self, name: str, condition: Condition, *causes: Cause, within_s: float = DEADLINE_S) -> float:
        """Wait until a camera shows this; return how long that took."""
        wanted = [(condition, cause) for cause in causes or (None,)]

        def there() -> bool:
            health = self.status(name).health
            return (health.condition, health.cause) in wanted

        return until(there, lambda: f"{name} is {self.status(name).health}, not {wanted}", within_s)

    def looks(self, name: str, more: int = 5) -> None:
        """Wait until a camera has been judged some more times."""
        enough = self.status(name).analysed + more
        until(lambda: self.status(name).analysed >= enough, lambda: f"{self.status(name)}")

    def told(self, *kinds: type, source: str | None = None) -> list[Event]:
        return [
            event
            for event in list(self.sink.events)
            if isinstance(event, kinds or object) and source in (None, event.source_id)
        ]

    def stop(self) -> float:
        """Stop; return how long that took."""
        started = time.monotonic()
        self.live.stop()
        return time.monotonic() - started


def refuse(_: object) -> None:
    """Have no place for records that could not be written."""
    raise OutputError("there is no place for them")


@contextmanager
def watching(
    cameras: Mapping[str, CameraSettings],
    folder: Path,
    *,
    open_detector: Callable[[], Detector] = lambda: AnsweringDetector(everybody_bare),
    sinks: Callable[[], Sequence[Sink]] | None = None,
    make_source: MakeSource | None = None,
    there: Callable[[CameraSettings], bool] = lambda settings: is_reachable(settings.source, 0.5),
    clock: Clock | None = None,
    count: int = 2,
    batch: int = 1,
    timeout_s: float = 2.0,
    clips: ClipRecorder | None = None,
) -> Iterator[Watch]:
    """Watch these cameras until the block ends; nothing may be left running."""
    clock = clock or SystemClock()
    sink = FakeSink()

    def to_utc(time_s: float) -> Any:
        return utc_at(clock, time_s)

    def make_camera(
        name: str, settings: CameraSettings, events: Topic[EventRecord], analyses: Topic[Analysis]
    ) -> Camera:
        if clips is not None:
            clips.add(name, settings)
        judge = Judge(name, settings.rules, f"{time.monotonic_ns()}-")
        analyzer = Analyzer(FakeTracker, judge, settings.tracking.lost_after_s)
        return Camera(Session(name, settings, clock), analyzer, events, analyses)

    def real_source(name: str, settings: CameraSettings, pause: Callable[[float], object]) -> Source:
        return make_camera_source(name, settings, clock, pause, None if clips is None else clips.tap(name))

    pictures = SnapshotFolder(folder / "incidents")
    live = Monitor(
        Factories(
            clock=clock,
            make_camera=make_camera,
            make_source=make_source or real_source,
            is_reachable=there,
            make_recorder=lambda stop, told: Recorder(lambda _: pictures, refuse, to_utc, stop, told),
            open_sinks=sinks or (lambda: [sink]),
            rng=random.Random(1),
            clips=clips,
        )
    )
    live.start(cameras, Inference(open_detector, count, batch, timeout_s))
    try:
        yield Watch(live, sink)
    finally:
        try:
            live.stop()
        except OutputError:
            if not live.stopped.is_set():
                raise
