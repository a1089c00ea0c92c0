"""Faults of the machine itself: detectors, disks, devices, clocks, and more work than it can do."""

import itertools
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.detection import Detection, MaskState
from monitor.domain.errors import ModelError, OutputError, SourceError
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    EndReason,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    VisitEnded,
)
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.domain.health import Condition, Drop
from monitor.domain.ports import Detector, Sink
from monitor.domain.track import Analysis
from monitor.sources.played import PlayedFile
from tests.fakes import FACE, AnsweringDetector, FullSink, noise
from tests.live.servers import listening
from tests.live.watch import CAPTURE, camera, everybody_bare, healthy, recording, until, watching

LIVE, DEGRADED, STALE, LOST, FAULT = (
    Condition.LIVE,
    Condition.DEGRADED,
    Condition.STALE,
    Condition.LOST,
    Condition.FAULT,
)
PICTURES = [noise(240, 320, seed) for seed in range(8)]


class Device:
    """A camera on a cable, `fps` pictures a second; a test may pull the plug, or let its driver hang."""

    def __init__(self, fps: float = 10.0, name: str = "door") -> None:
        self.plugged = threading.Event()
        self.plugged.set()
        self.answering = threading.Event()
        self.answering.set()
        self.open_now = 0
        self.source_id = name
        self.end_reason = EndReason.FAILED
        self.lost_frames = 0
        self.late_frames = 0
        self.media_s: float | None = None
        self._fps = fps
        self._numbers = itertools.count()
        self._number = 0
        self._next_s = self._time_s = 0.0

    def open(self) -> SourceInfo:
        if not self.plugged.is_set():
            raise SourceError("no camera answers there", Cause.UNPLUGGED)
        self.open_now += 1
        self._next_s = time.monotonic()
        return SourceInfo(320, 240, self._fps, None, None, live=True)

    def grab(self) -> float | None:
        self._next_s += 1 / self._fps
        threading.Event().wait(max(0.0, self._next_s - time.monotonic()))
        self.answering.wait()
        if not self.plugged.is_set():
            raise SourceError("the camera is gone", Cause.UNPLUGGED)
        self._number = next(self._numbers)
        self._time_s = time.monotonic()
        return self._time_s

    def retrieve(self) -> Frame:
        image = PICTURES[self._number % len(PICTURES)]
        return Frame(image, self.source_id, self._number, self._time_s, datetime.now(UTC), None)

    def close(self) -> None:
        self.open_now = 0


def devices(**by_name: Device) -> Callable[..., Device]:
    """Return a maker of sources that gives each camera its device."""

    def make(name: str, settings: CameraSettings, pause: object) -> Device:
        return by_name[name]

    return make


class Detectors:
    """Detectors that a test can break: `trouble` is called with each picture, by the n-th detector that was opened."""

    def __init__(self) -> None:
        self.trouble: Callable[[int], None] | None = None
        self.opened = 0

    def open(self) -> Detector:
        self.opened += 1
        number = self.opened

        def answer(image: Image) -> list[Detection]:
            if self.trouble is not None:
                self.trouble(number)
            return everybody_bare(image)

        return AnsweringDetector(answer)


@pytest.fixture
def detectors() -> Detectors:
    return Detectors()


def test_a_device_that_vanishes_and_comes_back(tmp_path: Path) -> None:
    door, hall = Device(), Device()
    cameras = {"door": camera("0"), "hall": camera("1")}
    with watching(
        cameras,
        tmp_path,
        make_source=devices(door=door, hall=hall),
        there=lambda settings: (door if settings.source.value == "0" else hall).plugged.is_set(),
    ) as watch:
        watch.wait("door", LIVE)
        until(lambda: watch.told(IncidentOpened, source="door"))
        door.plugged.clear()
        watch.wait("door", LOST, Cause.UNPLUGGED)
        assert door.open_now == 0, "the device is given back while it is away"
        watch.looks("hall", 5)
        door.plugged.set()
        watch.wait("door", LIVE, within_s=10)
        assert watch.told(CameraRestored, source="door")
        assert not watch.told(CameraLost, IncidentClosed, source="hall")


def test_a_recording_that_ends_and_one_that_plays_on(clip: Path, tmp_path: Path) -> None:
    with watching({"once": camera(clip), "loop": recording(clip)}, tmp_path) as watch:
        watch.wait("once", LOST, Cause.ENDED)
        assert "loop: true" in watch.status("once").health.detail
        assert watch.status("once").frames == 20
        until(lambda: watch.status("loop").frames > 45, lambda: str(watch.status("loop")))
        watch.wait("loop", LIVE)
        assert not watch.told(CameraLost, source="loop")
    lost = watch.told(CameraLost, source="once")
    assert len(lost) == 1
    assert len(watch.told(SourceEnded)) == 2


def test_a_recording_that_is_taken_away_and_put_back(clip: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(clip.read_bytes())
    with watching({"door": recording(mine)}, tmp_path) as watch:
        watch.wait("door", LIVE)
        moved = mine.rename(tmp_path / "moved.mp4")
        watch.wait("door", LOST, Cause.NOT_FOUND)
        moved.rename(mine)
        watch.wait("door", LIVE, within_s=10)


def test_a_detector_that_raises_is_a_fault_of_all_and_recovers(detectors: Detectors, tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise ModelError("the accelerator has left")

    make = devices(door=Device(), hall=Device())
    with watching(
        {"door": camera("0"), "hall": camera("1")}, tmp_path, make_source=make, open_detector=detectors.open
    ) as watch:
        watch.wait("door", LIVE)
        detectors.trouble = fail
        for name in ("door", "hall"):
            watch.wait(name, FAULT, Cause.DETECTOR)
            assert "accelerator" in watch.status(name).health.detail
        detectors.trouble = None
        for name in ("door", "hall"):
            watch.wait(name, LIVE, within_s=10)
        assert not watch.told(CameraLost), "no camera was to blame"


@pytest.mark.parametrize("count", [1, 2])
def test_a_detector_that_hangs_is_a_fault_and_replaced(detectors: Detectors, tmp_path: Path, count: int) -> None:
    let_go = threading.Event()
    hung: list[int] = []

    def hang(number: int) -> None:
        if not hung:
            hung.append(number)
            let_go.wait()

    make = devices(door=Device(), hall=Device())
    try:
        with watching(
            {"door": camera("0"), "hall": camera("1")},
            tmp_path,
            make_source=make,
            open_detector=detectors.open,
            count=count,
            timeout_s=1.0,
        ) as watch:
            watch.wait("door", LIVE)
            watch.wait("hall", LIVE)
            detectors.trouble = hang
            shown: set[str] = set()

            def everywhere() -> bool:
                shown.update(name for name in ("door", "hall") if watch.shows(name, FAULT, Cause.DETECTOR))
                return len(shown) == 2

            until(everywhere, lambda: f"a fault was shown by {shown} only", within_s=8)
            for name in ("door", "hall"):
                watch.wait(name, LIVE, within_s=10)
                watch.looks(name, 3)
            assert len([name for name in watch.live.running() if name.startswith("detect-")]) == count + 1
            let_go.set()
            until(lambda: len([name for name in watch.live.running() if name.startswith("detect-")]) == count)
    finally:
        let_go.set()


def test_rubbish_from_a_detector_is_a_fault_and_no_person(tmp_path: Path) -> None:
    rubbish = threading.Event()

    class Liar:
        def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
            return [] if rubbish.is_set() else [everybody_bare(image) for image in images]

        def close(self) -> None:
            pass

    with watching({"door": camera("0")}, tmp_path, make_source=devices(door=Device()), open_detector=Liar) as watch:
        watch.wait("door", LIVE)
        rubbish.set()
        watch.wait("door", FAULT, Cause.DETECTOR)
        analysed = watch.status("door").analysed
        until(lambda: watch.status("door").frames > analysed + 5)
        assert watch.status("door").analysed == analysed
        rubbish.clear()
        watch.wait("door", LIVE, within_s=10)


def test_a_flood_from_one_camera_starves_no_other(detectors: Detectors, tmp_path: Path) -> None:
    def work(_: int) -> None:
        threading.Event().wait(0.02)

    detectors.trouble = work
    cameras = {"flood": camera("0", detect_fps="auto"), "a": camera("1"), "b": camera("2")}
    make = devices(flood=Device(200.0), a=Device(), b=Device())
    with watching(cameras, tmp_path, make_source=make, open_detector=detectors.open, count=1) as watch:
        watch.wait("a", LIVE)
        before = {name: watch.status(name) for name in cameras}
        until(lambda: watch.status("flood").frames - before["flood"].frames > 600)
        now = {name: watch.status(name) for name in cameras}
        for name in ("a", "b"):
            frames = now[name].frames - before[name].frames
            assert now[name].analysed - before[name].analysed >= 0.8 * frames - 2, now[name]
        flood = now["flood"]
        assert flood.drops[Drop.SUPERSEDED] + flood.drops[Drop.SKIPPED] > 300, flood
        assert flood.frames - flood.analysed - sum(flood.drops.values()) <= 3, "each frame is accounted for"


def test_overload_is_shared_evenly_and_said(detectors: Detectors, tmp_path: Path) -> None:
    """One worker that can do ten analyses per second, and three cameras that ask for ten each; one asks for one."""

    def work(_: int) -> None:
        threading.Event().wait(0.1)

    detectors.trouble = work
    cameras = {name: camera(str(number), detect_fps=10) for number, name in enumerate("abc")}
    cameras["rare"] = camera("3", detect_fps=1)
    make = devices(a=Device(30), b=Device(30), c=Device(30), rare=Device(30))
    with watching(cameras, tmp_path, make_source=make, open_detector=detectors.open, count=1) as watch:
        for name in "abc":
            watch.wait(name, DEGRADED, Cause.OVERLOAD)
            assert "of 10 analyses per second" in watch.status(name).health.detail
        assert watch.shows("rare", LIVE), "who asks for little gets it"
        given = [watch.status(name).given_fps or 0.0 for name in "abc"]
        assert max(given) - min(given) < 0.1
        assert 1.5 < given[0] < 4
        assert all(watch.status(name).latency_ms["p95"] < 1000 for name in "abc"), "there is no queue"


def mounted(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in memory."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"a small disk cannot be mounted: {error}")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "disk", "3m")


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for block in itertools.repeat(bytes(4096)):
            file.write(block)


def test_a_log_on_a_full_disk_holds_each_line_once(disk: Path) -> None:
    """What failed is tried again: half a line, or one that the stream still holds, must not come back with it."""
    from monitor.storage.lines import ViolationLog

    path = disk / "violations.log"
    log = ViolationLog(path, 10**6, 1)

    def put(number: int) -> None:
        log.put(IncidentOpened(f"door-{number:06d}", "door", number, MaskState.WITHOUT_MASK, 0, 0, 0.5, FACE, 1, 2, 9))

    def fails(number: int) -> bool:
        try:
            put(number)
        except OutputError:
            return True
        return False

    put(0)
    with pytest.raises(OSError, match="No space"):
        fill(disk / "filler")
    failed = next(number for number in range(1, 1000) if fails(number))  # in the middle of a line: a page is 4 kB
    assert failed > 10
    assert fails(failed)
    assert fails(failed)
    log.close()  # with the disk still full: the end of a run is no failure of its own
    (disk / "filler").unlink()
    put(failed)
    log.close()
    lines = path.read_text("utf-8").splitlines()
    assert [line.split()[2] for line in lines] == [f"door-{number:06d}" for number in range(failed + 1)]


def test_a_journal_on_a_full_disk(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A real database, log and pictures on a real disk of 3 MB that another program fills up."""
    from monitor.storage.database import open_database, sqlite_url
    from monitor.storage.journal import Journal
    from monitor.storage.lines import ViolationLog
    from monitor.storage.run_info import CurrentRun, RunInfo
    from tests.e2e.commands import ask

    started_at = datetime.now(UTC)
    run = CurrentRun(RunInfo("live", started_at, "0", "model", "0", "0"))

    def to_utc(time_s: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=time.monotonic() - time_s)

    def sinks() -> list[Sink]:
        return [
            Journal(open_database(sqlite_url(disk / "journal.db")), run, to_utc),
            ViolationLog(disk / "violations.log", 10**6, 1),
        ]

    door = Device()
    with watching({"door": camera("0")}, disk, make_source=devices(door=door), sinks=sinks) as watch:
        watch.wait("door", LIVE)
        until((disk / "violations.log").exists, "the journal never opened")
        until(lambda: ask(disk / "journal.db", "SELECT count(*) FROM incidents") == [(1,)])
        with pytest.raises(OSError, match="No space"):
            fill(disk / "filler")
        door.plugged.clear()  # closes the incident and the visit, and opens others when it is back
        until(lambda: watch.shows("door", FAULT, Cause.JOURNAL))
        assert "cannot record" in watch.status("door").health.detail
        door.plugged.set()
        watch.looks("door", 20)
        assert watch.shows("door", FAULT, Cause.JOURNAL), "judging goes on, and people know"
        (disk / "filler").unlink()
        watch.wait("door", LIVE)
        until(lambda: ask(disk / "journal.db", "SELECT count(*) FROM incidents") == [(2,)])
        assert watch.stop() < 3
    rows = ask(disk / "journal.db", "SELECT kind FROM source_events ORDER BY id")
    assert [kind for (kind,) in rows] == ["opened", "lost", "restored", "ended"]
    assert ask(disk / "journal.db", "SELECT count(*), count(closed_s), count(opened_at) FROM incidents") == [(2, 2, 2)]
    assert ask(disk / "journal.db", "SELECT count(*) FROM visits") == [(2,)]
    assert ask(disk / "journal.db", "PRAGMA integrity_check") == [("ok",)]
    words = [line.split()[3] for line in (disk / "violations.log").read_text("utf-8").splitlines()]
    assert words == ["OPENED", "CLOSED", "OPENED", "CLOSED"], "all of it, in order, and nothing twice"
    assert len(list(disk.rglob("incidents/*/*.jpg"))) == 2
    assert [record.message for record in caplog.records if "cannot record" in record.message]


def test_the_hour_may_be_set_while_it_runs(clip: Path, tmp_path: Path) -> None:
    """A machine without a battery starts in 1970 and learns the hour later."""

    class Set(SystemClock):
        off = timedelta(0)

        def utc_now(self) -> datetime:
            return super().utc_now() + self.off

    clock = Set()
    make = devices(door=Device())
    with watching({"door": camera("0")}, tmp_path, make_source=make, clock=clock) as watch:
        watch.wait("door", LIVE)
        for off in (timedelta(days=-20_000), timedelta(days=365), timedelta(hours=-1)):
            clock.off = off
            watch.looks("door", 5)
            assert watch.shows("door", LIVE)
        assert not watch.told(IncidentClosed, VisitEnded, CameraLost)


def test_stopping_takes_no_time_whatever_is_stuck(detectors: Detectors, clip: Path, tmp_path: Path) -> None:
    """A read that hangs, an open of a server that says nothing, a detector that hangs, a disk that is full."""
    let_go = threading.Event()
    full = FullSink(full=False)
    stuck, well, busy = Device(), Device(), Device()
    with listening() as port:
        cameras = {
            "stuck": camera("0"),
            "silent": camera(f"rtsp://127.0.0.1:{port}/cam", capture=CAPTURE | {"open_timeout_s": 4}),
            "well": camera("1"),
            "busy": camera("2"),
        }

        def make(name: str, settings: CameraSettings, pause: Callable[[float], object]) -> object:
            from monitor.sources.opening import make_camera_source

            by_name = {"stuck": stuck, "well": well, "busy": busy}
            return by_name.get(name) or make_camera_source(name, settings, SystemClock(), pause)

        try:
            with watching(
                cameras,
                tmp_path,
                make_source=make,  # type: ignore[arg-type]
                open_detector=detectors.open,
                sinks=lambda: [full],
                timeout_s=60,
            ) as watch:
                for name in ("stuck", "well", "busy"):
                    watch.wait(name, LIVE)
                until(lambda: len([event for event in full.events if isinstance(event, IncidentOpened)]) == 3)
                stuck.answering.clear()
                watch.wait("stuck", STALE, Cause.TIMED_OUT)
                hung: list[int] = []

                def hang(number: int) -> None:
                    if not hung:
                        hung.append(number)
                        let_go.wait()

                detectors.trouble = hang
                until(lambda: hung)
                full.full = True
                started = time.monotonic()
                with pytest.raises(OutputError, match="could not be written"):
                    watch.live.stop()
                took_s = time.monotonic() - started
                left = watch.live.running()
                assert took_s < 3
                assert "capture-stuck" in left
                assert f"detect-{hung[0]}" in left
                assert not {"capture-well", "capture-busy", "watchdog", "record"} & set(left)
                let_go.set()
                stuck.answering.set()
                until(lambda: not watch.live.running(), lambda: str(watch.live.running()))
        finally:
            let_go.set()
            stuck.answering.set()


def test_stopping_completes_the_journal_while_a_read_hangs(tmp_path: Path) -> None:
    door = Device()
    try:
        with watching({"door": camera("0")}, tmp_path, make_source=devices(door=door)) as watch:
            until(lambda: watch.told(IncidentOpened))
            door.answering.clear()
            watch.wait("door", STALE, Cause.TIMED_OUT)
            assert watch.stop() < 3
            assert watch.live.running() == ["capture-door"]
            told = [type(event) for event in watch.told()]
            assert told[-3:] == [IncidentClosed, VisitEnded, SourceEnded]
            door.answering.set()
            until(lambda: not watch.live.running())
            assert [type(event) for event in watch.told()] == told, "and nothing is told after the end"
    finally:
        door.answering.set()


def test_only_the_cameras_that_changed_are_started_anew(clip: Path, tmp_path: Path) -> None:
    made: list[str] = []
    by_name = {name: Device() for name in "abcd"}

    def make(name: str, settings: CameraSettings, pause: object) -> Device:
        made.append(name)
        return by_name[name]

    old = {"a": camera("0"), "b": camera("1"), "c": camera("2")}
    new = {"a": old["a"], "b": camera("1", rules={"dwell_s": 0.5}), "d": camera("3")}
    with watching(old, tmp_path, make_source=make) as watch:  # type: ignore[arg-type]
        until(lambda: len(watch.told(IncidentOpened)) == 3)
        watch.live.apply(new, None)
        assert watch.live.statuses()[0].camera == "a"
        assert [status.camera for status in watch.live.statuses()] == list(new), "in the order of the configuration"
        until(lambda: len(watch.told(IncidentOpened)) == 5)
        assert sorted(made) == ["a", "b", "b", "c", "d"]
        assert watch.shows("a", LIVE)
        assert not watch.told(IncidentClosed, source="a")
        until(lambda: "capture-c" not in watch.live.running())
    ids = [event.incident_id for event in watch.told(IncidentOpened) if isinstance(event, IncidentOpened)]
    assert len(set(ids)) == 5
    assert [event.source_id for event in watch.told(SourceEnded)] == ["b", "c", "a", "b", "d"]


def test_another_detector_takes_over_while_everything_runs(tmp_path: Path) -> None:
    from monitor.pipeline.monitor import Inference

    old, new = Detectors(), Detectors()

    def slow(_: int) -> None:
        threading.Event().wait(0.05)

    old.trouble = slow
    cameras = {name: camera(str(number)) for number, name in enumerate("abc")}
    make = devices(a=Device(), b=Device(), c=Device())
    with watching(cameras, tmp_path, make_source=make, open_detector=old.open) as watch:
        for name in "abc":
            watch.wait(name, LIVE)
        for _ in range(5):
            watch.live.apply(cameras, Inference(new.open, 2, 1, 2.0, {"model": "new"}))
            for name in "abc":
                watch.looks(name, 2)
        assert new.opened == 10
        until(lambda: len([name for name in watch.live.running() if name.startswith("detect-")]) == 2)
        assert not watch.told(CameraLost, IncidentClosed)
        before = len(watch.told(IncidentOpened, source="a"))
        watch.live.apply({name: cameras[name] for name in "bc"}, None)
        watch.live.apply(cameras, None)
        until(lambda: len(watch.told(IncidentOpened, source="a")) > before)
        opened = watch.told(IncidentOpened, source="a")[-1]
        assert isinstance(opened, IncidentOpened)
        assert opened.settings["detector"] == {"model": "new"}, "incidents name the detector that found the faces"


def test_one_camera_that_cannot_be_judged_leaves_the_rest_in_peace(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make = devices(door=Device(), hall=Device(name="hall"))
    with (
        caplog.at_level(logging.CRITICAL, "monitor.pipeline.workers"),
        watching({"door": camera("0"), "hall": camera("1")}, tmp_path, make_source=make) as watch,
    ):
        watch.wait("door", LIVE)
        watch.wait("hall", LIVE)
        broken = [True]

        def fail(analysis: Analysis) -> None:
            if broken and analysis.frame.source_id == "door":
                raise ZeroDivisionError

        watch.live.analyses.subscribe(fail)
        watch.wait("door", FAULT, Cause.UNEXPECTED)
        watch.looks("hall", 5)
        assert watch.shows("hall", LIVE)
        broken.clear()
        watch.wait("door", LIVE, within_s=10)


def test_a_played_recording_keeps_its_own_rate(clip: Path) -> None:
    from monitor.domain.address import SourceAddress
    from monitor.sources.opening import make_recording

    clock, stop = SystemClock(), threading.Event()
    played = PlayedFile(lambda: make_recording("door", SourceAddress(str(clip))), clock, stop.wait, loop=True)
    played.open()
    times = [played.grab() or 0.0 for _ in range(23)]
    played.close()
    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(2.2, abs=0.3)


def test_nothing_happens_to_a_healthy_camera(clip: Path, tmp_path: Path) -> None:
    with watching({"hall": healthy(clip)}, tmp_path) as watch:
        watch.wait("hall", LIVE)
        watch.looks("hall", 15)
        assert watch.shows("hall", LIVE)
        status = watch.status("hall")
        assert status.drops[Drop.LATE] == status.drops[Drop.CORRUPT] == 0
