"""The pool of inference workers, shared by all cameras: each worker has a detector of its own."""

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.detection import Detection
from monitor.domain.errors import ModelError
from monitor.domain.health import Drop
from monitor.domain.ports import Detector
from monitor.pipeline.camera import Camera
from monitor.pipeline.capture import Captured
from monitor.pipeline.channel import Closed
from monitor.pipeline.health import Fault
from monitor.pipeline.latest import LatestFrames
from monitor.pipeline.threads import ThreadGroup

_log = logging.getLogger(__name__)

_RETRY_S = 1.0
#: A fault is shown for at least so long, however soon it is mended.
_FAULT_SHOWN_S = 3.0
#: Loading a SavedModel takes up to half a minute on a small machine.
_OPENING_S = 120.0
#: A slot whose detectors keep hanging waits twice as long each time before it gets another worker, up to this.
_LONGEST_WAIT_S = 300.0
#: So many that hang in one slot, each with its model and its thread, are as many as a machine is asked to carry.
_MOST_HUNG = 8


@dataclass(slots=True, eq=False)
class _Worker:
    """What the watchdog knows of a worker; read and written under the pool's lock.

    `since_s` is when it began what it is doing, None while it waits for frames. `slot` outlives it: the worker that
    replaces an abandoned one has its slot. `retired` ends it after the inference that it is at; `abandoned` means that
    its cameras are with others by now.
    """

    slot: int
    name: str
    limit_s: float = _OPENING_S
    since_s: float | None = None
    holds: Sequence[tuple[str, Captured]] = ()
    retired: threading.Event = field(default_factory=threading.Event)
    abandoned: bool = False
    ended: bool = False


class WorkerPool:
    """Runs detectors over the newest frames and hands what they find to the cameras.

    A detector that raises or gives nonsense is opened again; one that hangs for `timeout_s` is abandoned, its cameras
    are freed, and a new worker takes its slot; later and later where those hang as well, and not at all while too many
    do. Until an inference from that slot has succeeded again, or it waits for frames with nothing wrong, `fault` says
    what is wrong. `batch` is how many frames, of different cameras, go through a detector at once. `find_camera`
    returns the camera of an id, None where it is watched no longer. `provenance` is what incidents say of the detector.
    """

    def __init__(
        self,
        open_detector: Callable[[], Detector],
        frames: LatestFrames[Captured],
        find_camera: Callable[[str], Camera | None],
        clock: Clock,
        timeout_s: float,
        count: int,
        batch: int,
        provenance: Mapping[str, object],
    ) -> None:
        self.count = count
        self._open_detector = open_detector
        self._frames = frames
        self._find_camera = find_camera
        self._provenance = provenance
        self._clock = clock
        self._timeout_s = timeout_s
        self._batch = batch
        self._workers: list[_Worker] = []
        self._hung: list[_Worker] = []
        self._hangs: Counter[int] = Counter()
        self._due: dict[int, float] = {}
        self._retired = False
        self._faults: dict[int, tuple[float, Fault]] = {}
        self._lock = threading.Lock()
        self._started = 0
        self._busy_s = 0.0
        self._inferences = 0

    @property
    def fault(self) -> Fault | None:
        """What is wrong with a worker, None while nothing is."""
        with self._lock:
            return next((fault for _, fault in self._faults.values()), None)

    def start(self, threads: ThreadGroup) -> None:
        """Start all workers."""
        for slot in range(self.count):
            self._start_one(slot, threads)

    def watch(self, threads: ThreadGroup) -> None:
        """Replace workers that have been at one inference, or at opening their detector, for too long."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            hung = [w for w in self._workers if w.since_s is not None and now_s - w.since_s > w.limit_s]
            held = self._abandon(hung)
            for worker in hung:
                self._workers.remove(worker)
                hangs = self._hangs[worker.slot]
                self._due[worker.slot] = now_s + (min(self._timeout_s * 2**hangs, _LONGEST_WAIT_S) if hangs else 0.0)
                self._hangs[worker.slot] += 1
            self._hung = [worker for worker in (*self._hung, *hung) if not worker.ended]
            still = Counter(worker.slot for worker in self._hung)
            waiting = {worker.slot for worker in self._workers if worker.since_s is None}
            due = [slot for slot, at_s in self._due.items() if at_s <= now_s and still[slot] < _MOST_HUNG]
        for worker in hung:
            left = "and is replaced"
            if still[worker.slot] >= _MOST_HUNG:
                left = (
                    f"like {_MOST_HUNG - 1} before it; it is not replaced until one of them ends: restart the monitor"
                )
            self._blame(worker, f"{worker.name} has hung for {worker.limit_s:g} s {left}")
        self._free(held)
        for slot in due:
            del self._due[slot]
            if not threads.stop.is_set():
                self._start_one(slot, threads)
        for slot in waiting:
            self._recovered(slot)

    def capacity(self, over_s: float) -> float | None:
        """Return how many inferences per second all workers together could do, by the last `over_s` seconds.

        Inferences done, over the share of the time that workers were busy. None where they did too few to tell.
        """
        with self._lock:
            busy_s, inferences = self._busy_s, self._inferences
            self._busy_s, self._inferences = 0.0, 0
        share = busy_s / (over_s * self.count)
        return None if inferences == 0 or share < 0.02 else inferences / over_s / min(1.0, share)

    def retire(self) -> None:
        """Let every worker end; an inference that is under way is abandoned, since it may be one that hangs."""
        with self._lock:
            self._retired = True
            held = self._abandon([worker for worker in self._workers if worker.since_s is not None])
            for worker in self._workers:
                worker.retired.set()
            self._workers.clear()
        self._free(held)
        self._frames.wake()

    @staticmethod
    def _abandon(workers: Sequence[_Worker]) -> list[tuple[str, Captured]]:
        """Abandon workers, under the lock; return the frames that they hold."""
        held: list[tuple[str, Captured]] = []
        for worker in workers:
            worker.abandoned = True
            worker.retired.set()
            held += worker.holds
            worker.holds = ()
        return held

    def _free(self, held: Sequence[tuple[str, Captured]]) -> None:
        """Count frames that were not analysed, and free their cameras."""
        for name, _ in held:
            if (camera := self._find_camera(name)) is not None:
                camera.session.count_drop(Drop.FAILED)
            self._frames.done(name)

    def _start_one(self, slot: int, threads: ThreadGroup) -> None:
        with self._lock:
            if self._retired:
                return
            self._started += 1
            worker = _Worker(slot, f"detect-{self._started}")
            self._workers.append(worker)
        threads.spawn(worker.name, lambda: self._run(worker))

    def _run(self, worker: _Worker) -> None:
        detector: Detector | None = None
        try:
            while not worker.retired.is_set():
                try:
                    if detector is None:
                        self._busy_with(worker, _OPENING_S)
                        detector = self._open_detector()
                        self._idle(worker)
                    self._infer(worker, detector)
                except Closed:
                    return
                except Exception as error:  # noqa: BLE001 - shown to people as a fault, and tried again afresh
                    if not self._idle(worker):
                        _log.debug("detector failure", exc_info=True)
                        self._blame(worker, f"the detector failed: {error}; it is opened again")
                    _close(detector)
                    detector = None
                    worker.retired.wait(_RETRY_S)
        finally:
            _close(detector)
            with self._lock:
                worker.ended = True

    def _busy_with(self, worker: _Worker, limit_s: float) -> None:
        """Note that a worker begins something that may take so long."""
        with self._lock:
            worker.limit_s, worker.since_s = limit_s, self._clock.monotonic_s()

    def _idle(self, worker: _Worker) -> bool:
        """Note that a worker is at nothing; return whether it was abandoned meanwhile."""
        with self._lock:
            worker.since_s = None
            return worker.abandoned

    def _infer(self, worker: _Worker, detector: Detector) -> None:
        taken = self._frames.take(self._batch, worker.retired.is_set)
        with self._lock:
            worker.holds = taken
            started_s = worker.since_s = self._clock.monotonic_s()
            worker.limit_s = self._timeout_s
        try:
            found = detector.detect([captured.frame.image for _, captured in taken])
            _check(found, len(taken))
            with self._lock:
                if worker.abandoned:
                    return  # somebody else holds these cameras by now
                worker.since_s = None  # what follows may wait for the journal: that is not a hung detector
                worker.holds = ()
                del self._hangs[worker.slot]
            self._recovered(worker.slot)
            inference_s = (self._clock.monotonic_s() - started_s) / len(taken)
            self._analyse_all(taken, found, inference_s)
        finally:
            with self._lock:
                held, worker.holds = worker.holds, ()  # () as well where this worker was abandoned
            self._free(held)
        with self._lock:
            self._busy_s += self._clock.monotonic_s() - started_s
            self._inferences += len(taken)

    def _analyse_all(
        self, taken: Sequence[tuple[str, Captured]], found: Sequence[list[Detection]], inference_s: float
    ) -> None:
        try:
            for (_, captured), detections in zip(taken, found, strict=True):
                self._analyse(captured, detections, inference_s)
        finally:
            for name, _ in taken:
                self._frames.done(name)

    def _analyse(self, captured: Captured, detections: list[Detection], inference_s: float) -> None:
        """Analyse one camera's frame; whatever fails there stays with that camera."""
        camera = self._find_camera(captured.camera)
        if camera is None:
            return
        try:
            camera.analyse(captured.frame, captured.epoch, detections, inference_s, self._provenance)
        except Closed:
            raise
        except Exception as error:  # noqa: BLE001 - shown as this camera's fault
            _log.exception("%s: analysing a frame failed", camera.name)
            camera.failed(f"analysing a frame failed: {error!r}", self._clock.monotonic_s())

    def _recovered(self, slot: int) -> None:
        """Take back a slot's fault, once it has been there for long enough to be seen."""
        with self._lock:
            since_s, _ = self._faults.get(slot, (math.inf, None))
            mended = self._clock.monotonic_s() - since_s >= _FAULT_SHOWN_S
            if mended:
                del self._faults[slot]
        if mended:
            _log.warning("the detector works again")

    def _blame(self, worker: _Worker, detail: str) -> None:
        with self._lock:
            news = worker.slot not in self._faults
            self._faults[worker.slot] = (self._clock.monotonic_s(), Fault(Cause.DETECTOR, detail))
        if news:
            _log.error("%s", detail)


def _check(found: Sequence[Sequence[Detection]], pictures: int) -> None:
    """Raise `ModelError` where a detector gave what no detector may give."""
    if len(found) != pictures:
        raise ModelError(f"the detector gave {len(found)} results for {pictures} pictures")
    for detection in (detection for detections in found for detection in detections):
        box = detection.box
        numbers = (box.x1_px, box.y1_px, box.x2_px, box.y2_px, detection.score)
        if not all(map(math.isfinite, numbers)) or box.x2_px < box.x1_px or box.y2_px < box.y1_px:
            raise ModelError(f"the detector gave a box that is none: {detection}")


def _close(detector: Detector | None) -> None:
    if detector is not None:
        detector.close()
