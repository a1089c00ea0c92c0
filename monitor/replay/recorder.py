"""Writes every event of a replay to the sinks, and keeps it for the report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from monitor.domain.event import EventRecord, IncidentOpened
from monitor.domain.ports import Sink
from monitor.replay.results import History
from monitor.storage.files import reading
from monitor.storage.snapshots import SnapshotFolder


class SinkRecorder:
    """Writes each event to the sinks in turn, and adds it to the history of the report.

    Pictures of incidents are written to `folder`, those of a run to a `part` of it.
    """

    def __init__(self, sinks: Sequence[Sink], history: History, folder: Path, part: str) -> None:
        self._sinks = sinks
        self._history = history
        self._folder = folder
        self._snapshots = SnapshotFolder(folder)
        self._part = part

    def put(self, record: EventRecord) -> None:
        """Write one event; raises `OutputError`."""
        event, jpeg = record.event, None
        if isinstance(event, IncidentOpened) and record.picture is not None:
            event = replace(event, files=(self._snapshots.write(event.incident_id, record.picture, self._part),))
        for sink in self._sinks:
            sink.put(event)
        if isinstance(event, IncidentOpened):
            for file in event.files:
                self._snapshots.complete(file.name)
                with reading(path := self._folder / file.name):
                    jpeg = path.read_bytes()
        self._history.add(event, jpeg)

    def close(self) -> None:
        """Close every sink, the last one first, also when one of them fails; raises the first failure."""
        failures: list[Exception] = []
        for sink in reversed(self._sinks):
            try:
                sink.close()
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]
