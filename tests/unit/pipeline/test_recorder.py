"""The recorder: in order, nothing twice, nothing lost, whatever the disk says."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.domain.cause import Cause
from monitor.domain.errors import OutputError, UnwritableError
from monitor.domain.event import Event, EventRecord, IncidentOpened, SourceOpened
from monitor.domain.ports import Sink
from monitor.pipeline.channel import Closed
from monitor.pipeline.recorder import Recorder
from monitor.pipeline.topic import Topic
from monitor.storage.snapshots import SnapshotFolder
from tests.fakes import FACE, WITHOUT, FakeSink, FullSink, noise

SOON_S = 10.0
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def until(condition: Callable[[], bool], what: str = "it never came so far") -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.002)


def happening(number: int) -> SourceOpened:
    return SourceOpened("door", float(number), 320, 240)


class Bench:
    """A recorder on a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.stop = threading.Event()
        pictures = SnapshotFolder(folder)
        self.aside: list[EventRecord] = []
        self.recording = Recorder(
            lambda _: pictures, self.aside.extend, lambda _: NOON, self.stop, Topic(), beat_every_s=0.02
        )
        self.raised: list[BaseException] = []
        self._thread: threading.Thread | None = None

    def start(self, *sinks: Sink) -> None:
        """Record into these."""

        def body() -> None:
            try:
                self.recording.run(lambda: sinks)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                self.raised.append(error)

        self._thread = threading.Thread(target=body)
        self._thread.start()

    def end(self) -> None:
        """Stop as the monitor does."""
        self.stop.set()
        self.recording.close()
        if self._thread is not None:
            self._thread.join(SOON_S)
            assert not self._thread.is_alive()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.end()


def test_events_reach_every_sink_in_their_order(bench: Bench) -> None:
    sinks = FakeSink(), FakeSink()
    events: list[Event] = [happening(number) for number in range(100)]
    for event in events:
        bench.recording.put(EventRecord(event))
    bench.start(*sinks)
    bench.end()
    assert [sink.events for sink in sinks] == [events, events]
    assert [sink.closed for sink in sinks] == [1, 1]
    assert bench.recording.unwritten == 0


def test_a_full_disk_is_a_fault_and_loses_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The first sink writes, the second cannot: when it can, the first is not given anything twice."""
    well, full = FakeSink(), FullSink()
    events: list[Event] = [happening(number) for number in range(20)]
    with caplog.at_level(logging.INFO):
        bench.start(well, full)
        for event in events:
            bench.recording.put(EventRecord(event))
        until(lambda: full.tries >= 2)
        fault = bench.recording.fault
        assert fault is not None
        assert fault.cause is Cause.JOURNAL
        assert "disk is full" in fault.detail
        assert len(well.events) == 1, "what comes later waits its turn"
        full.full = False
        until(lambda: len(full.events) == 20)
    until(lambda: bench.recording.fault is None)
    assert well.events == events
    assert full.events == events
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_who_hands_over_waits_only_when_very_many_wait(bench: Bench) -> None:
    full = FullSink()
    bench.start(full)
    started = time.monotonic()
    for number in range(5000):
        bench.recording.put(EventRecord(happening(number)))
    assert time.monotonic() - started < 5
    assert bench.recording.waiting() >= 4999
    full.full = False
    bench.end()
    assert [event.time_s for event in full.events] == [float(number) for number in range(5000)]


def test_stopping_with_a_full_disk_takes_no_time_and_sets_everything_aside(bench: Bench) -> None:
    full = FullSink()
    bench.start(full)
    for number in range(500):
        bench.recording.put(EventRecord(happening(number)))
    until(lambda: full.tries > 0)
    started = time.monotonic()
    bench.end()
    assert time.monotonic() - started < 1.2
    bench.recording.give_up()
    assert [record.event for record in bench.aside] == [happening(number) for number in range(500)]


def test_what_can_neither_be_written_nor_set_aside_is_counted_as_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: object) -> None:
        raise OutputError("the disk is full")

    bench.recording = Recorder(lambda _: SnapshotFolder(Path()), refuse, lambda _: NOON, bench.stop, Topic())
    for number in range(7):
        bench.recording.put(EventRecord(happening(number)))
    bench.end()
    with caplog.at_level(logging.ERROR), pytest.raises(OutputError, match="7 records"):
        bench.recording.give_up()
    assert "the disk is full" in caplog.text


def test_what_follows_an_unwritten_record_is_set_aside_with_it(bench: Bench) -> None:
    """An incident that is closed in the journal, but opened in a file, would be open for ever."""

    class Flickering(FakeSink):
        def put(self, event: Event) -> None:
            if event.time_s == 1.0:
                raise OutputError("it is away")
            super().put(event)

    bench.stop.set()
    for number in range(4):
        bench.recording.put(EventRecord(happening(number)))
    bench.start(Flickering())
    bench.end()
    bench.recording.give_up()
    assert [record.event.time_s for record in bench.aside] == [1.0, 2.0, 3.0]
    assert bench.recording.unwritten == 0


def test_a_write_that_hangs_is_a_fault_and_its_record_is_set_aside(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.pipeline.recorder.SLOW_S", 0.05)
    hung = threading.Event()

    class Hung(FakeSink):
        def put(self, event: Event) -> None:
            hung.wait()

    bench.start(Hung())
    assert bench.recording.fault is None
    for number in range(3):
        bench.recording.put(EventRecord(happening(number)))
    try:
        until(lambda: bench.recording.fault is not None)
        fault = bench.recording.fault
        assert fault is not None
        assert fault.cause is Cause.JOURNAL
        assert "has not answered" in fault.detail
        bench.stop.set()
        bench.recording.close()
        bench.recording.give_up()
        assert [record.event for record in bench.aside] == [happening(number) for number in range(3)]
    finally:
        hung.set()
    until(lambda: bench.recording.fault is None)


def test_a_failed_heartbeat_is_a_fault_until_one_succeeds(bench: Bench) -> None:
    class Beating(FakeSink):
        lost = True

        def beat(self) -> None:
            if self.lost:
                raise OutputError("journal.db: was deleted")

    beating = Beating()
    bench.start(beating)
    until(lambda: bench.recording.fault is not None)
    fault = bench.recording.fault
    assert fault is not None
    assert (fault.cause, fault.detail) == (Cause.JOURNAL, "cannot record: journal.db: was deleted")
    beating.lost = False
    until(lambda: bench.recording.fault is None)


def test_whoever_waits_for_room_is_let_go_by_the_stop(bench: Bench) -> None:
    """A hung disk, a channel that is full, and a worker that waits to hand over: stopping must not wait for it."""
    hung = threading.Event()

    class Hung(FakeSink):
        def put(self, event: Event) -> None:
            hung.wait()

    bench.start(Hung())
    given = []

    def fill() -> None:
        try:
            for number in range(10_010):
                bench.recording.put(EventRecord(happening(number)))
                given.append(number)
        except Closed:
            pass

    filler = threading.Thread(target=fill)
    filler.start()
    until(lambda: len(given) >= 10_000)
    bench.stop.set()
    try:
        bench.recording.close()
        filler.join(SOON_S)
        assert not filler.is_alive()
    finally:
        hung.set()


def test_an_event_that_can_never_be_written_holds_up_no_other(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Picky(FakeSink):
        def put(self, event: Event) -> None:
            if event.time_s == 1.0:
                raise UnwritableError("journal: UNIQUE constraint failed")
            super().put(event)

    picky = Picky()
    bench.start(picky)
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            bench.recording.put(EventRecord(happening(number)))
        until(lambda: len(picky.events) == 2)
    assert "UNIQUE" in caplog.text
    assert bench.recording.fault is None


def test_the_picture_of_an_incident_is_kept_by_day(bench: Bench, tmp_path: Path) -> None:
    event = IncidentOpened("door-run-000001", "door", 1, WITHOUT, 5.0, 4.0, 0.9, FACE, 1.0, 2.0, 9)
    bench.start(FakeSink())
    bench.recording.put(EventRecord(event, noise(240, 320)))
    bench.end()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")] == [
        "2026-03-29/door-run-000001.jpg"
    ]


def test_a_picture_that_cannot_be_kept_is_tried_again_and_the_event_is_not_doubled(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "2026-03-29").write_text("a file where the folder of the day should be")
    sink = FakeSink()
    bench.start(sink)
    bench.recording.put(
        EventRecord(IncidentOpened("i", "door", 1, WITHOUT, 5.0, 4.0, 0.9, FACE, 1.0, 2.0, 9), noise(240, 320))
    )
    until(lambda: bench.recording.fault is not None)
    (tmp_path / "2026-03-29").unlink()
    until(lambda: bench.recording.fault is None)
    until((tmp_path / "2026-03-29" / "i.jpg").exists)
    assert len(sink.events) == 1


def test_sinks_that_cannot_be_opened_are_a_failure(bench: Bench) -> None:
    def refuse() -> list[Sink]:
        raise OutputError("journal: no such folder")

    with pytest.raises(OutputError, match="no such folder"):
        bench.recording.run(refuse)


def test_a_sink_with_a_heartbeat_gets_it_while_nothing_happens_and_while_another_sink_fails(bench: Bench) -> None:
    class Beating(FakeSink):
        beats = 0

        def beat(self) -> None:
            self.beats += 1

    beating, full = Beating(), FullSink()
    bench.start(beating, full)
    until(lambda: beating.beats >= 2)
    bench.recording.put(EventRecord(happening(1)))
    until(lambda: full.tries > 0)
    before = beating.beats
    until(lambda: beating.beats > before)
    full.full = False


def test_the_row_of_an_incident_has_the_hash_of_its_picture(bench: Bench, tmp_path: Path) -> None:
    sink = FakeSink()
    event = IncidentOpened("door-1", "door", 1, WITHOUT, 5.0, 4.0, 0.9, FACE, 1.0, 2.0, 9)
    bench.recording.put(EventRecord(event, noise(240, 320)))
    bench.start(sink)
    bench.end()
    (written,) = sink.events
    assert isinstance(written, IncidentOpened)
    (file,) = written.files
    assert hashlib.sha256((tmp_path / file.name).read_bytes()).hexdigest() == file.sha256
    assert replace(written, files=()) == event


def test_without_room_an_incident_is_recorded_without_its_picture(tmp_path: Path) -> None:
    sink, stop = FakeSink(), threading.Event()
    recording = Recorder(
        lambda _: SnapshotFolder(tmp_path), [].extend, lambda _: NOON, stop, Topic(), keeps_pictures=lambda: False
    )
    event = IncidentOpened("door-1", "door", 1, WITHOUT, 5.0, 4.0, 0.9, FACE, 1.0, 2.0, 9)
    recording.put(EventRecord(event, noise(240, 320)))
    recording.close()
    recording.run(lambda: [sink])
    assert sink.events == [event]
    assert not list(tmp_path.iterdir())
