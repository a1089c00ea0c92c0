"""A lossless, pipelined run over one recording.

decode -> detect -> analyse and draw -> encode, each on its own thread behind a bounded channel; detection on as many
threads as there are detectors, so that all cores work on different frames at once. Frames are put back in order before
the analysis. Events are written on a further thread, the only one that opens and closes the sinks.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config.overlay import OverlaySettings
from monitor.domain.cause import Cause
from monitor.domain.detection import Detection
from monitor.domain.errors import SourceError
from monitor.domain.event import CloseReason, EndReason, EventRecord, SourceEnded, SourceOpened
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.domain.freshness import DEFAULT_STALE_AFTER_S, Freshness
from monitor.domain.ports import Detector, Recording
from monitor.domain.track import Analysis
from monitor.outputs.overlay import Caption, draw_analysis
from monitor.outputs.video import VideoWriter
from monitor.pipeline.analyzer import Analyzer
from monitor.pipeline.channel import Channel, Closed, Sequencer
from monitor.pipeline.pace import Pace
from monitor.pipeline.threads import ThreadGroup
from monitor.replay.faces import BLANK, FacesSeen
from monitor.replay.results import EventRecorder, Summary
from monitor.storage.lines import clock

#: Frames waiting between two stages: enough to even out their speed, few enough to need little memory.
_WAITING_FRAMES = 8
_WAITING_EVENTS = 256


@dataclass(frozen=True, slots=True)
class DetectedFrame:
    """A frame and its detections; `detections` is None if the frame was not analysed."""

    frame: Frame
    detections: list[Detection] | None
    inference_s: float


@dataclass(slots=True)
class Replay:
    """One recording and the parts that process it.

    `name` is the name of the recording in messages. `open_recorder` is called on the recording thread, the only one
    that uses its result. `detect_fps` None analyses every frame. Without `video_path`, frames that are not analysed are
    not converted. `min_face_px` is the least height of a face that gets a verdict. `on_frame` is called after each
    finished frame with their number.
    """

    name: str
    source: Recording
    detectors: Sequence[Detector]
    analyzer: Analyzer
    overlay: OverlaySettings
    open_recorder: Callable[[], EventRecorder]
    video_path: Path | None = None
    detect_fps: float | None = None
    stale_after_s: float = DEFAULT_STALE_AFTER_S
    min_face_px: float = 0.0
    provenance: Mapping[str, object] = field(default_factory=dict)
    on_open: Callable[[SourceInfo], None] = lambda info: None
    on_frame: Callable[[int], None] = lambda frames: None
    on_analysis: Callable[[Analysis], None] = lambda analysis: None
    _info: SourceInfo | None = None
    _end_reason: EndReason = EndReason.FINISHED
    _source_error: str | None = None
    _frames: int = 0
    _damaged: int = 0
    _damage: str | None = None
    _analysed: int = 0
    _last_s: float = 0.0
    _interrupts: int = 0
    _failed: bool = False
    _interrupted: threading.Event = field(default_factory=threading.Event)
    _detecting: int = 0
    _faces: FacesSeen = field(default_factory=FacesSeen)
    _decided: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read: Channel[tuple[int, Frame, bool]] = field(default_factory=lambda: Channel(_WAITING_FRAMES))
    _detected: Sequencer[DetectedFrame] = field(default_factory=lambda: Sequencer(_WAITING_FRAMES))
    _drawn: Channel[tuple[Image, float]] = field(default_factory=lambda: Channel(_WAITING_FRAMES))
    _events: Channel[EventRecord] = field(default_factory=lambda: Channel(_WAITING_EVENTS))

    def run(self) -> Summary:
        """Run to the end, or to Ctrl-C, after which frames already read are finished; raises the failure of a stage.

        A source that fails after its first frame ends the run: the results up to that point are kept, and the summary's
        `error` is the cause.
        """
        started = time.monotonic()
        with ThreadGroup(on_failure=self._discard) as threads:
            threads.spawn("decode", lambda: self._decode(threads))
            self._detecting = len(self.detectors)
            for number, detector in enumerate(self.detectors, start=1):
                threads.spawn(f"detect-{number}", lambda detector=detector: self._detect(detector))  # type: ignore[misc]
            threads.spawn("analyse", self._analyse_all)
            if self.video_path is not None:
                threads.spawn("encode", self._encode)
            threads.spawn("record", self._record)
            self._wait(threads)
            threads.join(timeout_s=0)
        assert self._info is not None
        return Summary(
            info=self._info,
            frames=self._frames,
            analysed_frames=self._analysed,
            media_s=self._last_s,
            wall_s=time.monotonic() - started,
            end_reason=self._end_reason,
            error=self._source_error,
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        notes = list(self.source.notes)
        if not self._decided and not self._faces.blank:
            why = self._faces.why_no_verdict(self._last_s, self.min_face_px)
            notes.append(f"nobody got a verdict: {why}")
        return tuple(notes)

    def interrupt(self) -> None:
        """Stop reading; frames already read are finished. The third call raises `KeyboardInterrupt`."""
        self._interrupts += 1
        self._interrupted.set()
        if self._interrupts > 2:
            raise KeyboardInterrupt

    def _wait(self, threads: ThreadGroup) -> None:
        while True:
            try:
                while threads.wait(timeout_s=0.5):
                    pass
            except KeyboardInterrupt:  # a second Ctrl-C does not prevent the finishing that the first started
                self.interrupt()
            else:
                return

    def _discard(self) -> None:
        self._failed = True
        self._interrupted.set()
        self._read.discard()
        self._detected.discard()
        self._drawn.discard()
        self._events.close()  # events so far are still written

    def _decode(self, threads: ThreadGroup) -> None:
        pace = Pace(self.detect_fps)
        count = 0
        try:
            self._info = self.source.open()
            self.on_open(self._info)
            while not self._interrupted.is_set() and not threads.stop.is_set():
                try:
                    time_s = self.source.grab()
                    if time_s is None:
                        self._finish()
                        return
                    due = pace.due(time_s)
                    if due or self.video_path is not None:
                        frame = self._converted()
                        if frame is None:
                            continue
                        self._read.put((count, frame, due))
                        count += 1
                    self._frames += 1
                    self._last_s = time_s
                except SourceError as error:
                    if self._frames == 0:
                        raise
                    self._end_reason, self._source_error = EndReason.FAILED, str(error)
                    return
            self._end_reason = EndReason.INTERRUPTED
        except Closed:
            pass  # a later stage has failed and reports it
        finally:
            self.source.close()
            self._read.close()

    def _converted(self) -> Frame | None:
        """Return the frame last grabbed; a damaged one is dropped and counted, as in a live camera."""
        try:
            return self.source.retrieve()
        except SourceError as error:
            if error.cause is not Cause.UNDECODABLE:
                raise
            self._damaged += 1
            self._damage = self._damage or str(error)
            return None

    def _finish(self) -> None:
        """Set how the recording ended; raises `SourceError` if no frame of it could be decoded."""
        if self._damage is not None and self._frames == 0:
            raise SourceError(self._damage, Cause.UNDECODABLE)
        self._end_reason = self.source.end_reason
        if self._damaged and self._end_reason is EndReason.FINISHED:
            self._end_reason = EndReason.DAMAGED
        self._source_error = self._damage_message()

    def _damage_message(self) -> str | None:
        rest = "the rest has been analysed; copy the recording again to get all of it"
        match self._end_reason:
            case EndReason.TRUNCATED:
                return f"{self.name}: is cut off at {self._last_s:.1f} s, shorter than its header states; {rest}"
            case EndReason.DAMAGED:
                first = f" (first: {self._damage})" if self._damage else ""
                damaged = self.source.lost_frames + self._damaged
                frames = "1 frame" if damaged == 1 else f"{damaged} frames"
                return f"{self.name}: is damaged: {frames} cannot be decoded{first}; {rest}"
            case _:
                return None

    def _detect(self, detector: Detector) -> None:
        try:
            while True:
                number, frame, due = self._read.get()
                started = time.perf_counter()
                detections = detector.detect([frame.image])[0] if due else None
                self._detected.put(number, DetectedFrame(frame, detections, time.perf_counter() - started))
        except Closed:
            with self._lock:
                self._detecting -= 1
                last = self._detecting == 0
            if last:
                self._detected.close()

    def _analyse_all(self) -> None:
        analysis: Analysis | None = None
        try:
            while True:
                detected = self._detected.get()
                if analysis is None:
                    self._open_event(detected.frame)
                analysis = self._analyse(detected, analysis)
                self.on_analysis(analysis)
                if self.video_path is not None:
                    self._drawn.put((self._draw(analysis), detected.frame.time_s))
                self.on_frame(detected.frame.index + 1)
        except Closed:
            if not self._failed:
                self._end_events(analysis)
        finally:
            self._drawn.close()
            self._events.close()

    def _analyse(self, detected: DetectedFrame, before: Analysis | None) -> Analysis:
        frame = detected.frame
        if detected.detections is None:  # between two analyses people are shown at their last position, with its age
            seen_s = 0.0 if before is None else before.frame.time_s - before.age_s
            tracks = () if before is None else before.tracks
            return Analysis(frame, tracks, 0.0, frame.time_s - seen_s, self._freshness())
        self._analysed += 1
        self._faces.add(frame.image, detected.detections)
        tracks, records = self.analyzer.update(frame, detected.detections, self.provenance)
        self._decided = self._decided or any(track.state.decided for track in tracks)
        for record in records:
            self._events.put(record)
        return Analysis(frame, tracks, detected.inference_s, 0.0, self._freshness())

    def _freshness(self) -> Freshness:
        """Return the freshness of an analysis, which depends on the rate of analyses."""
        return Freshness.of(self.stale_after_s, None if self.detect_fps is None else 1 / self.detect_fps)

    def _open_event(self, frame: Frame) -> None:
        self._events.put(
            EventRecord(SourceOpened(frame.source_id, frame.time_s, width_px=frame.width_px, height_px=frame.height_px))
        )

    def _end_events(self, analysis: Analysis | None) -> None:
        if analysis is None:
            return
        # A picture may well be of a single colour; a video that is has not been decoded.
        is_video = self._info is not None and self._info.codec is not None
        if is_video and self._faces.blank and self._source_error is None:
            self._end_reason, self._source_error = EndReason.DAMAGED, f"{self.name}: {BLANK}"
        lost = self._end_reason is EndReason.FAILED
        reason = CloseReason.SOURCE_LOST if lost else CloseReason.SOURCE_ENDED
        for record in self.analyzer.reset(self._last_s, reason):
            self._events.put(record)
        ended = SourceEnded(analysis.frame.source_id, self._last_s, self._end_reason, self._frames)
        self._events.put(EventRecord(ended))

    def _draw(self, analysis: Analysis) -> Image:
        assert self._info is not None
        rate = self._info.fps
        rate_limit = self.detect_fps if rate is None or self.detect_fps is None else min(self.detect_fps, rate)
        caption = Caption(
            camera=analysis.frame.source_id,
            clock=clock(analysis.frame.time_s),
            fps=rate,
            detect_fps=rate_limit or rate,
        )
        return draw_analysis(analysis.frame.image, analysis, caption, self.overlay)

    def _encode(self) -> None:
        assert self.video_path is not None
        writer: VideoWriter | None = None
        try:
            while True:
                image, time_s = self._drawn.get()
                if writer is None:
                    assert self._info is not None
                    height, width = image.shape[:2]
                    writer = VideoWriter(self.video_path, width, height, self._info.fps or 25.0)
                writer.write(image, time_s)
        except Closed:
            pass
        finally:
            if writer is not None:
                writer.close()

    def _record(self) -> None:
        try:
            first = self._events.get()
        except Closed:
            return  # there was no frame, so no files are created
        recorder = self.open_recorder()
        try:
            recorder.put(first)
            while True:
                recorder.put(self._events.get())
        except Closed:
            pass
        finally:
            recorder.close()
