"""The channel of live frames: one slot per camera with the newest frame; cameras are served in turn."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from monitor.pipeline.channel import Closed

T = TypeVar("T")


class LatestFrames(Generic[T]):
    """Passes frames from the capture threads to the workers shared by all cameras.

    A camera is with one worker at a time, so its frames are analysed in order; of the frames that arrive meanwhile only
    the newest is kept.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[str, T] = {}
        self._served: dict[str, int] = {}
        self._taken: set[str] = set()
        self._turn = 0
        self._closed = False

    def offer(self, camera: str, item: T) -> bool:
        """Store a camera's newest frame; return whether it replaced an older one. Never waits."""
        with self._changed:
            superseded = camera in self._waiting
            self._waiting[camera] = item
            if not superseded and camera not in self._taken:
                self._changed.notify()
            return superseded

    def take(self, limit: int = 1, enough: Callable[[], bool] = lambda: False) -> list[tuple[str, T]]:
        """Wait for frames and take up to `limit`, of different cameras, those served longest ago first.

        Each camera is reserved until `done`. Raises `Closed` after `close`, and when `enough` returns True, which
        waiting threads check after `wake`.
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
        """Release a camera, so that its next frame can be taken."""
        with self._changed:
            self._taken.discard(camera)
            if camera in self._waiting:
                self._changed.notify()

    def forget(self, camera: str) -> None:
        """Discard the waiting frame of a camera that was removed."""
        with self._changed:
            self._waiting.pop(camera, None)
            self._served.pop(camera, None)

    def wake(self) -> None:
        """Make all waiting threads check again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Close: discard all frames and release the waiting threads."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _ready(self) -> list[str]:
        return [camera for camera in self._waiting if camera not in self._taken]
