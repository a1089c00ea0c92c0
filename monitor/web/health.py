"""Whether the whole monitor is well (pure but for the disk)."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.health import CameraStatus, Condition

#: A first picture and a first verdict may take so long after a start; later a camera that is not seen is not well.
STARTING_S = 60.0


@dataclass(frozen=True, slots=True)
class Disk:
    """What is left where results are written, in MB (2^20 bytes), and the share (0..1) that is used."""

    free_mb: float
    used_share: float


def disk_of(folder: Path) -> Disk | None:
    """Return how full the disk of a folder is, None where it cannot be told."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.free / 2**20, 1 - usage.free / max(1, usage.total))


def unhealthy_reasons(
    statuses: Sequence[CameraStatus], cameras: Mapping[str, CameraSettings], now_s: float
) -> list[str]:
    """Return what keeps the monitor from its work, in words; nothing where it is well.

    That is a detector or a journal that fails, and a required camera that is not seen or not judged.
    """
    reasons = []
    for status in statuses:
        settings, health = cameras.get(status.camera), status.health
        if health.condition.current or (health.condition is Condition.STARTING and now_s - health.since_s < STARTING_S):
            continue
        own = health.condition is Condition.FAULT and health.cause in (Cause.DETECTOR, Cause.JOURNAL)
        if own or settings is None or settings.required:
            cause = f" ({health.cause.value})" if health.cause is not None else ""
            reasons.append(f"{status.camera}: {health.condition.value}{cause}")
    return reasons
