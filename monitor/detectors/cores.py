"""The number of usable CPU cores."""

import os
from pathlib import Path

#: A container's CPU limit, as set by `docker run --cpus` (Linux control groups, version 2): quota and period.
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _CPU_QUOTA) -> int:
    """Return how many cores this process may use: its CPU affinity, limited by its container's quota."""
    allowed = len(os.sched_getaffinity(0))
    try:
        limit, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(limit) / int(period))))
    except (OSError, ValueError):  # no control group, or "max": no limit
        return allowed
