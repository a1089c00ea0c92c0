"""The peak of memory of this process and those that it has started."""

import threading
from collections.abc import Iterator
from pathlib import Path

_SAMPLE_S = 0.1


class Peak:
    """The most memory in MB that this process and its descendants use together within a block, from Linux's /proc.

    Processes whose command line contains `without` do not count.
    """

    def __init__(self, without: bytes) -> None:
        self._without = without
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # forget the peak so far
        self.mb = self._start_mb = self._now_mb()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory")

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.mb = max(self.mb, self._now_mb())

    @property
    def rise_mb(self) -> float:
        """How much the peak is over the start."""
        return self.mb - self._start_mb

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self.mb = max(self.mb, self._now_mb())

    def _now_mb(self) -> float:
        own = _kb(Path("/proc/self/status"), "VmHWM")
        return (own + sum(_peak_kb(pid) for pid in self._descendants("self"))) / 1024

    def _descendants(self, pid: str) -> Iterator[str]:
        for child in children(pid):
            try:
                counts = self._without not in Path(f"/proc/{child}/cmdline").read_bytes()
            except OSError:  # it has ended
                continue
            if counts:
                yield child
                yield from self._descendants(child)


def children(pid: str) -> list[str]:
    """Return the process ids of a process's children, "self" for this one's; none if it has ended."""
    found: list[str] = []
    try:
        for tasks in Path(f"/proc/{pid}/task").iterdir():
            found += (tasks / "children").read_text("ascii").split()
    except OSError:
        return []
    return found


def _peak_kb(pid: str) -> int:
    """Return a process's share of memory, and by how much its own peak was higher."""
    folder = Path("/proc") / pid
    try:
        peak, now = (_kb(folder / "status", name) for name in ("VmHWM", "VmRSS"))
        return _kb(folder / "smaps_rollup", "Pss") + peak - now
    except (OSError, KeyError):  # it has ended
        return 0


def _kb(path: Path, name: str) -> int:
    for line in path.read_text("ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise KeyError(name)
