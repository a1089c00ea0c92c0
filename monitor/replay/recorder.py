"""Writes every event of a replay to the sinks, and keeps it for the report."""

from collections.abc import Sequence

import cv2

from monitor.domain.event import EventRecord
from monitor.domain.ports import Sink
from monitor.replay.results import History
from monitor.sources.encoding import encode_picture

_JPEG_QUALITY = 85


class SinkRecorder:
    """Writes each event to the sinks in turn, and adds it to the history of the report."""

    def __init__(self, sinks: Sequence[Sink], history: History) -> None:
        self._sinks = sinks
        self._history = history

    def put(self, record: EventRecord) -> None:
        """Write one event; raises `OutputError`."""
        for sink in self._sinks:
            sink.put(record.event)
        jpeg = None
        if record.picture is not None:
            jpeg = encode_picture(record.picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        self._history.add(record.event, jpeg)

    def close(self) -> None:
        """Close every sink, also when one of them fails; raises the first failure."""
        failures: list[Exception] = []
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]
