"""One camera's connection, health facts, and counters of its frames."""

import threading
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.frame import Frame, SourceInfo
from monitor.domain.freshness import Freshness
from monitor.domain.geometry import Box
from monitor.domain.health import CameraStatus, Condition, Drop, Health
from monitor.domain.track import Analysis, Track
from monitor.pipeline.health import ENOUGH, Facts, Fault, assess, frozen_s
from monitor.pipeline.histogram import Histogram
from monitor.pipeline.pace import Pace
from monitor.pipeline.picture import PictureCheck
from monitor.pipeline.rate import Interval, Rate

#: The number of analyses over which latency is reported: two minutes at ten per second.
_LATENCIES = 1200

#: Upper bounds of the buckets in which latencies are counted, in seconds.
LATENCY_BOUNDS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)

#: The jitter of frames, as a part of the interval between two analyses.
_EARLY = 0.25

#: The assumed frame rate of a camera before it is measured.
_USUAL_FPS = 25.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of accepting a frame.

    `analyse`: it may be analysed, as part of `epoch`. `new_scene`: people in view before and after cannot be matched,
    so all tracks end. `first_size_px`: (width, height) if it is the camera's first frame. `lost_for_s`: how long the
    camera was lost, if it is the first frame after a loss.
    """

    epoch: int
    analyse: bool = True
    new_scene: bool = False
    first_size_px: tuple[int, int] | None = None
    lost_for_s: float | None = None


class Session:
    """Connection, health facts and counters of one camera; safe to use from any thread.

    Its lock is held only briefly, never while a frame is analysed or an event is written, so a status never waits for
    either. The epoch changes with each connection and each new scene; frames of an earlier epoch are not analysed.
    `sample` marks a bundled recording.
    """

    def __init__(self, name: str, settings: CameraSettings, clock: Clock, *, sample: bool = False) -> None:
        now_s = clock.monotonic_s()
        self.name = name
        self.settings = settings
        self.sample = sample
        self._clock = clock
        self._lock = threading.Lock()
        self._epoch = 0
        self._pace = Pace(self.wanted_fps, early=_EARLY)
        self._facts = Facts(now_s, wanted_fps=self.wanted_fps)
        self._health = Health(Condition.STARTING, now_s)
        self._analysis: Analysis | None = None
        self._size: tuple[int, int] | None = None
        self._opened = False
        self._ended = False
        self._lost_s: float | None = None
        self._frozen = False
        self._check = PictureCheck()
        self._arrivals, self._analyses = Rate(), Rate()
        self._interval = Interval()
        self._frames = self._analysed = 0
        self._drops = dict.fromkeys(Drop, 0)
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES)
        self._latency = Histogram(LATENCY_BOUNDS_S)

    @property
    def wanted_fps(self) -> float | None:
        """Analyses per second in the settings; None: every frame."""
        return None if self.settings.detect_fps == "auto" else self.settings.detect_fps

    @property
    def has_opened(self) -> bool:
        """Whether the camera has given a frame since the start."""
        with self._lock:
            return self._opened

    @property
    def frames(self) -> int:
        """How many frames have been received."""
        with self._lock:
            return self._frames

    # --- For the capture thread ---

    def connected(self, info: SourceInfo, now_s: float) -> None:
        """Record a new connection, before its first frame."""
        with self._lock:
            if self._ended:
                return
            self._epoch += 1
            facts = self._facts
            facts.connected, facts.cause, facts.detail, facts.fault = True, None, "", None
            facts.frame_s, facts.verdict_s, facts.lag_s = None, None, 0.0
            facts.same_since_s = facts.black_since_s = facts.corrupt_since_s = None
            facts.started_s = now_s
            self._check = PictureCheck()
            self._interval = Interval(1 / info.fps if info.fps else None)
            facts.frame_interval_s = self._interval.usual_s

    def arrived(self, time_s: float, lag_s: float) -> None:
        """Count a received frame; `time_s` is its arrival, `lag_s` how late it is, both in seconds."""
        with self._lock:
            self._count_arrival(time_s)
            self._facts.frame_s, self._facts.lag_s = time_s, lag_s

    def count_drop(self, drop: Drop) -> None:
        """Count a received frame that is not analysed."""
        with self._lock:
            self._drop(drop)

    def count_upstream_drop(self, drop: Drop) -> None:
        """Count a frame that the source itself dropped."""
        with self._lock:
            self._count_arrival(self._clock.monotonic_s())
            self._drop(drop)

    def is_due(self, time_s: float) -> bool:
        """Return whether the frame at `time_s` is to be analysed, according to the rate allotted to the camera."""
        with self._lock:
            return self._pace.due(time_s)

    def accept_frame(self, frame: Frame) -> Accepted | None:
        """Accept a converted frame; return None after `end`. The first one after a loss ends the loss.

        A picture that has not changed for `health.frozen_after_s` is not current: it starts a new scene, and frames are
        not analysed until it changes.
        """
        with self._lock:
            if self._ended:
                return None
            self._check.update(frame.image, frame.time_s)
            facts = self._facts
            facts.corrupt_since_s = None
            facts.same_since_s, facts.black_since_s = self._check.same_since_s, self._check.black_since_s
            size = (frame.width_px, frame.height_px)
            resized = self._size is not None and size != self._size
            if resized and self._size is not None:
                facts.size_changed_s = frame.time_s
                facts.size_change = (
                    f"the picture is {size[0]} x {size[1]} now, it was {self._size[0]} x {self._size[1]}"
                )
            self._size = size
            first, self._opened = not self._opened, True
            lost_for_s = None if self._lost_s is None else frame.time_s - self._lost_s
            self._lost_s = None
            frozen = frozen_s(facts, frame.time_s) > self.settings.health.frozen_after_s
            new_scene = resized or (frozen and not self._frozen)
            self._frozen = frozen
            if new_scene:
                self._epoch += 1  # frames still waiting for analysis belong to the scene before
            return Accepted(self._epoch, not frozen, new_scene, size if first else None, lost_for_s)

    def lost(self, cause: Cause, detail: str, now_s: float) -> bool:
        """Record a lost connection; return True if the camera had given frames and was not already lost."""
        with self._lock:
            if self._ended:
                return False
            facts = self._facts
            facts.connected, facts.cause, facts.detail, facts.fault = False, cause, detail, None
            if not self._opened or self._lost_s is not None:
                return False
            self._lost_s = now_s
            return True

    def end(self) -> bool:
        """Record that the camera is no longer watched; return whether it was until now."""
        with self._lock:
            was_watched, self._ended = not self._ended, True
            self._facts.connected = False
            return was_watched

    # --- For the workers ---

    def is_current(self, frame: Frame, epoch: int) -> bool:
        """Return whether a frame may still be analysed; one of an earlier epoch or time counts as dropped."""
        with self._lock:
            if self._belongs(frame, epoch):
                return True
            self._drop(Drop.SUPERSEDED)
            return False

    def analysed(
        self, frame: Frame, epoch: int, tracks: tuple[Track, ...], inference_s: float, faces: tuple[Box, ...] = ()
    ) -> Analysis | None:
        """Store a frame's analysis and return it; None if its epoch has ended meanwhile."""
        with self._lock:
            if not self._belongs(frame, epoch):
                self._drop(Drop.SUPERSEDED)
                return None
            now_s = self._clock.monotonic_s()
            interval_s = self._facts.analysis_interval_s = self._analysis_interval_s()
            freshness = Freshness.of(self.settings.health.stale_after_s, interval_s)
            analysis = Analysis(frame, tracks, inference_s, now_s - frame.time_s, freshness, faces)
            self._analysis = analysis
            self._facts.verdict_s, self._facts.fault = frame.time_s, None
            self._analysed += 1
            self._analyses.add(now_s)
            self._latencies_s.append(analysis.age_s)
            self._latency.add(analysis.age_s)
            return analysis

    def failed(self, detail: str) -> None:
        """Record that the analysis of a frame failed."""
        with self._lock:
            self._drop(Drop.FAILED)
            self._facts.fault = Fault(Cause.UNEXPECTED, detail)

    # --- For the watchdog ---

    def demand_fps(self, now_s: float) -> float:
        """Return how many analyses per second the camera can use: the rate in the settings, at most the frame rate."""
        with self._lock:
            if not self._facts.connected:
                return 0.0
            arriving = self._arrivals.per_s(now_s) or _USUAL_FPS
        return arriving if self.wanted_fps is None else min(self.wanted_fps, arriving)

    def limit(self, fps: float | None, now_s: float) -> None:
        """Limit the camera's analyses per second; None: no limit."""
        with self._lock:
            facts, wanted = self._facts, self.wanted_fps
            facts.given_fps = fps
            self._pace.fps = wanted if fps is None else max(0.1, fps)
            if fps is None or wanted is None or fps >= ENOUGH * min(wanted, self._arrivals.per_s(now_s)):
                facts.short_since_s = None
            elif facts.short_since_s is None:
                facts.short_since_s = now_s

    def assess(self, now_s: float, fault: Fault | None) -> tuple[Health, Health]:
        """Update the camera's health, with `fault` of the program itself; return the health before and now."""
        with self._lock:
            before = self._health
            self._health = assess(self._facts, now_s, self.settings.health, fault, before)
            return before, self._health

    def rates(self, now_s: float) -> tuple[float, float]:
        """Return the frames received and analysed per second."""
        with self._lock:
            return self._arrivals.per_s(now_s), self._analyses.per_s(now_s)

    def status(self, now_s: float) -> CameraStatus:
        """Return a snapshot of the camera at `now_s`."""
        with self._lock:
            latencies_s = list(self._latencies_s)
            status = CameraStatus(
                camera=self.name,
                sample=self.sample,
                health=self._health,
                analysis=self._analysis,
                fps=self._arrivals.per_s(now_s),
                analysed_fps=self._analyses.per_s(now_s),
                wanted_fps=self.wanted_fps,
                given_fps=self._facts.given_fps,
                frames=self._frames,
                analysed=self._analysed,
                drops=dict(self._drops),
                latency_counts=self._latency.counts(),
                latency_sum_s=self._latency.sum_s,
            )
        if not latencies_s:
            return status
        percentiles = np.percentile(1000 * np.asarray(latencies_s), (50, 95, 99))
        latency_ms = {f"p{p}": round(float(ms), 1) for p, ms in zip((50, 95, 99), percentiles, strict=True)}
        return replace(status, latency_ms=latency_ms)

    # --- Under the lock ---

    def _belongs(self, frame: Frame, epoch: int) -> bool:
        facts = self._facts
        outdated = facts.verdict_s is not None and frame.time_s <= facts.verdict_s
        return not self._ended and facts.connected and epoch == self._epoch and not outdated

    def _count_arrival(self, time_s: float) -> None:
        self._frames += 1
        self._arrivals.add(time_s)
        self._interval.add(time_s)
        self._facts.frame_interval_s = self._interval.usual_s

    def _drop(self, drop: Drop) -> None:
        self._drops[drop] += 1
        if drop is Drop.CORRUPT and self._facts.corrupt_since_s is None:
            self._facts.corrupt_since_s = self._clock.monotonic_s()

    def _analysis_interval_s(self) -> float | None:
        """Return the seconds between two analyses by the lowest of the requested, allotted and actual rates."""
        intervals_s = [1 / fps for fps in (self.wanted_fps, self._facts.given_fps) if fps]
        if self._interval.usual_s is not None:
            intervals_s.append(self._interval.usual_s)
        return max(intervals_s, default=None)
