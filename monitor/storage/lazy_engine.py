"""One database for several threads, opened on first use."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine


class LazyEngine:
    """Opens the database at the first call, then returns the same engine; after a failure the next call retries."""

    def __init__(self, open_it: "Callable[[], Engine]") -> None:
        self._open = open_it
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def __call__(self) -> "Engine":
        """Return the engine; raises `JournalError`."""
        with self._lock:
            if self._engine is None:
                self._engine = self._open()
            return self._engine
