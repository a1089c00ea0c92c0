"""Fakes that implement the ports, and small makers of the house's values."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.domain.cause import Cause
from monitor.domain.detection import Detection, MaskState, Observation
from monitor.domain.errors import OutputError, SourceError
from monitor.domain.event import EndReason, Event
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.domain.geometry import Box
from monitor.domain.track import Analysis, Track

WITH, WITHOUT, INCORRECT, UNKNOWN = (
    MaskState.WITH_MASK,
    MaskState.WITHOUT_MASK,
    MaskState.INCORRECT,
    MaskState.UNKNOWN,
)
DECIDED = (WITH, WITHOUT, INCORRECT)

#: Where a face is when a test does not care.
FACE = Box(100, 100, 200, 200)


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self, now_s: float = 0.0, utc: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now_s = now_s
        self.utc = utc

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
        self.utc += timedelta(seconds=seconds)

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_now(self) -> datetime:
        return self.utc


class FakeSource:
    """Pictures from memory; `fail_at` is the index of the frame at which reading fails."""

    def __init__(
        self,
        images: Sequence[Image],
        period_s: float = 0.04,
        source_id: str = "fake",
        end_reason: EndReason = EndReason.FINISHED,
        fail_at: int | None = None,
        lost_frames: int = 0,
    ) -> None:
        self.lost_frames = lost_frames
        self.late_frames = 0
        self.notes: tuple[str, ...] = ()
        self.source_id = source_id
        self.end_reason = end_reason
        self.opened = 0
        self.closed = 0
        self._images = images
        self._period_s = period_s
        self._fail_at = fail_at
        self._index = -1

    def open(self) -> SourceInfo:
        self.opened += 1
        if not self._images:
            raise SourceError("fake: holds no frame")
        height, width = self._images[0].shape[:2]
        return SourceInfo(width, height, 1 / self._period_s, len(self._images), None, live=False)

    def grab(self) -> float | None:
        if self._index + 1 == self._fail_at:
            raise SourceError("fake: the cable was pulled")
        if self._index + 1 >= len(self._images):
            return None
        self._index += 1
        return self._index * self._period_s

    def retrieve(self) -> Frame:
        image = self._images[self._index]
        return Frame(image, self.source_id, self._index, self._index * self._period_s, None)

    def close(self) -> None:
        self.closed += 1


class FakeCamera:
    """A live source: each step is a picture, a wait of so many seconds without one, or an error that reading meets.

    A picture comes `period_s` of the clock after the one before, and waits for a slower reader. After the last step the
    camera has hung up.
    """

    def __init__(
        self,
        clock: FakeClock,
        steps: Iterable[Image | float | Exception],
        period_s: float = 0.1,
        source_id: str = "door",
        open_error: Exception | None = None,
        media: Callable[[float], float | None] = lambda _: None,
    ) -> None:
        self.source_id = source_id
        self.end_reason = EndReason.FAILED
        self.lost_frames = 0
        self.late_frames = 0
        self.media_s: float | None = None
        self.opened = self.closed = self.retrieved = 0
        self._clock = clock
        self._steps = iter(steps)
        self._period_s = period_s
        self._open_error = open_error
        self._media = media
        self._image: Image | None = None
        self._came_s = 0.0
        self._index = -1

    def open(self) -> SourceInfo:
        self.opened += 1
        if self._open_error is not None:
            raise self._open_error
        self._came_s = self._clock.now_s
        return SourceInfo(320, 240, 1 / self._period_s, None, "h264", live=True)

    def grab(self) -> float | None:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                self._clock.advance(step)
                self._came_s = self._clock.now_s
                continue
            self._came_s += self._period_s
            self._clock.advance(max(0.0, self._came_s - self._clock.now_s))
            self._index += 1
            self._image = step
            self.media_s = self._media(self._clock.now_s)
            return self._clock.now_s
        raise SourceError("fake: the camera hung up", Cause.ENDED)

    def retrieve(self) -> Frame:
        self.retrieved += 1
        assert self._image is not None
        return Frame(self._image, self.source_id, self._index, self._clock.now_s, self._clock.utc, self.media_s)

    def close(self) -> None:
        self.closed += 1


class FakeDetector:
    """Says what it was told to say, picture after picture, then nothing; `error` is raised instead."""

    def __init__(self, script: Sequence[Sequence[Detection]] = (), error: Exception | None = None) -> None:
        self._script = list(script)
        self._error = error
        self.seen = 0
        self.closed = False

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        if self._error is not None:
            raise self._error
        answers = []
        for _ in images:
            answers.append(list(self._script[self.seen]) if self.seen < len(self._script) else [])
            self.seen += 1
        return answers

    def close(self) -> None:
        self.closed = True


class AnsweringDetector:
    """Finds in each picture what a function finds there; the function may as well raise, wait or answer rubbish."""

    def __init__(self, answer: Callable[[Image], list[Detection]]) -> None:
        self.closed = 0
        self._answer = answer

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        return [self._answer(image) for image in images]

    def close(self) -> None:
        self.closed += 1


class FakeTracker:
    """The n-th detection of every picture is person n."""

    def update(self, detections: Sequence[Detection], time_s: float, lost_after_s: float) -> list[Observation]:
        return [Observation(number, detection) for number, detection in enumerate(detections, start=1)]


class FakeSink:
    """Keeps what it was given; raises what it was told to raise."""

    def __init__(self, put_error: Exception | None = None, close_error: Exception | None = None) -> None:
        self.events: list[Event] = []
        self.closed = 0
        self._put_error = put_error
        self._close_error = close_error

    def put(self, event: Event) -> None:
        if self._put_error is not None:
            raise self._put_error
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1
        if self._close_error is not None:
            raise self._close_error


class FullSink(FakeSink):
    """A sink on a disk that is full as long as `full` is set."""

    def __init__(self, *, full: bool = True) -> None:
        super().__init__()
        self.full = full
        self.tries = 0

    def put(self, event: Event) -> None:
        self.tries += 1
        if self.full:
            raise OutputError("journal: database or disk is full")
        super().put(event)


def noise(height_px: int, width_px: int, seed: int = 0) -> Image:
    """A picture so full of detail that every face in it is sharp."""
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def checkers(height_px: int, width_px: int, cell_px: int = 16) -> Image:
    """A chessboard: still sharp when shrunk."""
    rows, columns = np.indices((height_px, width_px)) // cell_px
    board = np.where((rows + columns) % 2 == 0, 30, 220).astype(np.uint8)
    return np.repeat(board[..., np.newaxis], 3, axis=2)


def flat(height_px: int, width_px: int, level: int = 90) -> Image:
    """A picture of one grey."""
    return np.full((height_px, width_px, 3), level, dtype=np.uint8)


def seen(state: MaskState, box: Box = FACE, track_id: int = 1, score: float = 1.0) -> Observation:
    """One look at one person."""
    return Observation(track_id, Detection(box, state, score))


def track(state: MaskState, box: Box = FACE, track_id: int = 1, confidence: float = 0.9) -> Track:
    """One person in view."""
    return Track(track_id, box, state, confidence, first_seen_s=0.0, last_seen_s=1.0, hits=5)


def analysis(image: Image, *tracks: Track, age_s: float = 0.0, index: int = 0, time_s: float = 1.0) -> Analysis:
    """A judged picture."""
    return Analysis(Frame(image, "door", index, time_s, None), tracks, inference_s=0.01, age_s=age_s)
