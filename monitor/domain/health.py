"""The health of a camera, with the same terms in the window, the log, the pages and the metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitor.domain.cause import Cause
from monitor.domain.track import Analysis


class Condition(StrEnum):
    """The conditions of a camera, from the start to the worst.

    `STARTING`: no picture yet; `LIVE`: fresh verdicts; `DEGRADED`: fresh verdicts, with a problem that people should
    know about; `STALE`: connected, but the picture is not current; `LOST`: not connected; `FAULT`: the program itself
    cannot analyse or record (detector, journal, or an internal error).
    """

    STARTING = "starting"
    LIVE = "live"
    DEGRADED = "degraded"
    STALE = "stale"
    LOST = "lost"
    FAULT = "fault"

    @property
    def current(self) -> bool:
        """True if the picture is current: only then may a verdict be shown."""
        return self in (Condition.LIVE, Condition.DEGRADED)


@dataclass(frozen=True, slots=True)
class Health:
    """A condition, its cause with a `detail` for people, and its start in seconds of the monotonic clock."""

    condition: Condition
    since_s: float
    cause: Cause | None = None
    detail: str = ""


class Drop(StrEnum):
    """Why a received frame was not analysed.

    `SKIPPED`: the frame rate is above the analysis rate, or the picture is frozen; `SUPERSEDED`: a newer frame or a new
    connection came before its analysis; `LATE`: already old on arrival; `CORRUPT`: could not be decoded; `FAILED`: the
    detector or the analyzer failed on it.
    """

    SKIPPED = "skipped"
    SUPERSEDED = "superseded"
    LATE = "late"
    CORRUPT = "corrupt"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A snapshot of one camera for everything outside the pipeline.

    `analysis` is the newest or None. `fps` is the number of frames received per second, `analysed_fps` of frames
    analysed, `wanted_fps` of analyses in the settings (None: every frame), `given_fps` the limit that the machine
    allows (None: no limit). `latency_ms` has p50, p95 and p99 from capture to verdict over the last minute or two;
    empty before the first verdict. `latency_counts` counts all latencies by bucket, `latency_sum_s` is their sum.
    `sample`: the source is a bundled recording, not a camera.
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
        """Return the age of the newest analysed frame in seconds, None before the first."""
        return None if self.analysis is None else now_s - self.analysis.frame.time_s

    def is_fresh(self, now_s: float) -> bool:
        """Return whether the camera's picture is current: its age fresh, and its condition current."""
        if self.analysis is None or not self.health.condition.current:
            return False
        return not self.analysis.is_stale(now_s - self.analysis.frame.time_s)
