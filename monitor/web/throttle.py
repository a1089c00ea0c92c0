"""Rate limits."""

import time

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

#: Attempts to log in: of one name from one address, and of all names from one address.
NAME_ATTEMPTS, ADDRESS_ATTEMPTS = 10, 100
ATTEMPTS_OVER_S = 300


class Throttle:
    """At most `most` in `over_s` seconds for each key, in a moving window; used on the event loop only."""

    def __init__(self, most: int, over_s: int) -> None:
        self._rate = RateLimitItemPerSecond(most, over_s)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def take(self, key: str) -> float:
        """Count one and return 0; over the limit, count nothing and return the seconds to wait."""
        return 0.0 if await self._limiter.hit(self._rate, key) else await self._wait_s(key)

    async def wait_s(self, key: str) -> float:
        """Return the seconds to wait until `take` counts one again, 0 if it does now."""
        return 0.0 if await self._limiter.test(self._rate, key) else await self._wait_s(key)

    async def forget(self, key: str) -> None:
        """Reset the count of a key."""
        await self._limiter.clear(self._rate, key)

    async def _wait_s(self, key: str) -> float:
        stats = await self._limiter.get_window_stats(self._rate, key)
        return max(0.001, stats.reset_time - time.time())


class LoginThrottle:
    """Limits attempts to log in, counted before the password is checked; used on the event loop only.

    An account is never locked: attempts count for the name and the address they come from together, so that nobody can
    lock the owner out from another address. A higher limit for the address as a whole prevents trying one password with
    many names. Refused attempts are not counted.
    """

    def __init__(
        self,
        name_attempts: int = NAME_ATTEMPTS,
        address_attempts: int = ADDRESS_ATTEMPTS,
        over_s: int = ATTEMPTS_OVER_S,
    ) -> None:
        self._of_name = Throttle(name_attempts, over_s)
        self._of_address = Throttle(address_attempts, over_s)

    async def take(self, address: str, name: str) -> float:
        """Count an attempt and return 0, or return the seconds to wait until one is possible."""
        # An address over its limit adds no names to the storage, and refused attempts for one name do not count for #
        # the other names at that address.
        return (
            await self._of_address.wait_s(address)
            or await self._of_name.take(_key(address, name))
            or await self._of_address.take(address)
        )

    async def succeeded(self, address: str, name: str) -> None:
        """Reset a name's attempts from an address, after a correct password."""
        await self._of_name.forget(_key(address, name))


def _key(address: str, name: str) -> str:
    return f"{address} {name.casefold()}"  # addresses contain no space
