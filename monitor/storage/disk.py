"""How full a disk is."""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Disk:
    """The free space for results in MB (2^20 bytes), and the used share (0..1) of the disk."""

    free_mb: float
    used_share: float


def disk_of(folder: Path) -> Disk | None:
    """Return how full the disk of a folder is, None if it cannot be read."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.free / 2**20, 1 - usage.free / max(1, usage.total))
