"""Putting back in order what several threads finish out of order."""

import threading
from typing import Generic, TypeVar

from monitor.pipeline.channel import Closed

T = TypeVar("T")


class Sequencer(Generic[T]):
    """Takes numbered items in any order and gives them in the order of their numbers, from 0 without gaps.

    Who is more than `capacity` ahead of what was taken waits in `put`, so no more than that is ever held.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._next = 0
        self._items: dict[int, T] = {}
        self._closed = False
        self._changed = threading.Condition()

    def put(self, number: int, item: T) -> None:
        """Hand over an item; raises `Closed`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or number < self._next + self._capacity)
            if self._closed:
                raise Closed
            self._items[number] = item
            self._changed.notify_all()

    def get(self) -> T:
        """Take the next item, waiting for it; raises `Closed` when it will not come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next in self._items)
            if self._next not in self._items:
                raise Closed
            item = self._items.pop(self._next)
            self._next += 1
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Let no more items in; those that are in can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Close and throw away what is held."""
        with self._changed:
            self._items.clear()
            self._closed = True
            self._changed.notify_all()
