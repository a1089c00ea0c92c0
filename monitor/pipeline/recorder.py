"""The recording thread: it may fall behind, and may fail for a while, but loses no event."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event as Flag

from monitor.domain.cause import Cause
from monitor.domain.errors import OutputError, UnwritableError
from monitor.domain.event import Event, EventRecord, EvidenceFile, IncidentOpened
from monitor.domain.ports import Sink
from monitor.pipeline.channel import Channel, Closed
from monitor.pipeline.health import Fault
from monitor.pipeline.heartbeat import BEAT_EVERY_S, Heartbeat
from monitor.pipeline.topic import Topic
from monitor.storage.snapshots import SnapshotFolder, day_of

_log = logging.getLogger(__name__)

#: Events that may wait while a disk is full: hours of a busy entrance. Then analyses wait too, and no event is lost.
_WAITING = 10_000
_RETRY_S = 1.0

#: Seconds after which a write that does not return is a fault.
SLOW_S = 3.0


class Recorder:
    """Writes events to sinks and pictures to their folder, and retries until it succeeds.

    `snapshots` returns the folder of a camera's pictures. `set_aside` stores records that could not be written before
    the end, and raises `OutputError`. Every event is published to `recorded` after it and its picture have been
    written; that of an incident has the hash of its picture. `keeps_pictures` returns whether there is room for another
    picture. `beat_every_s` is the interval of heartbeats in seconds, also while there is nothing to write.
    """

    def __init__(
        self,
        snapshots: Callable[[str], SnapshotFolder],
        set_aside: Callable[[Sequence[EventRecord]], None],
        to_utc: Callable[[float], datetime],
        stop: Flag,
        recorded: Topic[Event],
        beat_every_s: float = BEAT_EVERY_S,
        keeps_pictures: Callable[[], bool] = lambda: True,
    ) -> None:
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._unwritten = 0
        self._unfinished: list[EventRecord] = []
        self._busy_since_s: float | None = None
        self._snapshots = snapshots
        self._set_aside = set_aside
        self._to_utc = to_utc
        self._stop = stop
        self._recorded = recorded
        self._keeps_pictures = keeps_pictures
        self._events: Channel[EventRecord] = Channel(_WAITING)
        self._heartbeat = Heartbeat((), beat_every_s)

    @property
    def fault(self) -> Fault | None:
        """The fault that prevents writing, or None."""
        with self._lock:
            fault, busy_since_s = self._fault, self._busy_since_s
        if fault is not None:
            return fault
        if busy_since_s is not None and (busy_s := time.monotonic() - busy_since_s) > SLOW_S:
            return Fault(Cause.JOURNAL, f"cannot record: the database or the disk has not answered for {busy_s:.0f} s")
        failure = self._heartbeat.failure
        return None if failure is None else Fault(Cause.JOURNAL, f"cannot record: {failure}")

    @property
    def unwritten(self) -> int:
        """How many records were abandoned."""
        with self._lock:
            return self._unwritten

    def put(self, record: EventRecord) -> None:
        """Add an event; waits while 10,000 are waiting. Raises `Closed` after `close`."""
        self._events.put(record)

    def hurry(self) -> None:
        """Remove the limit of waiting events, so that `put` no longer waits while the monitor stops."""
        self._events.lift()

    def close(self) -> None:
        """Accept no more events; the waiting ones are still written."""
        self._events.close()

    def waiting(self) -> int:
        """Return how many events are not written yet, including the one being written."""
        with self._lock:
            return len(self._events) + len(self._unfinished)

    def give_up(self) -> None:
        """Set aside what has not been written, also while a write hangs; raises `OutputError` if it is lost.

        A record whose write has begun may be written all the same.
        """
        waiting = self._events.drain()
        with self._lock:
            records = [*self._unfinished, *waiting]
            lost = self._unwritten
        if records:
            try:
                self._set_aside(records)
            except OutputError as error:
                lost += len(records)
                _log.error("%s", error)
        if lost:
            raise OutputError(f"{lost} records could not be written before the end; the log above names the cause")

    def run(self, open_sinks: Callable[[], Sequence[Sink]]) -> None:
        """Write until closed and empty; the body of the recording thread, the only one that uses the sinks.

        Raises `OutputError` if the sinks cannot be opened. After `stop` each event is tried once more, and those that
        still fail are left for `give_up`.
        """
        sinks = open_sinks()
        self._heartbeat = Heartbeat(sinks, self._heartbeat.every_s)
        try:
            while True:
                record = self._events.get_within(self._heartbeat.every_s)
                self._beat_when_due()
                if record is None:
                    continue
                with self._lock:
                    self._unfinished.append(record)
                if all(self._until_written(write) for write in self._writes(sinks, record)):
                    with self._lock:
                        if len(self._unfinished) == 1:  # one that follows an unfinished one may depend on it
                            self._unfinished.clear()
                    self._recorded.publish(record.event)
        except Closed:
            pass
        finally:
            for sink in sinks:
                try:
                    sink.close()
                except OutputError as error:
                    _log.error("%s", error)

    def _writes(self, sinks: Sequence[Sink], record: EventRecord) -> Iterator[Callable[[], object]]:
        """Yield what to write, each after the one before has been written: a row has the hash of its picture."""
        event, picture = record.event, record.picture
        if not isinstance(event, IncidentOpened) or picture is None or not self._keeps_pictures():
            for sink in sinks:
                yield lambda sink=sink: sink.put(event)  # type: ignore[misc]
            return
        opened, part = event, day_of(self._to_utc(event.time_s))
        snapshots, files = self._snapshots(opened.source_id), list[EvidenceFile]()

        def write() -> EvidenceFile:
            return snapshots.write(opened.incident_id, picture, part)

        yield lambda: files.append(write())
        with_files = replace(opened, files=tuple(files))
        for sink in sinks:
            yield lambda sink=sink: sink.put(with_files)  # type: ignore[misc]
        for file in files:  # if its folder has been deleted meanwhile, it is written again
            yield lambda file=file: snapshots.complete(file.name) or snapshots.complete(write().name)  # type: ignore[misc]

    def _until_written(self, write: Callable[[], object]) -> bool:
        """Return whether it was written, or can never be; False if the monitor stops and a later retry may succeed."""
        while True:
            last = self._stop.is_set()  # read first: an attempt that began before the stop is not the last one
            if self._written(write):
                return True
            if last:
                return False
            self._beat_when_due()
            self._stop.wait(_RETRY_S)

    def _written(self, write: Callable[[], object]) -> bool:
        """Try once; return False if a retry may succeed."""
        try:
            with self._timed():
                write()
        except UnwritableError as error:  # a retry would fail too: logged, and the next one is written
            _log.error("record not written, the database refuses it: %s", error)
            self._abandon()
        except OutputError as error:
            if self._set_fault(Fault(Cause.JOURNAL, f"cannot record: {error}")) is None:
                _log.error("cannot record: %s; retrying every second, no event is lost", error)
            return False
        except Exception:  # noqa: BLE001 - one faulty event must not end a monitor that runs for months
            _log.exception("record not written, unexpected error")
            self._abandon()
        else:
            if self._set_fault(None) is not None:
                _log.warning("recording works again; waiting events are being written")
        return True

    def _beat_when_due(self) -> None:
        if self._heartbeat.is_due:
            with self._timed():
                self._heartbeat.beat()

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Let `fault` know how long a write takes."""
        with self._lock:
            self._busy_since_s = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._busy_since_s = None

    def _set_fault(self, fault: Fault | None) -> Fault | None:
        """Set or clear the fault; return the one before."""
        with self._lock:
            before, self._fault = self._fault, fault
            return before

    def _abandon(self) -> None:
        with self._lock:
            self._unwritten += 1
