"""How long to wait before the next try."""

import random

_FIRST_S = 0.5
_JITTER = 0.25
#: A connection that held for this long was a good one: the next loss starts from the shortest wait again.
_GOOD_S = 10.0


class Backoff:
    """Doubles from half a second to `longest_s`, each wait up to a quarter shorter by chance.

    The chance keeps many cameras behind one switch from all knocking at the same moment.
    """

    def __init__(self, longest_s: float, chance: random.Random) -> None:
        self._longest_s = longest_s
        self._chance = chance
        self._next_s = _FIRST_S

    def next_s(self, held_s: float) -> float:
        """Return how long to wait after a connection that gave pictures for `held_s` (0: it gave none)."""
        if held_s >= _GOOD_S:
            self._next_s = _FIRST_S
        wait_s = min(self._next_s, self._longest_s)
        self._next_s = min(2 * wait_s, self._longest_s)
        return self._jittered(wait_s)

    def longest_s(self) -> float:
        """Return the longest wait, for a camera whose every try costs the others something."""
        return self._jittered(self._longest_s)

    def _jittered(self, wait_s: float) -> float:
        return wait_s * (1 - _JITTER * self._chance.random())
