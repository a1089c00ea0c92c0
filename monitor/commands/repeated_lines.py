"""Keeps lines that are repeated from filling the log."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

#: The most equal lines a minute, and the most from one place in the program: those of many cameras differ.
_MOST_EQUAL, _MOST_ALIKE = 10, 300
_MINUTE_S = 60.0

_MOST_CHARACTERS = 200


@dataclass(slots=True)
class _Minute:
    """The lines of one kind in one minute; `last` is the last one."""

    until_s: float
    most: int
    last: logging.LogRecord
    count: int = 0

    def add(self, record: logging.LogRecord) -> bool:
        """Count a line; return whether it passes."""
        self.count += 1
        self.last = record
        return self.count <= self.most

    def summary(self) -> logging.LogRecord:
        """Return a line about those that were left out."""
        text = self.last.getMessage().partition("\n")[0][:_MOST_CHARACTERS]
        values = {"msg": "%d more lines such as this in a minute: %s", "args": (self.count - self.most, text)}
        return logging.makeLogRecord(values | {"levelno": self.last.levelno, "levelname": self.last.levelname})


class RepeatedLines(logging.Filter):
    """Passes a limited number of lines that are equal, or from one place in the program, in a minute.

    The others are counted, and `say` gets a line with their number once the minute is over and there is another line.
    """

    def __init__(self, say: Callable[[logging.LogRecord], object], now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._say = say
        self._now_s = now_s
        self._lock = threading.Lock()
        self._minutes: dict[Hashable, _Minute] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line passes."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - the handler reports lines that cannot be formatted
            return True
        with self._lock:
            ended = self._end_minutes()
            place = self._minute((record.pathname, record.lineno), _MOST_ALIKE, record)
            is_full = place.count >= place.most  # no need to remember its texts too
            passes = is_full or self._minute((record.name, text), _MOST_EQUAL, record).add(record)
            passes = passes and place.add(record)
        for minute in ended:
            if minute.count > minute.most:
                self._say(minute.summary())
        return passes

    def _end_minutes(self) -> list[_Minute]:
        now_s = self._now_s()
        ended = [key for key, minute in self._minutes.items() if minute.until_s <= now_s]
        return [self._minutes.pop(key) for key in ended]

    def _minute(self, kind: Hashable, most: int, record: logging.LogRecord) -> _Minute:
        return self._minutes.setdefault(kind, _Minute(self._now_s() + _MINUTE_S, most, record))
