"""Long queries of people, on a thread of their own."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from monitor.pipeline.process import give_way

#: Seconds after which a request is answered although its report is not ready.
READY_WITHIN_S = 40.0

T = TypeVar("T")


class OneAtATimeError(Exception):
    """The account has a report in the making, or waiting."""


class Reports:
    """Makes reports one after the other, of each account one at a time, so that nobody waits for a queue of others'.

    The thread has a lower priority than the cameras'.
    """

    def __init__(self, name: str, ready_within_s: float = READY_WITHIN_S) -> None:
        self._pool = ThreadPoolExecutor(1, name, initializer=give_way)
        self._ready_within_s = ready_within_s
        self._lock = threading.Lock()
        self._accounts: set[str] = set()

    async def make(self, account: str, report: Callable[[], T]) -> T:
        """Return a report; raises `OneAtATimeError`, and `TimeoutError` if it takes too long."""
        with self._lock:
            if account in self._accounts:
                raise OneAtATimeError
            self._accounts.add(account)
        future = self._pool.submit(report)
        future.add_done_callback(lambda _: self._done(account))
        return await self._result(future)

    def close(self) -> None:
        """Finish the current report and end the thread."""
        self._pool.shutdown(cancel_futures=True)

    async def _result(self, future: Future[T]) -> T:
        async with asyncio.timeout(self._ready_within_s):
            return await asyncio.wrap_future(future)

    def _done(self, account: str) -> None:
        with self._lock:
            self._accounts.discard(account)
