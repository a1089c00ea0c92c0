"""The thread that writes down what happened: it may fall behind, and it may fail for a while, but loses nothing."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event as Flag

from monitor.domain.cause import Cause
from monitor.domain.errors import OutputError, UnwritableError
from monitor.domain.event import Event, EventRecord, IncidentOpened
from monitor.domain.ports import Sink
from monitor.pipeline.channel import Channel, Closed
from monitor.pipeline.health import Fault
from monitor.pipeline.heartbeat import BEAT_EVERY_S, Heartbeat
from monitor.pipeline.topic import Topic
from monitor.storage.snapshots import SnapshotFolder

_log = logging.getLogger(__name__)

#: Events that may wait while a disk is full: hours of a busy entrance. Then judging waits too, rather than lose one.
_WAITING = 10_000
_RETRY_S = 1.0


class Recorder:
    """Events into sinks and pictures into their folder; what cannot be written is tried again until it can.

    `snapshots` returns the folder of a camera's pictures. Every event is published to `recorded` after it was written,
    picture and all. `beat_every_s` is how often sinks with a heartbeat get one, whether there is anything to write or
    not.
    """

    def __init__(
        self,
        snapshots: Callable[[str], SnapshotFolder],
        to_utc: Callable[[float], datetime],
        stop: Flag,
        recorded: Topic[Event],
        beat_every_s: float = BEAT_EVERY_S,
    ) -> None:
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._unwritten = 0
        self._writing = False
        self._snapshots = snapshots
        self._to_utc = to_utc
        self._stop = stop
        self._recorded = recorded
        self._events: Channel[EventRecord] = Channel(_WAITING)
        self._heartbeat = Heartbeat((), beat_every_s)

    @property
    def fault(self) -> Fault | None:
        """What keeps events from being written, None while nothing does."""
        with self._lock:
            return self._fault

    @property
    def unwritten(self) -> int:
        """How many records were given up."""
        with self._lock:
            return self._unwritten

    def put(self, record: EventRecord) -> None:
        """Hand over an event; waits while very many wait already. Raises `Closed` after `close`."""
        self._events.put(record)

    def hurry(self) -> None:
        """Make nobody wait any more: the monitor stops."""
        self._events.lift()

    def close(self) -> None:
        """Take no more; what waits is still written."""
        self._events.close()

    def waiting(self) -> int:
        """Return how many events are not written yet, that which is being written included."""
        with self._lock:
            return len(self._events) + self._writing

    def run(self, open_sinks: Callable[[], Sequence[Sink]]) -> None:
        """Write until closed and empty; the body of the recording thread, which alone uses the sinks.

        Raises `OutputError` where the sinks cannot be opened. After `stop` each event is tried once more, and those
        that still fail are counted in `unwritten`.
        """
        sinks = open_sinks()
        self._heartbeat = Heartbeat(sinks, self._heartbeat.every_s)
        try:
            while True:
                record = self._events.get_within(self._heartbeat.every_s)
                self._heartbeat.beat_when_due()
                if record is None:
                    continue
                with self._lock:
                    self._writing = True
                for write in self._writes(sinks, record):
                    self._until_written(write)
                with self._lock:
                    self._writing = False
                self._recorded.publish(record.event)
        except Closed:
            pass
        finally:
            for sink in sinks:
                try:
                    sink.close()
                except OutputError as error:
                    _log.error("%s", error)

    def _writes(self, sinks: Sequence[Sink], record: EventRecord) -> list[Callable[[], object]]:
        event, picture = record.event, record.picture
        writes: list[Callable[[], object]] = [lambda sink=sink: sink.put(event) for sink in sinks]  # type: ignore[misc]
        if isinstance(event, IncidentOpened) and picture is not None:
            at = self._to_utc(event.time_s)
            writes.append(lambda: self._snapshots(event.source_id).save(event.incident_id, picture, at))
        return writes

    def _until_written(self, write: Callable[[], object]) -> None:
        while True:
            last = self._stop.is_set()  # asked first: a try that began before the stop is not the one after it
            if self._written(write):
                return
            if last:
                self._give_up()
                return
            self._heartbeat.beat_when_due()
            self._stop.wait(_RETRY_S)

    def _written(self, write: Callable[[], object]) -> bool:
        """Try once; return False where trying again may help."""
        try:
            write()
        except UnwritableError as error:  # would fail for ever: said aloud, and the next one is written
            _log.error("a record is refused by the database and left out: %s", error)
            self._give_up()
        except OutputError as error:
            if self._set_fault(Fault(Cause.JOURNAL, f"cannot record: {error}")) is None:
                _log.error("cannot record: %s; tried again every second, nothing is thrown away", error)
            return False
        except Exception:  # noqa: BLE001 - one odd event must not end a monitor that runs for months
            _log.exception("a record is left out: writing it failed unexpectedly")
            self._give_up()
        else:
            if self._set_fault(None) is not None:
                _log.warning("recording again; what waited is being written")
        return True

    def _set_fault(self, fault: Fault | None) -> Fault | None:
        """Show a fault, or that there is none; return the one that was shown until now."""
        with self._lock:
            before, self._fault = self._fault, fault
            return before

    def _give_up(self) -> None:
        with self._lock:
            self._unwritten += 1
