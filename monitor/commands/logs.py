"""The program's log, on standard error."""

import contextlib
import logging
import os
import queue
import select
import sys
import threading
from logging.handlers import QueueHandler
from typing import Any

from monitor.domain.address import redact

#: Lines that may wait for a slow reader; further ones are dropped and counted.
_MOST_LINES = 5000

#: Seconds that the end of the program waits for room for its last line, and then for that line to be written.
_FLUSH_S = 0.5


class _Redacting(logging.Formatter):
    """Hides passwords in messages and tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class DroppingHandler(QueueHandler):
    """Writes lines to a file descriptor on a thread of its own, so that a reader that stalls delays no other thread.

    While `most` lines wait, further ones are dropped; a line says how many. `close` waits at most a second.
    """

    def __init__(self, descriptor: int, most: int = _MOST_LINES) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(most)
        super().__init__(self._lines)
        self._descriptor = descriptor
        self._counting = threading.Lock()
        self._dropped = 0
        # A daemon: it cannot be ended while the reader stalls, and must not keep the program from ending.
        self._writer = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._writer.start()

    def prepare(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return self.format(record) + "\n"

    def enqueue(self, record: Any) -> None:
        """Add a line, or drop it."""
        try:
            self._lines.put_nowait(record)
        except queue.Full:
            with self._counting:
                self._dropped += 1

    def close(self) -> None:
        """Write the waiting lines, and end the thread if the reader lets it."""
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_FLUSH_S)
        self._writer.join(_FLUSH_S)
        super().close()

    def _write_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            with self._counting:
                dropped, self._dropped = self._dropped, 0
            self._write(line)
            if dropped:  # they came while this line waited to be written
                self._write(self._dropped_line(dropped))

    def _dropped_line(self, count: int) -> str:
        text = "%d lines of the log were dropped: standard error was not read in time"
        return self.prepare(logging.makeLogRecord({"msg": text, "args": (count,), "levelname": "WARNING"}))

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "backslashreplace")
        with contextlib.suppress(OSError):  # nobody reads any more: there is no other place to say so
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    select.select([], [self._descriptor], [])


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the program's log to standard error, one line per message, with the local time; and warnings of libraries.

    The descriptor is a copy, since libraries that print are silenced by redirecting the original.
    """
    handler = DroppingHandler(os.dup(sys.stderr.fileno()))
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)-7s %(message)s"))
    logging.getLogger().handlers = [handler]
    logging.getLogger("monitor").setLevel(level)
