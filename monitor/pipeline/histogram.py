"""A histogram of times."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts times by upper bounds in seconds, as Prometheus does; the last bucket is for longer times."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self.bounds_s = tuple(bounds_s)
        self.sum_s = 0.0
        self._counts = [0] * (len(self.bounds_s) + 1)

    def add(self, time_s: float) -> None:
        """Count one time in seconds."""
        self._counts[bisect_left(self.bounds_s, time_s)] += 1
        self.sum_s += time_s

    def counts(self) -> tuple[int, ...]:
        """Return the counts of the buckets, not cumulative."""
        return tuple(self._counts)
