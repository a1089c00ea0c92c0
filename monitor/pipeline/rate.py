"""How many a second, over the last few seconds."""

from collections import deque

_WINDOW_S = 5.0


class Rate:
    """Counts over a sliding window of five seconds."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque()
        self._first_s: float | None = None

    def add(self, time_s: float) -> None:
        """Count one; times never step back."""
        if self._first_s is None:
            self._first_s = time_s
        self._times_s.append(time_s)
        self._forget(time_s)

    def per_s(self, now_s: float) -> float:
        """Return the rate; 0 before the first."""
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
