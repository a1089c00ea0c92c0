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

    The first failure stops all threads, is kept, and is raised by `join`. A body must return soon after `stop` is set;
    `on_failure` is called once, to wake threads that wait for something other than the event.
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
        """Start a thread; ended ones are removed, so that a group may run for months."""
        thread = threading.Thread(target=self._run, args=(body,), name=name, daemon=False)
        with self._lock:
            thread.start()
            self._threads = [*(other for other in self._threads if other.is_alive()), thread]

    def wait(self, timeout_s: float, prefix: str = "") -> bool:
        """Wait up to `timeout_s` for the threads with this name prefix to end; return whether one still runs."""
        deadline = time.monotonic() + timeout_s
        threads = [thread for thread in self._owned() if thread.name.startswith(prefix)]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return any(thread.is_alive() for thread in threads)

    def running(self) -> list[str]:
        """Return the names of the threads that still run."""
        return [thread.name for thread in self._owned() if thread.is_alive()]

    def join(self, timeout_s: float) -> None:
        """Wait for all threads; raises the first failure, or `StuckError` with the names of those still running."""
        if self.wait(timeout_s):
            raise StuckError(f"still running after {timeout_s:g} s: {', '.join(self.running())}") from self._failure
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise the first failure of a thread, if there is one."""
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
        except BaseException as error:  # noqa: BLE001 - kept, and raised by join
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            first = self._failure is None
            if first:
                self._failure = error
        self.stop.set()
        if first and self._on_failure is not None:
            self._on_failure()
