"""Rate limits."""

from collections import OrderedDict, deque

from monitor.domain.clock import Clock

#: Attempts to log in: of one name from one address or one known device, and of all names from one address.
NAME_ATTEMPTS, ADDRESS_ATTEMPTS = 10, 100
ATTEMPTS_OVER_S = 300

#: Wrong one-time codes of one name, from anywhere: only somebody with the right password can use them up.
WRONG_CODES, WRONG_CODES_OVER_S = 20, 3600


class Throttle:
    """At most `most` in `over_s` seconds for each key, in a moving window; used on the event loop only.

    Its time is monotonic: setting the machine's clock neither locks anybody out nor lets more through.
    """

    def __init__(self, most: int, over_s: float, clock: Clock) -> None:
        self._most = most
        self._over_s = over_s
        self._clock = clock
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()  # the key that was counted last comes last

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._taken)

    def take(self, key: str) -> float:
        """Count one and return 0; over the limit, count nothing and return the seconds to wait."""
        if (wait_s := self.wait_s(key)) > 0:
            return wait_s
        now_s = self._clock.monotonic_s()
        self._taken.setdefault(key, deque(maxlen=self._most)).append(now_s)
        self._taken.move_to_end(key)
        while now_s - next(iter(self._taken.values()))[-1] >= self._over_s:
            self._taken.popitem(last=False)
        return 0.0

    def wait_s(self, key: str) -> float:
        """Return the seconds to wait until `take` counts one again, 0 if it does now."""
        taken = self._taken.get(key)
        if taken is None or len(taken) < self._most:
            return 0.0
        return max(0.0, taken[0] + self._over_s - self._clock.monotonic_s())

    def forget(self, key: str) -> None:
        """Reset the count of a key."""
        self._taken.pop(key, None)


class LoginThrottle:
    """Limits attempts to log in, counted before the password is checked; used on the event loop only.

    An account is never locked: attempts count for the name and the address they come from together, so that nobody can
    lock the owner out from another address. A higher limit for the address as a whole prevents trying one password with
    many names. Devices on which the name has logged in before are counted by themselves, so that nobody at the same
    address can lock them out. Refused attempts are not counted.
    """

    def __init__(
        self,
        clock: Clock,
        name_attempts: int = NAME_ATTEMPTS,
        address_attempts: int = ADDRESS_ATTEMPTS,
        over_s: float = ATTEMPTS_OVER_S,
    ) -> None:
        self._of_name = Throttle(name_attempts, over_s, clock)
        self._of_address = Throttle(address_attempts, over_s, clock)
        self._of_device = Throttle(name_attempts, over_s, clock)

    def take(self, address: str, name: str, device: str | None = None) -> float:
        """Count an attempt and return 0, or return the seconds to wait until one is possible.

        `device` is the number of a device on which the name has logged in before, from its cookie.
        """
        if device is not None:
            return self._of_device.take(device)
        # An address over its limit adds no names to the storage, and refused attempts for one name do not count for
        # the other names at that address.
        return (
            self._of_address.wait_s(address)
            or self._of_name.take(_key(address, name))
            or self._of_address.take(address)
        )

    def succeeded(self, address: str, name: str) -> None:
        """Reset a name's attempts from an address, after a correct password."""
        self._of_name.forget(_key(address, name))


def _key(address: str, name: str) -> str:
    return f"{address} {name.casefold()}"  # addresses contain no space
