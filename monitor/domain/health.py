"""How a camera is doing, in the same words for the window, the log, the pages and the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.domain.cause import Cause
from monitor.domain.track import Analysis


class Condition(StrEnum):
    """From the first try to the worst.

    `STARTING`: no picture yet; `LIVE`: fresh verdicts; `DEGRADED`: fresh verdicts with something wrong that a person
    should know; `STALE`: connected, but what is shown is not now; `LOST`: not connected; `FAULT`: the program itself
    cannot judge (detector, journal, or an error of its own).
    """

    STARTING = "starting"
    LIVE = "live"
    DEGRADED = "degraded"
    STALE = "stale"
    LOST = "lost"
    FAULT = "fault"

    @property
    def current(self) -> bool:
        """True where what is shown is now: the only conditions in which a verdict may be shown as one."""
        return self in (Condition.LIVE, Condition.DEGRADED)


@dataclass(frozen=True, slots=True)
class Health:
    """A condition, why, in words a person can act on, and since when (`time_s` of the monitor's clock)."""

    condition: Condition
    since_s: float
    cause: Cause | None = None
    detail: str = ""


class Drop(StrEnum):
    """Why a frame that arrived was not judged.

    `SKIPPED`: the frame rate is above the analysis rate, or the picture has not changed for too long; `SUPERSEDED`: a
    newer frame, or a new connection, came before a worker was done with it; `LATE`: already old on arrival; `CORRUPT`:
    could not be decoded; `FAILED`: the detector or the judging failed on it.
    """

    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    LATE = "late"
    CORRUPT = "corrupt"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera at one moment, as everybody outside the pipeline sees it.

    `analysis` is the newest or None. `fps` frames arrive per second, `analysed_fps` are analysed, `wanted_fps` were
    asked for (None: as many as there are), `given_fps` is what the machine has given the camera (None: no limit).
    `latency_ms` holds p50, p95 and p99 from capture to verdict of the last minute or so; empty before the first.
    `latency_counts` counts all by bucket, `latency_sum_s` adds them. `sample`: it is no camera but a bundled recording.
    """

    camera: str
    health: Health
    analysis: Analysis | None = None
    fps: float = 0.0
    analysed_fps: float = 0.0
    wanted_fps: float | None = None
    given_fps: float | None = None
    frames: int = 0
    analysed: int = 0
    drops: Mapping[Drop, int] = field(default_factory=dict)
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    latency_counts: tuple[int, ...] = ()
    latency_sum_s: float = 0.0
    sample: bool = False

    def age_s(self, now_s: float) -> float | None:
        """Return how old the newest analysed frame is, None before the first."""
        return None if self.analysis is None else now_s - self.analysis.frame.time_s

    def is_fresh(self, now_s: float) -> bool:
        """Return whether what the camera shows is of now: fresh, and its condition current."""
        if self.analysis is None or not self.health.condition.current:
            return False
        return not self.analysis.is_stale(now_s - self.analysis.frame.time_s)
