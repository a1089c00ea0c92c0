"""Workers whose detectors raise, hang or talk rubbish; the clock is told when, so nothing waits for real."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from monitor.domain.cause import Cause
from monitor.domain.detection import Detection
from monitor.domain.errors import ModelError
from monitor.domain.event import EventRecord
from monitor.domain.frame import SourceInfo
from monitor.domain.geometry import Box
from monitor.domain.health import Condition, Drop, Health
from monitor.domain.ports import Detector
from monitor.domain.track import Analysis
from monitor.pipeline.camera import Camera
from monitor.pipeline.capture import Captured
from monitor.pipeline.latest import LatestFrames
from monitor.pipeline.threads import ThreadGroup
from monitor.pipeline.workers import WorkerPool
from tests.fakes import FACE, WITHOUT, AnsweringDetector, FakeClock, FakeDetector
from tests.unit.pipeline.watched import SHARP, frame_at, watched

SOON_S = 10.0
LIMIT_S = 5.0
INFO = SourceInfo(320, 240, 10.0, None, None, live=True)


def until(condition: Callable[[], bool], what: str = "it never came so far") -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.002)


class Bench:
    """Cameras, their slots and a pool of workers that the test watches as the watchdog would."""

    def __init__(self) -> None:
        self.clock = FakeClock(100.0)
        self.frames: LatestFrames[Captured] = LatestFrames()
        self.cameras: dict[str, Camera] = {}
        self.threads = ThreadGroup(on_failure=self.frames.close)
        self.records: list[EventRecord] = []
        self.workers: WorkerPool | None = None
        self.let_go = threading.Event()
        self._offered = 0

    def start(self, open_detector: Callable[[], Detector], count: int = 1, batch: int = 1) -> WorkerPool:
        """Start workers on these detectors."""
        self.workers = WorkerPool(open_detector, self.frames, self.cameras.get, self.clock, LIMIT_S, count, batch, {})
        self.workers.start(self.threads)
        return self.workers

    def add(self, *names: str) -> None:
        """Connect cameras."""
        for name in names:
            self.cameras[name] = watched(self.records.append, self.clock, name)
            self.cameras[name].connected(INFO, self.clock.now_s)

    def offer(self, *names: str) -> None:
        """Let a tenth of a second pass, and a picture come from each camera."""
        self.clock.advance(0.1)
        for name in names:
            camera = self.cameras[name]
            self._offered += 1
            image = SHARP.copy()
            image[0, 0] = self._offered % 256  # a picture that never changes would count as frozen
            frame = frame_at(self.clock.now_s, image)
            epoch = camera.accept_frame(frame)
            assert epoch is not None
            self.frames.offer(name, Captured(name, epoch, frame))

    def health(self, name: str) -> Health:
        """Return the health that a camera would show, but for the program's own faults."""
        return self.cameras[name].session.assess(self.clock.now_s, None)[1]

    def analysed(self, name: str) -> int:
        """Return how many of a camera's pictures were judged."""
        return self.cameras[name].session.status(self.clock.now_s).analysed

    def judged(self, *names: str) -> None:
        """Give each camera a picture, and wait until it has been judged."""
        before = {name: self.analysed(name) for name in names}
        self.offer(*names)
        until(lambda: all(self.analysed(name) > before[name] for name in names), "a picture was never judged")

    def recovers(self, workers: WorkerPool, name: str) -> None:
        """See that a fault is shown for a while after a look has succeeded, and then no more."""
        self.judged(name)
        assert workers.fault is not None, "mended too soon for anybody to see"
        self.clock.advance(3.0)
        self.judged(name)
        assert workers.fault is None


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.let_go.set()
    bench.threads.stop.set()
    bench.frames.close()
    bench.threads.join(SOON_S)


def hanging_once(bench: Bench, entered: threading.Event) -> Callable[[], Detector]:
    """The first detector that is opened hangs at its first look; those after it are well."""
    first = [True]

    def answer(_: object) -> list[Detection]:
        entered.set()
        bench.let_go.wait()
        return [Detection(FACE, WITHOUT, 1.0)]

    def open_detector() -> Detector:
        if first and first.pop():
            return AnsweringDetector(answer)
        entered.wait(SOON_S)  # nobody takes its picture before it has got one
        return FakeDetector()

    return open_detector


def test_pictures_reach_the_camera_they_came_from(bench: Bench) -> None:
    bench.add("a", "b", "c")
    bench.start(FakeDetector, count=2, batch=2)
    for _ in range(5):
        bench.judged("a", "b", "c")
    assert [bench.analysed(name) for name in "abc"] == [5, 5, 5]


def test_a_detector_that_raises_is_shown_and_opened_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    opened: list[FakeDetector] = []

    def open_detector() -> Detector:
        opened.append(FakeDetector(error=ModelError("out of memory") if not opened else None))
        return opened[-1]

    bench.add("a")
    workers = bench.start(open_detector)
    with caplog.at_level(logging.INFO):
        bench.offer("a")
        until(lambda: workers.fault is not None)
        assert workers.fault is not None
        assert workers.fault.cause is Cause.DETECTOR
        assert "out of memory" in workers.fault.detail
        until(lambda: len(opened) == 2)
        assert opened[0].closed
        bench.recovers(workers, "a")
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], "once, and once that it is well"


def test_a_detector_that_cannot_be_opened_is_tried_again(bench: Bench) -> None:
    tries = []

    def open_detector() -> Detector:
        tries.append(1)
        if len(tries) == 1:
            raise ModelError("the model folder is gone")
        return FakeDetector()

    bench.add("a")
    workers = bench.start(open_detector)
    until(lambda: workers.fault is not None)
    bench.recovers(workers, "a")


@pytest.mark.parametrize(
    "rubbish",
    [
        [],
        [[], []],
        None,
        [None],
        [[Detection(Box(math.nan, 0, 10, 10), WITHOUT, 0.9)]],
        [[Detection(Box(0, 0, math.inf, 10), WITHOUT, 0.9)]],
        [[Detection(Box(20, 20, 10, 10), WITHOUT, 0.9)]],
        [[Detection(FACE, WITHOUT, math.nan)]],
    ],
    ids=["too few", "too many", "nothing", "no list", "NaN", "infinite", "inside out", "no score"],
)
def test_rubbish_is_a_fault_and_judges_nobody(bench: Bench, rubbish: object) -> None:
    first = [True]

    class Rubbish(FakeDetector):
        def detect(self, images):
            return rubbish

    def open_detector() -> Detector:
        return Rubbish() if first and first.pop() else FakeDetector()

    bench.add("a")
    workers = bench.start(open_detector)
    bench.offer("a")
    until(lambda: workers.fault is not None)
    assert bench.analysed("a") == 0
    assert bench.health("a").cause is not Cause.UNEXPECTED, "it is the detector's fault, not the camera's"
    bench.recovers(workers, "a")


def test_a_detector_that_hangs_is_left_behind(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    entered = threading.Event()
    bench.add("a")
    workers = bench.start(hanging_once(bench, entered))
    bench.offer("a")
    assert entered.wait(SOON_S)
    bench.clock.advance(LIMIT_S - 0.5)
    workers.watch(bench.threads)
    assert workers.fault is None, "not yet"
    bench.clock.advance(1.0)
    with caplog.at_level(logging.ERROR):
        workers.watch(bench.threads)
    assert workers.fault is not None
    assert "hung" in workers.fault.detail
    assert "detect-1" in caplog.text
    bench.recovers(workers, "a")
    assert bench.analysed("a") == 2


def test_what_comes_too_late_is_nobodys(bench: Bench) -> None:
    entered = threading.Event()
    bench.add("a")
    workers = bench.start(hanging_once(bench, entered))
    bench.offer("a")
    assert entered.wait(SOON_S)
    bench.clock.advance(LIMIT_S + 1)
    workers.watch(bench.threads)
    bench.judged("a")
    bench.let_go.set()
    until(lambda: "detect-1" not in bench.threads.running(), "who was left behind ends when it comes back")
    bench.judged("a")
    assert bench.analysed("a") == 2
    analysis = bench.cameras["a"].session.status(bench.clock.now_s).analysis
    assert analysis is not None
    assert analysis.tracks == ()


def test_one_of_two_that_hangs_stops_no_camera_and_is_shown_until_its_seat_works_again(bench: Bench) -> None:
    entered = threading.Event()
    bench.add("a", "b", "c")
    workers = bench.start(hanging_once(bench, entered), count=2)
    bench.offer("a", "b", "c")
    assert entered.wait(SOON_S)
    for _ in range(10):  # the other worker goes on with the two cameras that are free
        bench.offer("a", "b", "c")
        until(lambda: sum(bench.analysed(name) for name in "abc") >= 2)
    stuck = [name for name in "abc" if bench.analysed(name) == 0]
    assert len(stuck) == 1, "only the camera in that worker's hands waits"
    bench.clock.advance(LIMIT_S + 1)
    workers.watch(bench.threads)
    assert workers.fault is not None
    bench.judged(*stuck)
    until(lambda: bench.offer("a", "b", "c") or workers.fault is None)  # type: ignore[func-returns-value]
    assert len([name for name in bench.threads.running() if name.startswith("detect-")]) == 3


def test_a_whole_batch_is_freed_when_its_worker_hangs(bench: Bench) -> None:
    entered = threading.Event()
    bench.add("a", "b", "c")
    bench.offer("a", "b", "c")
    workers = bench.start(hanging_once(bench, entered), batch=8)
    assert entered.wait(SOON_S)
    bench.clock.advance(LIMIT_S + 1)
    workers.watch(bench.threads)
    bench.judged("a", "b", "c")


def test_a_picture_that_cannot_be_judged_is_that_cameras_fault_alone(bench: Bench) -> None:
    bench.add("good", "bad")
    opened = []

    def open_detector() -> Detector:
        opened.append(1)
        return FakeDetector()

    workers = bench.start(open_detector)
    broken = [True]

    def on_analysis(_: Analysis) -> None:
        if broken:
            raise ZeroDivisionError

    bench.cameras["bad"] = watched(bench.records.append, bench.clock, "bad", on_analysis)
    bench.cameras["bad"].connected(INFO, bench.clock.now_s)
    bench.offer("good", "bad")
    until(lambda: bench.health("bad").condition is Condition.FAULT)
    assert workers.fault is None
    bench.judged("good")
    assert opened == [1], "the detector is well and stays open"
    broken.clear()
    bench.judged("bad")
    assert bench.health("bad").condition is not Condition.FAULT


def test_who_is_replaced_finishes_the_look_and_gives_the_camera_back(bench: Bench) -> None:
    """Another detector in the configuration: what was being looked at must not stay taken for ever."""
    entered = threading.Event()
    bench.add("a")
    old = bench.start(hanging_once(bench, entered))
    bench.offer("a")
    assert entered.wait(SOON_S)
    old.retire()
    bench.start(FakeDetector)
    bench.let_go.set()
    until(lambda: "detect-1" not in bench.threads.running() or len(bench.threads.running()) == 1)
    bench.judged("a")
    bench.judged("a")


def test_a_replaced_worker_that_hangs_frees_its_camera_all_the_same(bench: Bench) -> None:
    entered = threading.Event()
    bench.add("a")
    old = bench.start(hanging_once(bench, entered))
    bench.offer("a")
    assert entered.wait(SOON_S)
    old.retire()
    new = bench.start(FakeDetector)
    bench.offer("a")
    bench.clock.advance(LIMIT_S + 1)
    old.watch(bench.threads)
    new.watch(bench.threads)
    bench.judged("a")


def test_waiting_for_the_journal_is_no_hanging(bench: Bench) -> None:
    full = threading.Event()
    waits = threading.Event()

    def record(_: EventRecord) -> None:
        waits.set()
        full.wait()

    camera = watched(record, bench.clock, "a")
    bench.cameras["a"] = camera
    camera.connected(INFO, bench.clock.now_s)
    workers = bench.start(lambda: AnsweringDetector(lambda _: []))
    frame = frame_at(bench.clock.now_s + 0.1)
    looking = threading.Thread(target=camera.accept_frame, args=(frame,))
    looking.start()
    assert waits.wait(SOON_S)
    bench.clock.advance(LIMIT_S + 10)
    workers.watch(bench.threads)
    try:
        assert workers.fault is None
        assert camera.session.status(bench.clock.now_s).camera == "a", "and who asks for the status does not wait"
    finally:
        full.set()
        looking.join(SOON_S)


def test_capacity_is_looks_over_the_time_that_workers_were_busy(bench: Bench) -> None:
    def answer(_: object) -> list[Detection]:
        bench.clock.advance(0.05)
        return []

    bench.add("a")
    workers = bench.start(lambda: AnsweringDetector(answer))
    assert workers.capacity(1.0) is None, "nothing done, nothing known"
    for _ in range(5):
        bench.judged("a")
    until(lambda: workers._inferences == 5)
    assert workers.capacity(1.0) == pytest.approx(20, rel=0.01)
    assert workers.capacity(1.0) is None


def test_a_fault_that_is_over_does_not_hide_that_no_camera_sends_any_more(bench: Bench) -> None:
    """The detector failed once and was opened again; then the last camera was unplugged."""
    opened: list[FakeDetector] = []

    def open_detector() -> Detector:
        opened.append(FakeDetector(error=ModelError("out of memory") if not opened else None))
        return opened[-1]

    bench.add("a")
    workers = bench.start(open_detector)
    bench.offer("a")
    until(lambda: len(opened) == 2)
    workers.watch(bench.threads)
    assert workers.fault is not None, "shown for a while, whatever happens"
    bench.clock.advance(3.0)
    until(lambda: workers.watch(bench.threads) or workers.fault is None)  # type: ignore[func-returns-value]


def test_detectors_that_keep_hanging_are_replaced_ever_later_and_not_without_end(bench: Bench) -> None:
    """A graphics driver that is stuck: each try costs a thread and a model that cannot be ended."""
    entered = threading.Semaphore(0)

    def answer(_: object) -> list[Detection]:
        entered.release()
        bench.let_go.wait()
        return []

    bench.add("a")
    workers = bench.start(lambda: AnsweringDetector(answer))
    waits_s = []
    for _ in range(8):
        bench.offer("a")
        assert entered.acquire(timeout=SOON_S)
        bench.clock.advance(LIMIT_S + 1)
        hung_s, threads = bench.clock.now_s, len(bench.threads.running())
        workers.watch(bench.threads)
        assert workers.fault is not None
        while len(bench.threads.running()) == threads and bench.clock.now_s - hung_s < 1000:
            bench.clock.advance(1.0)
            workers.watch(bench.threads)
        waits_s.append(round(bench.clock.now_s - hung_s))
    assert waits_s[0] <= 1, "once is an accident"
    assert waits_s[1:6] == [10, 20, 40, 80, 160]
    assert waits_s[7] == 1000, "eight are enough"
    assert len(bench.threads.running()) == 8
    assert "restart the monitor" in workers.fault.detail
    bench.let_go.set()
    until(lambda: not bench.threads.running())
    workers.watch(bench.threads)
    bench.judged("a")


def test_pictures_that_no_detector_could_judge_are_counted(bench: Bench) -> None:
    opened: list[FakeDetector] = []

    def open_detector() -> Detector:
        opened.append(FakeDetector(error=ModelError("out of memory") if not opened else None))
        return opened[-1]

    bench.add("a", "b")
    bench.offer("a", "b")
    bench.start(open_detector, batch=2)
    until(lambda: len(opened) == 2)
    for name in "ab":
        assert bench.cameras[name].session.status(bench.clock.now_s).drops[Drop.FAILED] == 1
    bench.judged("a", "b")


def test_retiring_while_the_watchdog_replaces_starts_nobody(bench: Bench) -> None:
    """A new configuration comes between "this one hangs" and "so here is another"."""
    entered = threading.Event()
    bench.add("a")
    old = bench.start(hanging_once(bench, entered))
    bench.offer("a")
    assert entered.wait(SOON_S)
    bench.clock.advance(LIMIT_S + 1)
    old.retire()
    old._start_one(0, bench.threads)
    bench.let_go.set()
    until(lambda: not bench.threads.running())
