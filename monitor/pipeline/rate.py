"""Rates and intervals of events."""

from collections import deque
from statistics import median

_WINDOW_S = 5.0

#: The number of gaps in the median of an interval: one irregular gap does not change it.
_GAPS = 7


class Rate:
    """Counts over a sliding window of five seconds."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque()
        self._first_s: float | None = None

    def add(self, time_s: float) -> None:
        """Count one event; times must not decrease."""
        if self._first_s is None:
            self._first_s = time_s
        self._times_s.append(time_s)
        self._forget(time_s)

    def per_s(self, now_s: float) -> float:
        """Return the rate per second; 0 before the second event."""
        self._forget(now_s)
        if self._first_s is None or len(self._times_s) < 2:
            return 0.0
        # While the window fills, the rate is that of the gaps between the counts.
        if now_s - self._first_s < _WINDOW_S:
            return (len(self._times_s) - 1) / max(1e-3, self._times_s[-1] - self._times_s[0])
        return len(self._times_s) / _WINDOW_S

    def _forget(self, now_s: float) -> None:
        while self._times_s and self._times_s[0] <= now_s - _WINDOW_S:
            self._times_s.popleft()


class Interval:
    """The usual time between two events: the median of the last few gaps.

    Unlike a rate it does not change while there are no events, so that a source that stops is still measured by its
    usual interval.
    """

    def __init__(self, stated_s: float | None = None) -> None:
        self._stated_s = stated_s
        self._last_s: float | None = None
        self._gaps_s: deque[float] = deque(maxlen=_GAPS)

    def add(self, time_s: float) -> None:
        """Add one event; times must not decrease."""
        if self._last_s is not None:
            self._gaps_s.append(time_s - self._last_s)
        self._last_s = time_s

    @property
    def usual_s(self) -> float | None:
        """The interval in seconds; before the second event the source's own statement, None without one."""
        return median(self._gaps_s) if self._gaps_s else self._stated_s
