"""The thread that writes down what happened: it may fall behind, and it may fail for a while, but loses nothing."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag

from monitor.domain.cause import Cause
from monitor.domain.errors import OutputError, UnwritableError
from monitor.domain.event import Event, IncidentOpened
from monitor.domain.frame import Image
from monitor.domain.ports import Sink
from monitor.pipeline.channel import Channel, Closed
from monitor.pipeline.health import Fault
from monitor.pipeline.heartbeat import BEAT_EVERY_S, Heartbeat
from monitor.storage.snapshots import SnapshotFolder

_log = logging.getLogger(__name__)

#: Events that may wait while a disk is full: hours of a busy entrance. Then judging waits too, rather than lose one.
_WAITING = 10_000
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event on its way to the sinks; an incident's opening carries its picture (BGR, others' faces hidden)."""

    event: Event
    picture: Image | None = None


class Recorder:
    """Events into sinks and pictures into their folder; what cannot be written is tried again until it can.

    `tell` is called with every event after it was written, picture and all; it must return at once. `beat_every_s` is
    how often sinks with a heartbeat get one, whether there is anything to write or not.
    """

    def __init__(
        self,
        snapshots: SnapshotFolder,
        to_utc: Callable[[float], datetime],
        stop: Flag,
        tell: Callable[[Event], None] = lambda _: None,
        beat_every_s: float = BEAT_EVERY_S,
    ) -> None:
        self.fault: Fault | None = None
        self.unwritten = 0
        self._writing = False
        self._snapshots = snapshots
        self._to_utc = to_utc
        self._stop = stop
        self._tell = tell
        self._events: Channel[EventRecord] = Channel(_WAITING)
        self._heartbeat = Heartbeat((), beat_every_s)

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
                self._writing = True
                for write in self._writes(sinks, record):
                    self._until_written(write)
                self._writing = False
                self._tell(record.event)
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
            writes.append(lambda: self._snapshots.save(event.incident_id, picture, at))
        return writes

    def _until_written(self, write: Callable[[], object]) -> None:
        while True:
            last = self._stop.is_set()  # asked first: a try that began before the stop is not the one after it
            if self._written(write):
                return
            if last:
                self.unwritten += 1
                return
            self._heartbeat.beat_when_due()
            self._stop.wait(_RETRY_S)

    def _written(self, write: Callable[[], object]) -> bool:
        """Try once; return False where trying again may help."""
        try:
            write()
        except UnwritableError as error:  # would fail for ever: said aloud, and the next one is written
            _log.error("a record is refused by the database and left out: %s", error)
            self.unwritten += 1
        except OutputError as error:
            if self.fault is None:
                _log.error("cannot record: %s; tried again every second, nothing is thrown away", error)
            self.fault = Fault(Cause.JOURNAL, f"cannot record: {error}")
            return False
        except Exception:  # noqa: BLE001 - one odd event must not end a monitor that runs for months
            _log.exception("a record is left out: writing it failed unexpectedly")
            self.unwritten += 1
        else:
            if self.fault is not None:
                _log.warning("recording again; what waited is being written")
            self.fault = None
        return True
