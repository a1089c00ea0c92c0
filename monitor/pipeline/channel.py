"""Channels between threads: a queue, and one that orders numbered items."""

import sys
import threading
from collections import deque
from collections.abc import MutableMapping, MutableSequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The channel is closed: it accepts no more items, or has none left."""


class _HandOff:
    """A channel that can be closed from either end; every change wakes the waiting threads."""

    _items: MutableSequence[Any] | MutableMapping[Any, Any]

    def __init__(self) -> None:
        self._closed = False
        self._changed = threading.Condition()

    def close(self) -> None:
        """Accept no more items; the ones inside can still be taken. May be called more than once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Close, and discard all items, so that waiting threads end at once."""
        with self._changed:
            self._items.clear()
            self._closed = True
            self._changed.notify_all()


class Channel(_HandOff, Generic[T]):
    """A bounded queue: `put` waits while it is full, so nothing is lost."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._items: deque[T] = deque()

    def put(self, item: T) -> None:
        """Add an item, waiting for room; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def drain(self) -> list[T]:
        """Close, and take all items."""
        with self._changed:
            items = list(self._items)
            self.discard()
            return items

    def lift(self) -> None:
        """Remove the limit of the capacity, so that `put` no longer waits."""
        with self._changed:
            self._capacity = sys.maxsize
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def get(self) -> T:
        """Take the oldest item, waiting for one; raises `Closed` if it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            return self._take()

    def get_within(self, timeout_s: float) -> T | None:
        """Take the oldest item, None after `timeout_s` without one; raises `Closed` if it is closed and empty."""
        with self._changed:
            is_ready = self._changed.wait_for(lambda: self._closed or self._items, timeout_s)
            return self._take() if is_ready else None

    def _take(self) -> T:
        if not self._items:
            raise Closed
        item = self._items.popleft()
        self._changed.notify_all()
        return item


class Sequencer(_HandOff, Generic[T]):
    """Accepts numbered items in any order and returns them in the order of their numbers, from 0 without gaps.

    `put` waits with an item that is `capacity` or more ahead of the next one, so that at most `capacity` are stored.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._next = 0
        self._items: dict[int, T] = {}

    def put(self, number: int, item: T) -> None:
        """Add an item, waiting until its number is within the capacity; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or number < self._next + self._capacity)
            if self._closed:
                raise Closed
            self._items[number] = item
            self._changed.notify_all()

    def get(self) -> T:
        """Take the next item, waiting for it; raises `Closed` if it is closed without that item."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next in self._items)
            if self._next not in self._items:
                raise Closed
            item = self._items.pop(self._next)
            self._next += 1
            self._changed.notify_all()
            return item
