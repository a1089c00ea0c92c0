"""Clocks, passed to everything that needs the time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock and a UTC clock."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump, from an arbitrary start."""

    def utc_now(self) -> datetime:
        """Return the current time in UTC, timezone-aware."""


class SystemClock:
    """The operating system's clocks."""

    def monotonic_s(self) -> float:
        """Return `time.monotonic` in seconds."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """Return the system's time in UTC, timezone-aware."""
        return datetime.now(UTC)


def utc_at(clock: Clock, time_s: float) -> datetime:
    """Return the UTC timestamp of a `time_s` of the monotonic clock, computed from the current time.

    If a wrong system clock is corrected in between, as on a machine without a battery, the result is correct.
    """
    return clock.utc_now() - timedelta(seconds=clock.monotonic_s() - time_s)
