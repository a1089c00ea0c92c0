"""The only hand-off between threads."""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """Nothing more can be put into, or will ever come out of, this channel."""


class Channel(Generic[T]):
    """A bounded queue that can be closed from either end: a full one makes the putter wait, so nothing is lost.

    After `close`, `put` raises `Closed` at once and `get` does when what was put before has been taken.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Hand over an item, waiting for room; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                raise Closed
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> T:
        """Take the oldest item, waiting for one; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._items)
            if not self._items:
                raise Closed
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Close the channel; harmless when repeated."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Close the channel and throw away what waits in it, so that whoever fills it ends at once."""
        with self._changed:
            self._items.clear()
            self._closed = True
            self._changed.notify_all()
