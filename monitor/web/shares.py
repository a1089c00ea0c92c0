"""Shares in what lasts, so that nobody can take all of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class FullError(Exception):
    """All places are taken, or the share of the account or of its address."""


class Shares:
    """At most `most` places, of which each account and each address gets a share; for the event loop only."""

    def __init__(self, most: int, of_account: int, of_address: int) -> None:
        self._free = most
        self._of_account = of_account
        self._of_address = of_address
        self._accounts: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()

    def has_room(self, account: str, address: str) -> bool:
        """Return whether `place` gives a place now."""
        is_within = self._accounts[account] < self._of_account and self._addresses[address] < self._of_address
        return is_within and self._free > 0

    @contextmanager
    def place(self, account: str, address: str) -> Iterator[None]:
        """Take a place while the block runs; raises `FullError`."""
        if not self.has_room(account, address):
            raise FullError
        self._free -= 1
        self._accounts[account] += 1
        self._addresses[address] += 1
        try:
            yield
        finally:
            self._free += 1
            self._accounts -= Counter([account])  # drops what is at zero
            self._addresses -= Counter([address])


@dataclass(frozen=True, slots=True)
class Places:
    """The places of everything that lasts.

    A photograph has one from its first byte to the end of the response, which limits the memory for uploads, pictures
    and results.
    """

    sockets: Shares = field(default_factory=lambda: Shares(256, 96, 192))
    streams: Shares = field(default_factory=lambda: Shares(64, 32, 48))
    photos: Shares = field(default_factory=lambda: Shares(8, 3, 6))
