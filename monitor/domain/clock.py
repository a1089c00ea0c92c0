"""Time as an argument: whoever needs the hour is given a clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The two clocks of the house."""

    def monotonic_s(self) -> float:
        """Seconds that never jump, from an arbitrary start."""

    def utc_now(self) -> datetime:
        """The hour, in UTC."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic_s(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """The system's hour, in UTC."""
        return datetime.now(UTC)


def utc_at(clock: Clock, time_s: float) -> datetime:
    """Return the hour (UTC) at a moment of the monotonic clock, by what the hour is now.

    An hour that was set wrong and is put right in between, as on a machine without a battery, comes out right.
    """
    return clock.utc_now() - timedelta(seconds=clock.monotonic_s() - time_s)
