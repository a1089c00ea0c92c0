"""Publish and subscribe."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Topic(Generic[T]):
    """Passes each value to every subscriber in turn, on the publisher's thread; safe to use from any thread.

    A subscriber puts the value into a channel of its own and returns: one that drops older values if they are only
    shown, one that waits for room if they must not be lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Callable[[T], None], ...] = ()

    def subscribe(self, callback: Callable[[T], None]) -> Callable[[], None]:
        """Call `callback` with every value published from now on; return a function that unsubscribes."""
        with self._lock:
            self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(one for one in self._subscribers if one is not callback)

        return unsubscribe

    def publish(self, value: T) -> None:
        """Pass a value to every subscriber; raises what a subscriber raises, such as `Closed`."""
        with self._lock:
            subscribers = self._subscribers
        for callback in subscribers:
            callback(value)
