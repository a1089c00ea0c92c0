"""The inference workers, shared by all cameras: as many as the machine can use, each with a detector of its own."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.clock import Clock
from monitor.domain.detection import Detection
from monitor.domain.health import Cause
from monitor.domain.ports import Detector
from monitor.pipeline.camera import Camera
from monitor.pipeline.capture import Captured
from monitor.pipeline.channel import Closed
from monitor.pipeline.crew import Crew
from monitor.pipeline.health import Fault
from monitor.pipeline.latest import LatestFrames

_log = logging.getLogger(__name__)

_RETRY_S = 1.0
#: Loading a SavedModel takes up to half a minute on a small machine.
_OPENING_S = 120.0


@dataclass(slots=True, eq=False)
class _Worker:
    """What the watchdog knows of a worker; `since_s` is when it began what it is doing, None while it waits."""

    name: str
    limit_s: float
    since_s: float | None = None
    holds: Sequence[str] = ()
    retired: threading.Event = field(default_factory=threading.Event)


class Workers:
    """Runs detectors over the newest pictures and hands what they find to the cameras.

    A detector that raises is opened again; one that hangs for `timeout_s` is left behind, its cameras are freed, and a
    new worker takes its place. Until a look has succeeded again, `fault` says what is wrong. `batch` is how many
    pictures, of different cameras, go through a detector at once.
    """

    def __init__(
        self,
        open_detector: Callable[[], Detector],
        cameras: Mapping[str, Camera],
        frames: LatestFrames[Captured],
        clock: Clock,
        timeout_s: float,
        count: int,
        batch: int,
    ) -> None:
        self.fault: Fault | None = None
        self.count = count
        self._open_detector = open_detector
        self._cameras = cameras
        self._frames = frames
        self._clock = clock
        self._timeout_s = timeout_s
        self._batch = batch
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()
        self._started = 0
        self._busy_s = 0.0
        self._looks = 0

    def start(self, crew: Crew) -> None:
        """Start all workers."""
        for _ in range(self.count):
            self._start_one(crew)

    def watch(self, crew: Crew) -> None:
        """Replace workers that have been at one look, or at opening their detector, for too long."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            hung = [w for w in self._workers if w.since_s is not None and now_s - w.since_s > w.limit_s]
            for worker in hung:
                worker.retired.set()
                self._workers.remove(worker)
        for worker in hung:
            self._say(f"{worker.name} has hung for {worker.limit_s:g} s and is left behind for a new one")
            for camera in worker.holds:
                self._frames.done(camera)
            if not crew.stop.is_set():
                self._start_one(crew)

    def capacity(self, over_s: float) -> float | None:
        """Return how many looks a second all workers together could do, by the last `over_s` seconds.

        Looks done, over the share of the time that workers were busy. None where they did too little to tell.
        """
        with self._lock:
            busy_s, looks = self._busy_s, self._looks
            self._busy_s, self._looks = 0.0, 0
        share = busy_s / (over_s * self.count)
        return None if looks == 0 or share < 0.02 else looks / over_s / min(1.0, share)

    def retire(self) -> None:
        """Let every worker end after the look it is at."""
        with self._lock:
            for worker in self._workers:
                worker.retired.set()
            self._workers.clear()
        self._frames.wake()

    def _start_one(self, crew: Crew) -> None:
        self._started += 1
        worker = _Worker(f"detect-{self._started}", _OPENING_S)
        with self._lock:
            self._workers.append(worker)
        crew.spawn(worker.name, lambda: self._run(worker))

    def _run(self, worker: _Worker) -> None:
        detector: Detector | None = None
        try:
            while not worker.retired.is_set():
                try:
                    if detector is None:
                        worker.limit_s, worker.since_s = _OPENING_S, self._clock.monotonic_s()
                        detector = self._open_detector()
                        worker.since_s = None
                        worker.limit_s = self._timeout_s
                    self._look(worker, detector)
                except Closed:
                    return
                except Exception as error:  # noqa: BLE001 - shown to people as a fault, and tried again with a fresh detector
                    worker.since_s = None
                    if worker.retired.is_set():
                        return
                    _log.debug("detector failure", exc_info=True)
                    self._say(f"the detector failed: {error}; it is opened again")
                    _close(detector)
                    detector = None
                    worker.retired.wait(_RETRY_S)
        finally:
            _close(detector)

    def _look(self, worker: _Worker, detector: Detector) -> None:
        taken = self._frames.take(self._batch, worker.retired.is_set)
        worker.holds = [name for name, _ in taken]
        started_s = self._clock.monotonic_s()
        worker.since_s = started_s
        try:
            found = detector.detect([captured.frame.image for _, captured in taken])
            if worker.retired.is_set():
                return  # somebody else holds these cameras by now
            worker.since_s = None  # what follows may wait for the journal: that is not a hung detector
            inference_s = (self._clock.monotonic_s() - started_s) / len(taken)
            for (name, captured), detections in zip(taken, found, strict=True):
                self._judge(name, captured, detections, inference_s)
        finally:
            if not worker.retired.is_set():
                for name, _ in taken:
                    self._frames.done(name)
        with self._lock:
            self._busy_s += self._clock.monotonic_s() - started_s
            self._looks += len(taken)
        if self.fault is not None:
            _log.warning("the detector works again")
            self.fault = None

    def _judge(self, name: str, captured: Captured, detections: list[Detection], inference_s: float) -> None:
        camera = self._cameras.get(name)
        if camera is not None:  # it may have been taken out of the configuration meanwhile
            camera.judge(captured.frame, captured.epoch, detections, inference_s, self._clock.monotonic_s)

    def _say(self, detail: str) -> None:
        if self.fault is None:
            _log.error("%s", detail)
        self.fault = Fault(Cause.DETECTOR, detail)


def _close(detector: Detector | None) -> None:
    if detector is not None:
        detector.close()
