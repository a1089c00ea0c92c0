"""The owner of every thread."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from monitor.domain.errors import MonitorError


class StuckError(MonitorError):
    """Threads did not end in time."""


class ThreadGroup:
    """Named, non-daemon threads with one stop event; used as a context manager.

    The first failure stops the whole threads, is kept, and is raised again by `join`. A body must return soon after
    `stop` is set; `on_failure` is called once, to wake those who wait on something else than the event.
    """

    def __init__(self, on_failure: Callable[[], None] | None = None) -> None:
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._on_failure = on_failure

    @property
    def failed(self) -> bool:
        """Whether a thread has failed."""
        with self._lock:
            return self._failure is not None

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """Start a thread; those that have ended are forgotten, so that a threads may live for months."""
        thread = threading.Thread(target=self._run, args=(body,), name=name, daemon=False)
        with self._lock:
            thread.start()
            self._threads = [*(other for other in self._threads if other.is_alive()), thread]

    def wait(self, timeout_s: float, prefix: str = "") -> bool:
        """Wait up to `timeout_s` for all whose name starts so to end, and return whether one is still at work."""
        deadline = time.monotonic() + timeout_s
        threads = [thread for thread in self._owned() if thread.name.startswith(prefix)]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return any(thread.is_alive() for thread in threads)

    def running(self) -> list[str]:
        """Return the names of those still at work."""
        return [thread.name for thread in self._owned() if thread.is_alive()]

    def join(self, timeout_s: float) -> None:
        """Wait for everybody; raises the first failure, or `StuckError` naming who has not ended in time."""
        if self.wait(timeout_s):
            raise StuckError(f"still running after {timeout_s:g} s: {', '.join(self.running())}") from self._failure
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise what the first thread to fail failed with, if any has."""
        with self._lock:
            failure = self._failure
        if failure is not None:
            raise failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self._fail(error)
            self.wait(timeout_s=10)

    def _owned(self) -> list[threading.Thread]:
        with self._lock:
            return list(self._threads)

    def _run(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001 - kept and raised again by join
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            first = self._failure is None
            if first:
                self._failure = error
        self.stop.set()
        if first and self._on_failure is not None:
            self._on_failure()
