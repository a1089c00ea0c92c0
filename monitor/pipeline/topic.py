"""One publication, any number of subscribers."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Topic(Generic[T]):
    """Hands each value to every subscriber in turn, on the publisher's thread; safe to use from any thread.

    A subscriber puts the value into a hand-off of its own and returns: one that drops (the newest frame wins) for what
    is only shown, one that waits for room for what must not be lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Callable[[T], None], ...] = ()

    def subscribe(self, take: Callable[[T], None]) -> Callable[[], None]:
        """Call `take` with every value published from now on; return what ends that."""
        with self._lock:
            self._subscribers = (*self._subscribers, take)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(one for one in self._subscribers if one is not take)

        return unsubscribe

    def publish(self, value: T) -> None:
        """Hand a value to every subscriber; raises what one of them raises, such as `Closed`."""
        with self._lock:
            subscribers = self._subscribers
        for take in subscribers:
            take(value)
