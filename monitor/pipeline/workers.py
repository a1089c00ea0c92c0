"""The pool of inference workers, shared by all cameras; each worker has its own detector."""

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
#: Seconds that a fault is shown at least, even if it ends sooner.
_FAULT_SHOWN_S = 3.0
#: Loading a SavedModel takes up to half a minute on a small machine.
_OPENING_S = 120.0
#: A slot whose detectors keep hanging waits twice as long each time before it gets a new worker, up to this.
_LONGEST_WAIT_S = 300.0
#: The most hung workers in one slot, each with its model and its thread.
_MOST_HUNG = 8


@dataclass(slots=True, eq=False)
class _Worker:
    """The state of a worker; read and written under the pool's lock.

    `since_s` is the start of its current task, None while it waits for frames. The worker that replaces an abandoned
    one gets its `slot`. `retired` ends it after the current inference; `abandoned` means that its cameras have been
    released to other workers.
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
    """Runs detectors on the newest frames and passes the detections to the cameras.

    A detector that raises or returns invalid results is opened again. One that hangs for `timeout_s` is abandoned, its
    cameras are released, and a new worker takes its slot: after longer and longer waits if that one hangs too, and not
    at all while too many hang. `fault` is set until an inference in that slot succeeds, or its worker waits for frames
    without a problem. `batch` is the number of frames, of different cameras, that a detector analyses at once.
    `find_camera` returns a camera by its name, None if it is no longer watched. `provenance` describes the detector and
    is stored with incidents.
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
        """The fault of a worker, or None."""
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
            action = "and is replaced"
            if still[worker.slot] >= _MOST_HUNG:
                action = (
                    f"like {_MOST_HUNG - 1} before it, and is not replaced until one of them ends: restart the monitor"
                )
            self._set_fault(worker, f"{worker.name} has hung for {worker.limit_s:g} s {action}")
        self._free(held)
        for slot in due:
            del self._due[slot]
            if not threads.stop.is_set():
                self._start_one(slot, threads)
        for slot in waiting:
            self._clear_fault(slot)

    def capacity(self, over_s: float) -> float | None:
        """Return how many inferences per second all workers together can run, estimated over the last `over_s` seconds.

        It is the number of inferences divided by the time that workers were busy; None if there were too few.
        """
        with self._lock:
            busy_s, inferences = self._busy_s, self._inferences
            self._busy_s, self._inferences = 0.0, 0
        share = busy_s / (over_s * self.count)
        return None if inferences == 0 or share < 0.02 else inferences / over_s / min(1.0, share)

    def retire(self) -> None:
        """End every worker; a running inference is abandoned, since it may hang."""
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
        """Abandon workers, under the lock; return their frames."""
        held: list[tuple[str, Captured]] = []
        for worker in workers:
            worker.abandoned = True
            worker.retired.set()
            held += worker.holds
            worker.holds = ()
        return held

    def _free(self, held: Sequence[tuple[str, Captured]]) -> None:
        """Count frames that were not analysed, and release their cameras."""
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
                        self._set_busy(worker, _OPENING_S)
                        detector = self._open_detector()
                        self._set_idle(worker)
                    self._infer(worker, detector)
                except Closed:
                    return
                except Exception as error:  # noqa: BLE001 - shown as a fault, and retried with a new detector
                    if not self._set_idle(worker):
                        _log.debug("detector failure", exc_info=True)
                        self._set_fault(worker, f"the detector failed and is opened again: {error}")
                    _close(detector)
                    detector = None
                    worker.retired.wait(_RETRY_S)
        finally:
            _close(detector)
            with self._lock:
                worker.ended = True

    def _set_busy(self, worker: _Worker, limit_s: float) -> None:
        """Record that a worker starts a task with this time limit."""
        with self._lock:
            worker.limit_s, worker.since_s = limit_s, self._clock.monotonic_s()

    def _set_idle(self, worker: _Worker) -> bool:
        """Record that a worker is idle; return whether it was abandoned meanwhile."""
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
                    return  # other workers have these cameras now
                worker.since_s = None  # the rest may wait for the journal, which is not a hung detector
                worker.holds = ()
                del self._hangs[worker.slot]
            self._clear_fault(worker.slot)
            inference_s = (self._clock.monotonic_s() - started_s) / len(taken)
            self._analyse_all(taken, found, inference_s)
        finally:
            with self._lock:
                held, worker.holds = worker.holds, ()  # also () if this worker was abandoned
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
        """Analyse one camera's frame; a failure affects only that camera."""
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

    def _clear_fault(self, slot: int) -> None:
        """Clear a slot's fault, once it has been shown for long enough."""
        with self._lock:
            since_s, _ = self._faults.get(slot, (math.inf, None))
            is_over = self._clock.monotonic_s() - since_s >= _FAULT_SHOWN_S
            if is_over:
                del self._faults[slot]
        if is_over:
            _log.warning("the detector works again; the fault is cleared")

    def _set_fault(self, worker: _Worker, detail: str) -> None:
        with self._lock:
            is_new = worker.slot not in self._faults
            self._faults[worker.slot] = (self._clock.monotonic_s(), Fault(Cause.DETECTOR, detail))
        if is_new:
            _log.error("%s", detail)


def _check(found: Sequence[Sequence[Detection]], pictures: int) -> None:
    """Raise `ModelError` if a detector returned invalid results."""
    if len(found) != pictures:
        raise ModelError(f"the detector returned {len(found)} results for {pictures} pictures")
    for detection in (detection for detections in found for detection in detections):
        box = detection.box
        numbers = (box.x1_px, box.y1_px, box.x2_px, box.y2_px, detection.score)
        if not all(map(math.isfinite, numbers)) or box.x2_px < box.x1_px or box.y2_px < box.y1_px:
            raise ModelError(f"the detector returned an invalid box: {detection}")


def _close(detector: Detector | None) -> None:
    if detector is not None:
        detector.close()
