"""The hand-offs between threads: in the order of putting, and in the order of numbers."""

import sys
import threading
from collections import deque
from collections.abc import MutableMapping, MutableSequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """Nothing more can be put into, or will ever come out of, this channel."""


class _HandOff:
    """What can be closed from either end; whoever waits is woken by every change."""

    _items: MutableSequence[Any] | MutableMapping[Any, Any]

    def __init__(self) -> None:
        self._closed = False
        self._changed = threading.Condition()

    def close(self) -> None:
        """Let nothing more in; what is in can still be taken. Harmless when repeated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Close, and throw away what waits, so that whoever fills or empties it ends at once."""
        with self._changed:
            self._items.clear()
            self._closed = True
            self._changed.notify_all()


class Channel(_HandOff, Generic[T]):
    """A bounded queue: a full one makes the putter wait, so nothing is lost."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._items: deque[T] = deque()

    def put(self, item: T) -> None:
        """Hand over an item, waiting for room; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def lift(self) -> None:
        """Make nobody wait for room from now on."""
        with self._changed:
            self._capacity = sys.maxsize
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def get(self) -> T:
        """Take the oldest item, waiting for one; raises `Closed` when none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            return self._take()

    def get_within(self, timeout_s: float) -> T | None:
        """Take the oldest item, None where none comes in so many seconds; raises `Closed` when none will come."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._closed or self._items, timeout_s)
            return self._take() if came else None

    def _take(self) -> T:
        if not self._items:
            raise Closed
        item = self._items.popleft()
        self._changed.notify_all()
        return item


class Sequencer(_HandOff, Generic[T]):
    """Takes numbered items in any order and gives them in the order of their numbers, from 0 without gaps.

    Who is more than `capacity` ahead of what was taken waits in `put`, so no more than that is ever held.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._next = 0
        self._items: dict[int, T] = {}

    def put(self, number: int, item: T) -> None:
        """Hand over an item, waiting until it is near its turn; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or number < self._next + self._capacity)
            if self._closed:
                raise Closed
            self._items[number] = item
            self._changed.notify_all()

    def get(self) -> T:
        """Take the next item, waiting for it; raises `Closed` when it will not come."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next in self._items)
            if self._next not in self._items:
                raise Closed
            item = self._items.pop(self._next)
            self._next += 1
            self._changed.notify_all()
            return item
