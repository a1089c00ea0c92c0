"""How often a time was how long."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts times by upper bounds in seconds, as Prometheus does; one bucket more than bounds, for what is longer."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self.bounds_s = tuple(bounds_s)
        self.sum_s = 0.0
        self._counts = [0] * (len(self.bounds_s) + 1)

    def add(self, time_s: float) -> None:
        """Count one."""
        self._counts[bisect_left(self.bounds_s, time_s)] += 1
        self.sum_s += time_s

    def counts(self) -> tuple[int, ...]:
        """Return the counts of the buckets, each for itself."""
        return tuple(self._counts)
