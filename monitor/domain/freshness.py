"""When a picture is too old to be shown as current: one policy for every output."""

from dataclasses import dataclass

#: The number of intervals without a frame or an analysis after which one counts as missing, not just late.
_INTERVALS = 1.5

#: A camera that sends less often than this is stale between its frames, whatever its rate.
_LONGEST_INTERVAL_S = 20.0

#: The default of `health.stale_after_s`.
DEFAULT_STALE_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class Freshness:
    """A picture older than `limit_s` seconds is stale."""

    limit_s: float = DEFAULT_STALE_AFTER_S

    @classmethod
    def of(cls, stale_after_s: float, interval_s: float | None) -> "Freshness":
        """Return the policy for a camera with a frame, or an analysis, every `interval_s` seconds (None: unknown).

        A camera that is analysed every ten seconds is not stale after two.
        """
        if interval_s is None:
            return cls(stale_after_s)
        return cls(max(stale_after_s, _INTERVALS * min(interval_s, _LONGEST_INTERVAL_S)))

    def is_stale(self, age_s: float) -> bool:
        """Return whether a picture of this age in seconds is stale; one from the future is stale too."""
        return abs(age_s) > self.limit_s
