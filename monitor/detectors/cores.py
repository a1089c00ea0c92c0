"""How many cores there are to use."""

import os
from pathlib import Path

#: Where a container's limit stands, as from `docker run --cpus` (Linux control groups, version 2): quota and period.
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _CPU_QUOTA) -> int:
    """Return how many cores this process may use: those it is bound to, and no more than its container's share."""
    allowed = len(os.sched_getaffinity(0))
    try:
        limit, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(limit) / int(period))))
    except (OSError, ValueError):  # no such group, or "max": no limit
        return allowed
