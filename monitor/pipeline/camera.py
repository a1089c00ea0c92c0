"""One live camera: what is known of it, its people, and what became of its frames."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import Clock
from monitor.domain.detection import Detection
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    CloseReason,
    EndReason,
    Event,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
)
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.domain.health import CameraStatus, Condition, Drop, Health
from monitor.domain.ports import Tracker
from monitor.domain.track import Analysis
from monitor.domain.zone import inside
from monitor.outputs.live_view import LiveView
from monitor.outputs.overlay import Caption
from monitor.pipeline.best_snapshot import BestSnapshots
from monitor.pipeline.health import ENOUGH, Facts, Fault, frozen_s
from monitor.pipeline.histogram import Histogram
from monitor.pipeline.pace import Pace
from monitor.pipeline.picture import PictureCheck
from monitor.pipeline.rate import Rate
from monitor.pipeline.recorder import EventRecord
from monitor.rules.judge import Judge

#: Verdicts over which latency is reported: two minutes at ten a second.
_LATENCIES = 1200

#: Upper bounds of the buckets in which latencies are counted, in seconds.
LATENCY_BOUNDS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)

#: Frames jitter by up to so much of the time between two looks.
_EARLY = 0.25

#: What a camera is taken to send before its rate is known.
_USUAL_FPS = 25.0


class Camera:
    """Shared by its capture thread, the workers and the watchdog; one lock guards people and counters.

    Events leave through an outbox, outside that lock: who asks for the status never waits for the journal. Pictures of
    before a loss or a change of size are not judged after it: `epoch` counts these. After `end` nothing happens.
    """

    def __init__(
        self,
        name: str,
        settings: CameraSettings,
        make_tracker: Callable[[], Tracker],
        judge: Judge,
        record: Callable[[EventRecord], None],
        clock: Clock,
    ) -> None:
        now_s = clock.monotonic_s()
        self.name = name
        self.settings = settings
        self.epoch = 0
        self.pace = Pace(self.wanted_fps, early=_EARLY)
        self.facts = Facts(now_s, wanted_fps=self.wanted_fps)
        self.health = Health(Condition.STARTING, now_s)
        self.analysis: Analysis | None = None
        #: What incidents say of the detector, which may change while the camera is watched.
        self.detector: Mapping[str, object] = {}
        self.on_analysis: Callable[[Analysis], None] | None = None
        self.view = LiveView(settings.overlay, self._caption, clock)
        self._zones = settings.polygons()
        self._make_tracker = make_tracker
        self._tracker = make_tracker()
        self._judge = judge
        self._record = record
        self._clock = clock
        self._lock = threading.Lock()
        self._outbox: deque[EventRecord] = deque()
        self._sending = threading.Lock()
        self._ended = False
        self._size: tuple[int, int] | None = None
        self._opened = False
        self._lost_s: float | None = None
        self._frozen = False
        self._check = PictureCheck()
        self._best = BestSnapshots()
        self._arrivals, self._verdicts = Rate(), Rate()
        self._frames = self._analysed = 0
        self._drops = dict.fromkeys(Drop, 0)
        self._latencies_s: deque[float] = deque(maxlen=_LATENCIES)
        self._latency = Histogram(LATENCY_BOUNDS_S)

    @property
    def wanted_fps(self) -> float | None:
        """Analyses per second that the settings ask for; None: as many as there are."""
        return None if self.settings.detect_fps == "auto" else self.settings.detect_fps

    def connected(self, info: SourceInfo, now_s: float) -> None:
        """A connection was made: the first frame comes next."""
        with self._lock:
            if self._ended:
                return
            self.epoch += 1
            facts = self.facts
            facts.connected, facts.cause, facts.detail, facts.fault = True, None, "", None
            facts.frame_s, facts.verdict_s, facts.lag_s = None, None, 0.0
            facts.same_since_s = facts.black_since_s = facts.corrupt_since_s = None
            facts.started_s = now_s
            self._check = PictureCheck()

    def arrived(self, time_s: float, lag_s: float) -> None:
        """A frame came, whatever becomes of it."""
        with self._lock:
            self._frames += 1
            self._arrivals.add(time_s)
            self.facts.frame_s, self.facts.lag_s = time_s, lag_s

    def dropped(self, drop: Drop) -> None:
        """A frame that came will not be judged."""
        with self._lock:
            self._drops[drop] += 1
            if drop is Drop.CORRUPT and self.facts.corrupt_since_s is None:
                self.facts.corrupt_since_s = self._clock.monotonic_s()

    def count_upstream_drop(self, drop: Drop) -> None:
        """A frame came that the source itself did not give on."""
        with self._lock:
            self._frames += 1
            self._arrivals.add(self._clock.monotonic_s())
        self.dropped(drop)

    def looked(self, frame: Frame) -> bool:
        """A frame was converted; return whether it may be judged. The first one after a loss ends it.

        A picture that has not changed for `health.frozen_after_s` shows nobody as they are now: whoever was in it is
        let go, and until it changes nobody is judged in it.
        """
        with self._lock:
            if self._ended:
                return False
            self._check.update(frame.image, frame.time_s)
            facts = self.facts
            facts.corrupt_since_s = None
            facts.same_since_s, facts.black_since_s = self._check.same_since_s, self._check.black_since_s
            size = (frame.width_px, frame.height_px)
            if self._size is not None and size != self._size:
                self.facts.size_changed_s = frame.time_s
                self.facts.size_change = (
                    f"the picture is {size[0]} x {size[1]} now, it was {self._size[0]} x {self._size[1]}"
                )
                self.epoch += 1
                self._leave(frame.time_s, CloseReason.SOURCE_LOST)
            self._size = size
            if not self._opened:
                self._opened = True
                self._put(SourceOpened(self.name, frame.time_s, width_px=size[0], height_px=size[1]))
            if self._lost_s is not None:
                self._put(CameraRestored(self.name, frame.time_s, frame.time_s - self._lost_s))
                self._lost_s = None
            frozen = frozen_s(facts, frame.time_s) > self.settings.health.frozen_after_s
            if frozen and not self._frozen:
                self.epoch += 1  # what is on its way to be judged is the same picture
                self._leave(frame.time_s, CloseReason.SOURCE_LOST)
            self._frozen = frozen
        self._send()
        return not frozen

    def judge(self, frame: Frame, epoch: int, detections: list[Detection], inference_s: float) -> None:
        """Judge a frame's people; a frame of an earlier connection, or one that comes after a newer, is left out."""
        with self._lock:
            outdated = self.facts.verdict_s is not None and frame.time_s <= self.facts.verdict_s
            if self._ended or epoch != self.epoch or not self.facts.connected or outdated:
                self._drops[Drop.SUPERSEDED] += 1
                return
            observations = self._tracker.update(inside(detections, self._zones, frame), frame.time_s)
            tracks, events = self._judge.update(frame.image, observations, frame.time_s)
            self._best.update(frame.image, tracks, [detection.box for detection in detections])
            for event in events:
                if isinstance(event, IncidentOpened):
                    told = replace(event, settings={"detector": self.detector, **event.settings})
                    self._put(told, self._best.picture(event.track_id))
                else:
                    self._put(event)
            now_s = self._clock.monotonic_s()
            analysis = Analysis(frame, tracks, inference_s, now_s - frame.time_s)
            self.analysis = analysis
            self.facts.verdict_s = frame.time_s
            self._analysed += 1
            self._verdicts.add(now_s)
            self._latencies_s.append(analysis.age_s)
            self._latency.add(analysis.age_s)
            self.facts.fault = None
        self.view.publish(analysis)
        self._send()
        if self.on_analysis is not None:
            self.on_analysis(analysis)

    def failed(self, detail: str, now_s: float) -> None:
        """Judging this camera's picture failed: its people are let go, and it starts afresh with the next picture."""
        with self._lock:
            self._drops[Drop.FAILED] += 1
            self.facts.fault = Fault(Cause.UNEXPECTED, detail)
            if not self._ended:
                self._leave(now_s, CloseReason.SOURCE_LOST)
        self._send()

    def lost(self, cause: Cause, detail: str, now_s: float) -> None:
        """There is no connection: whoever was in view is gone, and their incidents are closed."""
        with self._lock:
            if self._ended:
                return
            self.facts.connected, self.facts.cause, self.facts.detail = False, cause, detail
            self.facts.fault = None
            if self._opened and self._lost_s is None:
                self._lost_s = now_s
                self._leave(now_s, CloseReason.SOURCE_LOST)
                self._put(CameraLost(self.name, now_s, cause, detail))
        self._send()

    def end(self, now_s: float) -> None:
        """The camera is watched no longer."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            self.facts.connected = False
            if self._opened:
                self._leave(now_s, CloseReason.SOURCE_ENDED)
                self._put(SourceEnded(self.name, now_s, EndReason.INTERRUPTED, self._frames))
        self._send()

    def demand_fps(self, now_s: float) -> float:
        """Return how many analyses per second the camera could use: what is asked for, and no more than arrive."""
        with self._lock:
            if not self.facts.connected:
                return 0.0
            arriving = self._arrivals.per_s(now_s) or _USUAL_FPS
        return arriving if self.wanted_fps is None else min(self.wanted_fps, arriving)

    def limit(self, fps: float | None, now_s: float) -> None:
        """Give the camera at most so many analyses per second; None: as many as it wants."""
        with self._lock:
            facts, wanted = self.facts, self.wanted_fps
            facts.given_fps = fps
            self.pace.fps = wanted if fps is None else max(0.1, fps)
            if fps is None or wanted is None or fps >= ENOUGH * min(wanted, self._arrivals.per_s(now_s)):
                facts.short_since_s = None
            elif facts.short_since_s is None:
                facts.short_since_s = now_s

    def status(self, now_s: float) -> CameraStatus:
        """Return what others may know of the camera now."""
        with self._lock:
            latencies_ms = 1000 * np.asarray(self._latencies_s)
            return CameraStatus(
                camera=self.name,
                health=self.health,
                analysis=self.analysis,
                fps=self._arrivals.per_s(now_s),
                analysed_fps=self._verdicts.per_s(now_s),
                wanted_fps=self.wanted_fps,
                given_fps=self.facts.given_fps,
                frames=self._frames,
                analysed=self._analysed,
                drops=dict(self._drops),
                latency_ms={f"p{p}": round(float(np.percentile(latencies_ms, p)), 1) for p in (50, 95, 99)}
                if len(latencies_ms)
                else {},
                latency_counts=self._latency.counts(),
                latency_sum_s=self._latency.sum_s,
            )

    def _caption(self, analysis: Analysis) -> Caption:
        at = analysis.frame.captured_at
        now_s = self._clock.monotonic_s()
        with self._lock:
            fps, looks = self._arrivals.per_s(now_s), self._verdicts.per_s(now_s)
        return Caption(self.name, f"{at.astimezone():%H:%M:%S}" if at else "", fps, looks)

    def _leave(self, now_s: float, reason: CloseReason) -> None:
        self._tracker = self._make_tracker()
        self._best = BestSnapshots()
        for event in self._judge.end(now_s, reason):
            self._put(event)

    def _put(self, event: Event, picture: Image | None = None) -> None:
        self._outbox.append(EventRecord(event, picture))

    def _send(self) -> None:
        """Hand over what has happened, in its order whichever thread comes first; may wait for the journal."""
        with self._sending:
            while self._outbox:
                self._record(self._outbox.popleft())
