"""The hand-off of live pictures: one slot a camera, the newest wins, and whoever waited longest is served first."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from monitor.pipeline.channel import Closed

T = TypeVar("T")


class LatestFrames(Generic[T]):
    """Between one capture thread a camera and workers shared by all.

    A camera is with one worker at a time, so its pictures are judged in order; what comes meanwhile waits, and only the
    newest of it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, T] = {}
        self._served: dict[str, int] = {}
        self._taken: set[str] = set()
        self._turn = 0
        self._closed = False

    def offer(self, camera: str, item: T) -> bool:
        """Put a camera's newest picture; return whether an older one was thrown away for it. Never waits."""
        with self._changed:
            superseded = camera in self._waiting
            self._waiting[camera] = item
            if not superseded and camera not in self._taken:
                self._changed.notify()
            return superseded

    def take(self, limit: int = 1, enough: Callable[[], bool] = lambda: False) -> list[tuple[str, T]]:
        """Wait for pictures and take up to `limit`, of different cameras, those served longest ago first.

        Each camera stays with the taker until `done`. Raises `Closed` after `close`, and for a taker who has `enough`;
        `wake` lets everybody look whether they have.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or enough() or self._ready())
            if self._closed or enough():
                raise Closed
            chosen = sorted(self._ready(), key=lambda camera: self._served.get(camera, -1))[:limit]
            for camera in chosen:
                self._turn += 1
                self._served[camera] = self._turn
                self._taken.add(camera)
            return [(camera, self._waiting.pop(camera)) for camera in chosen]

    def done(self, camera: str) -> None:
        """Give a camera back, so that its next picture can be taken."""
        with self._changed:
            self._taken.discard(camera)
            if camera in self._waiting:
                self._changed.notify()

    def forget(self, camera: str) -> None:
        """Throw away what waits of a camera that is gone."""
        with self._changed:
            self._waiting.pop(camera, None)
            self._served.pop(camera, None)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Let whoever waits go."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _ready(self) -> list[str]:
        return [camera for camera in self._waiting if camera not in self._taken]
