"""One live camera: its session, its analyzer, and the publication of their results."""

import threading
from collections import deque
from collections.abc import Callable, Mapping

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.detection import Detection
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    CloseReason,
    EndReason,
    EventRecord,
    SourceEnded,
    SourceOpened,
)
from monitor.domain.frame import Frame, SourceInfo
from monitor.domain.track import Analysis
from monitor.pipeline.analyzer import Analyzer
from monitor.pipeline.session import Session
from monitor.pipeline.topic import Topic


class Camera:
    """Passes frames to the analyzer one at a time, and publishes events in the order in which they happened.

    The session may be read from any thread; the analyzer is protected by `_analysing`, since the capture thread, the
    workers and the main thread all use it. Events are published outside that lock, through an outbox, so that waiting
    for the journal does not delay other cameras.
    """

    def __init__(
        self, session: Session, analyzer: Analyzer, events: Topic[EventRecord], analyses: Topic[Analysis]
    ) -> None:
        self.session = session
        self._analyzer = analyzer
        self._events = events
        self._analyses = analyses
        self._analysing = threading.Lock()
        self._outbox: deque[EventRecord] = deque()
        self._publishing = threading.Lock()

    @property
    def name(self) -> str:
        """The camera's id."""
        return self.session.name

    @property
    def settings(self) -> CameraSettings:
        """The camera's settings in effect."""
        return self.session.settings

    def connected(self, info: SourceInfo, now_s: float) -> None:
        """Record a new connection, before its first frame."""
        self.session.connected(info, now_s)

    def accept_frame(self, frame: Frame) -> int | None:
        """Accept a converted frame; return the epoch to analyse it in, None if it is not to be analysed."""
        accepted = self.session.accept_frame(frame)
        if accepted is None:
            return None
        records = []
        if accepted.first_size_px is not None:
            width_px, height_px = accepted.first_size_px
            records.append(EventRecord(SourceOpened(self.name, frame.time_s, width_px=width_px, height_px=height_px)))
        if accepted.lost_for_s is not None:
            records.append(EventRecord(CameraRestored(self.name, frame.time_s, accepted.lost_for_s)))
        if accepted.new_scene:
            self._reset(frame.time_s, CloseReason.SOURCE_LOST, then=records)
        elif records:
            self._publish(records)
        return accepted.epoch if accepted.analyse else None

    def analyse(
        self,
        frame: Frame,
        epoch: int,
        detections: list[Detection],
        inference_s: float,
        provenance: Mapping[str, object],
    ) -> None:
        """Analyse a frame with its detections and publish the results; frames of an earlier epoch or time are dropped.

        Raises `Closed` if the recorder accepts no more events.
        """
        with self._analysing:
            if not self.session.is_current(frame, epoch):
                return
            tracks, records = self._analyzer.update(frame, detections, provenance)
            faces = tuple(detection.box for detection in detections)
            analysis = self.session.analysed(frame, epoch, tracks, inference_s, faces)
            self._outbox.extend(records)
        if analysis is not None:
            self._analyses.publish(analysis)
        self._send()

    def failed(self, detail: str, now_s: float) -> None:
        """Record that the analysis of a frame failed: all tracks end, and new ones start with the next frame."""
        self.session.failed(detail)
        self._reset(now_s, CloseReason.SOURCE_LOST)

    def lost(self, cause: Cause, detail: str, now_s: float) -> None:
        """Record a lost connection: all tracks end, and their incidents are closed."""
        if self.session.lost(cause, detail, now_s):
            lost = EventRecord(CameraLost(self.name, now_s, cause, detail))
            self._reset(now_s, CloseReason.SOURCE_LOST, then=[lost])

    def end(self, now_s: float) -> None:
        """Record that the camera is no longer watched: all tracks end, and their incidents are closed."""
        if self.session.end() and self.session.has_opened:
            ended = SourceEnded(self.name, now_s, EndReason.INTERRUPTED, self.session.frames)
            self._reset(now_s, CloseReason.SOURCE_ENDED, then=[EventRecord(ended)])

    def _reset(self, now_s: float, reason: CloseReason, then: list[EventRecord] | None = None) -> None:
        with self._analysing:
            self._outbox.extend(self._analyzer.reset(now_s, reason))
            self._outbox.extend(then or [])
        self._send()

    def _publish(self, records: list[EventRecord]) -> None:
        with self._analysing:
            self._outbox.extend(records)
        self._send()

    def _send(self) -> None:
        """Publish the outbox in order, whichever thread is first; may wait for the journal."""
        with self._publishing:
            while self._outbox:
                self._events.publish(self._outbox.popleft())


MakeCamera = Callable[[str, CameraSettings, Topic[EventRecord], Topic[Analysis]], Camera]
