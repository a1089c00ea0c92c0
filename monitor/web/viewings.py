"""Which evidence was viewed recently, so that the audit log has one line for an hour of looking at it."""

import threading
from collections import OrderedDict

from monitor.domain.clock import Clock

#: Seconds for which further views of the same evidence by the same account are not noted.
_AGAIN_S = 3600.0

_MOST = 10_000


class Viewings:
    """Remembers views for an hour; safe to call from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._noted_s: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_new(self, who: str, what: str) -> bool:
        """Return whether a view is to be noted, and remember it."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            noted_s = self._noted_s.get((who, what))
            if noted_s is not None and now_s - noted_s < _AGAIN_S:
                return False
            self._noted_s[who, what] = now_s
            self._noted_s.move_to_end((who, what))
            if len(self._noted_s) > _MOST:
                self._noted_s.popitem(last=False)
            return True
