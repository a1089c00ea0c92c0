"""How often each camera is looked at (pure): which frames are due, and what the machine can give to whom."""

from collections.abc import Mapping


class Pace:
    """Which frames are looked at, so that the rate holds on average whatever the frame rate; None is every frame.

    A frame may come `early` by that part of the time between two looks: live frames jitter, and for one that is a
    moment early no other would be looked at in its place.
    """

    def __init__(self, fps: float | None, early: float = 0.0) -> None:
        self.fps = fps
        self._early = early
        self._next_s = 0.0

    def due(self, time_s: float) -> bool:
        """Return whether the frame of this moment is to be looked at; times never step back."""
        if self.fps is None:
            return True
        period_s = 1 / self.fps
        self._next_s = min(self._next_s, time_s + period_s)  # the rate may have been raised since
        if time_s + self._early * period_s + 1e-6 < self._next_s:
            return False
        self._next_s += period_s
        if self._next_s < time_s - period_s:  # after a gap nothing is made up for
            self._next_s = time_s + period_s
        return True


def allot(wanted: Mapping[str, float], capacity: float) -> dict[str, float]:
    """Share `capacity` analyses per second among cameras that want so many each, max-min fair.

    Whoever wants less than an even share gets what they want; the rest is shared evenly among the others (Bertsekas &
    Gallager, Data Networks, 6.5.2).
    """
    given: dict[str, float] = {}
    left = max(0.0, capacity)
    for number, (camera, fps) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        given[camera] = min(fps, left / (len(wanted) - number))
        left -= given[camera]
    return given
