"""Thread priority and memory of this process."""

import os
import threading
from pathlib import Path

#: A thread with this niceness gets about a tenth of a contended core.
_NICE = 10


def give_way() -> None:
    """Lower the priority of the calling thread: on Linux each thread has its own niceness."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def memory_mb() -> float:
    """Return the resident memory in MB (2^20 bytes), from Linux's /proc."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
