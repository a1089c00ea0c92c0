"""The rate of analyses (pure): which frames are due, and how capacity is shared among cameras."""

from collections.abc import Mapping


class Pace:
    """Selects the frames to analyse, so that the average rate is `fps` at any frame rate; None selects every frame.

    A frame may be `early` by that part of the interval between two analyses: live frames jitter, and if a slightly
    early frame were skipped, no other would take its place.
    """

    def __init__(self, fps: float | None, early: float = 0.0) -> None:
        self.fps = fps
        self._early = early
        self._next_s = 0.0

    def due(self, time_s: float) -> bool:
        """Return whether the frame at `time_s` is to be analysed; times must not decrease."""
        if self.fps is None:
            return True
        period_s = 1 / self.fps
        self._next_s = min(self._next_s, time_s + period_s)  # the rate may have been raised since
        if time_s + self._early * period_s + 1e-6 < self._next_s:
            return False
        self._next_s += period_s
        if self._next_s < time_s - period_s:  # no catching up after a gap
            self._next_s = time_s + period_s
        return True


def allot(wanted: Mapping[str, float], capacity: float) -> dict[str, float]:
    """Return analyses per second by camera: `capacity` shared max-min fair among the rates `wanted`.

    A camera that wants less than an even share gets all of it; the rest is shared evenly among the others (Bertsekas &
    Gallager, Data Networks, 6.5.2).
    """
    given: dict[str, float] = {}
    left = max(0.0, capacity)
    for number, (camera, fps) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        given[camera] = min(fps, left / (len(wanted) - number))
        left -= given[camera]
    return given
