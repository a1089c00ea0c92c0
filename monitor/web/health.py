"""The health of the whole monitor (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.health import CameraStatus, Condition

#: Seconds after the start until a camera without a picture and a verdict counts as failed.
STARTING_S = 60.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the monitor is not healthy: the failed camera, the cause if known, and both in words."""

    camera: str
    cause: Cause | None
    text: str


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
