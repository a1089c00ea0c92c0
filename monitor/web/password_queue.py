"""A bounded queue for the checks of passwords, which are expensive by design."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: How many checks may wait at most: half of the places are for devices that have logged in before.
_MOST = 16


class PasswordQueue:
    """Checks passwords one at a time on one thread, since each check takes much memory; used on the event loop only."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, "passwords")

    def is_full(self, known_device: bool) -> bool:
        """Return whether there is no place left; for devices that have not logged in before, half of them are."""
        return self._waiting >= (self._most if known_device else self._most // 2)

    async def run(self, check: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the check returns, in its turn."""
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._thread.submit(check, *args, **kwargs))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Drop the checks that wait, and wait for the one that runs."""
        self._thread.shutdown(cancel_futures=True)
