"""A replay's threads, fed by fakes; real clips and models are in tests/integration."""

import threading

import numpy as np
import pytest

from monitor.config.overlay import OverlaySettings
from monitor.config.rules import RulesSettings
from monitor.domain.detection import Detection
from monitor.domain.errors import ModelError, OutputError, SourceError
from monitor.domain.event import CloseReason, EndReason, IncidentClosed, IncidentOpened, SourceEnded, SourceOpened
from monitor.domain.geometry import Box
from monitor.domain.zone import Zone
from monitor.pipeline.analyzer import Analyzer
from monitor.replay.run import Replay
from monitor.rules.judge import Judge
from tests.fakes import WITHOUT, FakeDetector, FakeSource, FakeTracker, checkers

SOON_S = 10.0
PERIOD_S = 0.1
SUBJECT, OTHER = Box(40, 40, 140, 140), Box(200, 60, 280, 160)

pytestmark = pytest.mark.timeout(60)


def pictures(count):
    """Sharp pictures that carry their number in the first pixel."""
    images = []
    for number in range(count):
        image = checkers(240, 320, cell_px=8)
        image[0, 0] = number
        image.setflags(write=False)
        images.append(image)
    return images


class KeepingRecorder:
    """Keeps what was record; fails at the n-th event where it is told to."""

    def __init__(self, fail_at=None):
        self.record = []
        self.closed = 0
        self._fail_at = fail_at

    def put(self, record):
        if len(self.record) == self._fail_at:
            raise OutputError("disk: full")
        self.record.append(record)

    def close(self):
        self.closed += 1

    @property
    def events(self):
        return [record.event for record in self.record]


def replay_of(source, *detectors, recorder=None, detect_fps=None, zones=(), make_tracker=FakeTracker, **told):
    recorder = recorder or KeepingRecorder()
    replay = Replay(
        name="door.mp4",
        source=source,
        detectors=detectors,
        analyzer=Analyzer(make_tracker, Judge("fake", RulesSettings(dwell_s=0.5)), 1.0, zones),
        overlay=OverlaySettings(),
        open_recorder=lambda: recorder,
        detect_fps=detect_fps,
        **told,
    )
    return replay, recorder


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def violator(count):
    return FakeDetector([[Detection(SUBJECT, WITHOUT, 0.9)]] * count)


def test_a_recording_is_told_from_opening_to_end():
    source = FakeSource(pictures(30), PERIOD_S)
    replay, recorder = replay_of(source, violator(30))
    summary = replay.run()
    assert (summary.frames, summary.analysed_frames, summary.end_reason, summary.error) == (
        30,
        30,
        EndReason.FINISHED,
        None,
    )
    assert summary.media_s == pytest.approx(2.9)
    kinds = [type(event).__name__ for event in recorder.events]
    assert kinds == ["SourceOpened", "IncidentOpened", "IncidentClosed", "VisitEnded", "SourceEnded"]
    opened, _, closed, _, ended = recorder.events
    assert isinstance(opened, SourceOpened)
    assert (opened.width_px, opened.height_px) == (320, 240)
    assert closed.reason is CloseReason.SOURCE_ENDED
    assert (ended.frames, ended.reason, ended.time_s) == (30, EndReason.FINISHED, pytest.approx(2.9))
    assert recorder.closed == 1
    assert source.closed >= 1


def test_who_is_outside_every_zone_is_not_judged():
    zones = {
        "elsewhere": Zone("elsewhere", ((0.9, 0.9), (1.0, 0.9), (1.0, 1.0))),
        "all": Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1))),
    }
    kinds = {}
    for name, zone in zones.items():
        replay, recorder = replay_of(FakeSource(pictures(30), PERIOD_S), violator(30), zones=[zone])
        replay.run()
        kinds[name] = {type(event) for event in recorder.events}
    assert IncidentOpened not in kinds["elsewhere"]
    assert IncidentOpened in kinds["all"]


def test_only_an_opened_incident_has_a_picture():
    _, recorder = ran = replay_of(FakeSource(pictures(30), PERIOD_S), violator(30))
    ran[0].run()
    assert {type(r.event) for r in recorder.record if r.picture is not None} == {IncidentOpened}


def test_faces_that_are_no_people_yet_are_hidden_in_the_picture():
    class OnlyTheFirst(FakeTracker):
        def update(self, detections, time_s, lost_after_s):
            return super().update(detections, time_s, lost_after_s)[:1]

    both = [Detection(SUBJECT, WITHOUT, 0.9), Detection(OTHER, WITHOUT, 0.8)]
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)] * 30
    source, detector = FakeSource(images, PERIOD_S), FakeDetector([both] * 30)
    replay, recorder = replay_of(source, detector, make_tracker=OnlyTheFirst)
    replay.run()
    (picture,) = (r.picture for r in recorder.record if r.picture is not None)
    # The picture shows x 0..220 of the frame, and with it the left edge of the other face.
    assert len(np.unique(picture[60:150, 225:].reshape(-1, 3), axis=0)) < 1000
    assert len(np.unique(picture[60:150, 60:130].reshape(-1, 3), axis=0)) > 3000


def test_every_frame_is_looked_at_in_order():
    seen = []
    replay, _ = replay_of(FakeSource(pictures(50), PERIOD_S), FakeDetector(), on_analysis=seen.append)
    replay.run()
    assert [analysis.frame.index for analysis in seen] == list(range(50))
    assert [int(analysis.frame.image[0, 0, 0]) for analysis in seen] == list(range(50))


class Overtaken(FakeDetector):
    """Says which picture it saw; holds the first one back until another detector has gone ahead."""

    def __init__(self, ahead, needed):
        super().__init__()
        self._ahead, self._needed = ahead, needed

    def detect(self, images):
        number = int(images[0][0, 0, 0])
        if number == 0:
            self._ahead.wait(SOON_S)
        else:
            self.seen += 1
            if number >= self._needed:
                self._ahead.set()
        return [[Detection(Box(number, 0, number + 50, 50), WITHOUT, 0.9)]]


def test_several_detectors_keep_the_order():
    ahead, seen = threading.Event(), []
    detectors = [Overtaken(ahead, needed=2) for _ in range(3)]
    replay, _ = replay_of(FakeSource(pictures(40), PERIOD_S), *detectors, on_analysis=seen.append)
    replay.run()
    assert ahead.is_set()
    assert [analysis.frame.index for analysis in seen] == list(range(40))
    for analysis in seen:
        assert [track.box.x1_px for track in analysis.tracks] == [analysis.frame.index]


@pytest.mark.parametrize("detectors", [1, 2, 4])
def test_any_number_of_detectors_tells_the_same(detectors):
    class ByPicture(FakeDetector):
        def detect(self, images):
            number = int(images[0][0, 0, 0])
            return [[Detection(SUBJECT, WITHOUT, 0.9)] if number % 7 else []]

    replay, recorder = replay_of(FakeSource(pictures(60), PERIOD_S), *(ByPicture() for _ in range(detectors)))
    replay.run()
    alone, expected = replay_of(FakeSource(pictures(60), PERIOD_S), ByPicture())
    alone.run()
    assert recorder.events == expected.events


def test_fewer_looks_than_frames():
    detector, seen = FakeDetector(), []
    replay, _ = replay_of(FakeSource(pictures(50), PERIOD_S), detector, detect_fps=2, on_analysis=seen.append)
    summary = replay.run()
    assert (summary.frames, summary.analysed_frames, detector.seen) == (50, 10, 10)
    assert len(seen) == 10  # without a video nobody sees the frames between


@pytest.mark.parametrize("fail_at", [1, 7, 29])
def test_a_source_that_fails_on_the_way_ends_the_run_and_keeps_what_was(fail_at):
    replay, recorder = replay_of(FakeSource(pictures(30), PERIOD_S, fail_at=fail_at), violator(30))
    summary = replay.run()
    assert summary.end_reason is EndReason.FAILED
    assert "cable" in summary.error
    assert summary.frames == fail_at
    ended = recorder.events[-1]
    assert isinstance(ended, SourceEnded)
    assert (ended.reason, ended.frames) == (EndReason.FAILED, fail_at)
    closed = [event for event in recorder.events if isinstance(event, IncidentClosed)]
    assert all(event.reason is CloseReason.SOURCE_LOST for event in closed)


@pytest.mark.parametrize("source", [FakeSource([]), FakeSource(pictures(3), fail_at=0)], ids=["open", "first-frame"])
def test_a_source_that_gives_nothing_is_an_error_and_leaves_nothing(source):
    opened = []
    replay, recorder = replay_of(source, FakeDetector())
    replay.open_recorder = lambda: opened.append(1) or recorder
    with pytest.raises(SourceError):
        replay.run()
    assert opened == []
    assert source.closed >= 1


def test_a_truncated_recording_says_so():
    source = FakeSource(pictures(10), PERIOD_S, end_reason=EndReason.TRUNCATED)
    replay, recorder = replay_of(source, FakeDetector())
    summary = replay.run()
    assert summary.end_reason is EndReason.TRUNCATED
    assert "door.mp4" in summary.error
    assert recorder.events[-1].reason is EndReason.TRUNCATED


def test_a_damaged_recording_says_how_much_was_lost():
    source = FakeSource(pictures(10), PERIOD_S, end_reason=EndReason.DAMAGED, lost_frames=17)
    replay, recorder = replay_of(source, FakeDetector())
    summary = replay.run()
    assert (summary.end_reason, summary.frames) == (EndReason.DAMAGED, 10)
    assert "door.mp4" in summary.error
    assert "17 frames" in summary.error
    assert recorder.events[-1].reason is EndReason.DAMAGED


@pytest.mark.parametrize("detectors", [1, 3])
def test_a_detector_that_fails_is_an_error_never_nobody(detectors):
    source = FakeSource(pictures(50), PERIOD_S)
    broken = FakeDetector(error=ModelError("no memory"))
    replay, recorder = replay_of(source, *[FakeDetector() for _ in range(detectors - 1)], broken)
    with pytest.raises(ModelError, match="no memory"):
        replay.run()
    assert source.closed >= 1
    assert not any(isinstance(event, SourceEnded) for event in recorder.events)


@pytest.mark.parametrize("fail_at", [0, 1, 3])
def test_results_that_cannot_be_written_are_an_error(fail_at):
    recorder = KeepingRecorder(fail_at)
    replay, _ = replay_of(FakeSource(pictures(30), PERIOD_S), violator(30), recorder=recorder)
    with pytest.raises(OutputError, match="full"):
        replay.run()
    assert recorder.closed == 1
    assert len(recorder.record) == fail_at


@pytest.mark.parametrize("hook", ["on_open", "on_frame", "on_analysis"])
def test_a_watcher_that_fails_ends_the_run_with_its_error(hook):
    def fail(_):
        raise ZeroDivisionError

    source = FakeSource(pictures(30), PERIOD_S)
    replay, _ = replay_of(source, FakeDetector(), **{hook: fail})
    with pytest.raises(ZeroDivisionError):
        replay.run()
    assert source.closed >= 1


def test_progress_counts_every_frame():
    told = []
    replay, _ = replay_of(FakeSource(pictures(20), PERIOD_S), FakeDetector(), on_frame=told.append)
    replay.run()
    assert told == list(range(1, 21))
