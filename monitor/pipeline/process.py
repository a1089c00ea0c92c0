"""What the operating system knows of this process."""

import os
from pathlib import Path


def memory_mb() -> float:
    """Return the resident memory in MB (2^20 bytes), from Linux's /proc."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
