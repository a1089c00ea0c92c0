"""The wait before the next attempt to connect."""

import random

_FIRST_S = 0.5
_JITTER = 0.25
#: After a connection that lasted this long, the next loss starts from the shortest wait again.
_GOOD_S = 10.0


class Backoff:
    """Doubles the wait from half a second to `longest_s`, with up to a quarter of random jitter.

    The jitter keeps many cameras behind one switch from connecting at the same moment.
    """

    def __init__(self, longest_s: float, rng: random.Random) -> None:
        self._longest_s = longest_s
        self._rng = rng
        self._next_s = _FIRST_S

    def next_s(self, held_s: float) -> float:
        """Return the wait in seconds after a connection that gave pictures for `held_s` (0: none)."""
        if held_s >= _GOOD_S:
            self._next_s = _FIRST_S
        wait_s = min(self._next_s, self._longest_s)
        self._next_s = min(2 * wait_s, self._longest_s)
        return self._jittered(wait_s)

    def longest_s(self) -> float:
        """Return the longest wait in seconds, for a camera whose attempts disturb the others."""
        return self._jittered(self._longest_s)

    def _jittered(self, wait_s: float) -> float:
        return wait_s * (1 - _JITTER * self._rng.random())
