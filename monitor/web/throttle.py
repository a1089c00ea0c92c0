"""How often somebody may do something."""

import threading
from collections import OrderedDict, deque

from monitor.domain.clock import Clock

#: So many askers are remembered; under a flood of made-up ones the oldest are forgotten first.
_MOST_KEYS = 10_000


class Throttle:
    """At most `most` in `over_s` seconds for each key, counted in a sliding window; safe to call from any thread."""

    def __init__(self, most: int, over_s: float, clock: Clock) -> None:
        self._most = most
        self._over_s = over_s
        self._clock = clock
        self._lock = threading.Lock()
        self._times_s: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Return how long the key has to wait until it may again; 0 where it may now."""
        with self._lock:
            times_s = self._recent(key)
            if len(times_s) < self._most:
                return 0.0
            return times_s[-self._most] + self._over_s - self._clock.monotonic_s()

    def count(self, key: str) -> None:
        """Count one."""
        with self._lock:
            times_s = self._recent(key)
            times_s.append(self._clock.monotonic_s())
            if len(times_s) > self._most:
                times_s.popleft()
            self._times_s[key] = times_s
            self._times_s.move_to_end(key)
            while len(self._times_s) > _MOST_KEYS:
                self._times_s.popitem(last=False)

    def forget(self, key: str) -> None:
        """Start anew for a key."""
        with self._lock:
            self._times_s.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        times_s = self._times_s.get(key) or deque[float]()
        oldest_s = self._clock.monotonic_s() - self._over_s
        while times_s and times_s[0] <= oldest_s:
            times_s.popleft()
        return times_s
