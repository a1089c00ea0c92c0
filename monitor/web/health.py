"""The health of the whole monitor (pure, except for the disk)."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.health import CameraStatus, Condition

#: Seconds after the start until a camera without a picture and a verdict counts as failed.
STARTING_S = 60.0


@dataclass(frozen=True, slots=True)
class Disk:
    """The free space for results in MB (2^20 bytes), and the used share (0..1) of the disk."""

    free_mb: float
    used_share: float


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the monitor is not healthy: the failed camera, the cause if known, and both in words."""

    camera: str
    cause: Cause | None
    text: str


def disk_of(folder: Path) -> Disk | None:
    """Return how full the disk of a folder is, None if it cannot be read."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.free / 2**20, 1 - usage.free / max(1, usage.total))


def unhealthy_reasons(
    statuses: Sequence[CameraStatus], cameras: Mapping[str, CameraSettings], now_s: float
) -> list[Reason]:
    """Return why the monitor is not healthy, a reason for each failed camera; none if it is healthy.

    A camera has failed if its detector or the journal fails, or if it is required and has no current verdict.
    """
    reasons = []
    for status in statuses:
        settings, health = cameras.get(status.camera), status.health
        if health.condition.current or (health.condition is Condition.STARTING and now_s - health.since_s < STARTING_S):
            continue
        own = health.condition is Condition.FAULT and health.cause in (Cause.DETECTOR, Cause.JOURNAL)
        if own or settings is None or settings.required:
            cause = f" ({health.cause.value})" if health.cause is not None else ""
            text = f"{status.camera}: {health.condition.value}{cause}"
            reasons.append(Reason(status.camera, health.cause, text))
    return reasons
