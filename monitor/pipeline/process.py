"""Thread priority, memory and file descriptors of this process."""

import ctypes
import os
import resource
import sys
import threading
from pathlib import Path

#: A thread with this niceness gets about a tenth of a contended core.
_NICE = 10

#: File descriptors that are enough for hundreds of cameras and pages.
FILES = 4096


def return_freed_memory() -> None:
    """Return what is free inside glibc's heaps to the system; other C libraries are left as they are.

    Each thread may have a heap of its own. Pictures that are freed leave gaps there, which glibc itself keeps for ever.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(ctypes.c_size_t(0))


def give_way() -> None:
    """Lower the priority of the calling thread: on Linux each thread has its own niceness."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def memory_mb() -> float:
    """Return the resident memory in MB (2^20 bytes), from Linux's /proc; the most so far if that cannot be read."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # such as no free file descriptor
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def address_space_mb() -> float | None:
    """Return the limit of this process's address space in MB (2^20 bytes), None without one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft / 2**20


def raise_file_limit() -> None:
    """Raise the limit of file descriptors as far as this process may, and needs at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def file_limit() -> int:
    """Return how many file descriptors this process may have, at most what it needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FILES if soft == resource.RLIM_INFINITY else min(FILES, soft)
