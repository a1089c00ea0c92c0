"""Recent answers of the database, for the time in which it gives none."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from monitor.domain.errors import JournalError

V = TypeVar("V")

#: Seconds for which an answer may stand in for a new one, and until a database that failed is asked again.
_RECENT_S, _AWAY_S = 300.0, 5.0

_MOST = 1000


class Remembered(Generic[V]):
    """Asks the database each time, and answers from memory while it fails; safe to call from any thread.

    An answer is repeated for at most five minutes after the database gave it, and only while the database fails; None,
    which denies, is not remembered.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[V, float]] = OrderedDict()
        self._away_until_s = float("-inf")

    def get(self, key: Hashable, ask: Callable[[], V]) -> V:
        """Return what `ask` returns; while it raises `JournalError`, return its recent answer, or raise that error."""
        recent = self._recent(key)
        if recent is not None and self._monotonic_s() < self._away_until_s:
            return recent[0]  # waiting for a database that hangs would delay every request
        try:
            answer = ask()
        except JournalError:
            self._away_until_s = self._monotonic_s() + _AWAY_S
            if (recent := self._recent(key)) is None:
                raise
            return recent[0]
        with self._lock:
            self._answers.pop(key, None)
            if answer is not None:
                self._answers[key] = answer, self._monotonic_s()
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return answer

    def forget(self, key: Hashable) -> None:
        """Drop an answer that is no longer true."""
        with self._lock:
            self._answers.pop(key, None)

    def _recent(self, key: Hashable) -> tuple[V, float] | None:
        with self._lock:
            found = self._answers.get(key)
        return found if found is not None and self._monotonic_s() - found[1] <= _RECENT_S else None
