"""One camera's people and counters: connections that come and go, frames that come too late."""

from collections.abc import Sequence

import pytest

from monitor.domain.cause import Cause
from monitor.domain.detection import Detection
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    CloseReason,
    EndReason,
    EventRecord,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
    VisitEnded,
)
from monitor.domain.frame import Frame, Image, SourceInfo
from monitor.domain.geometry import Box
from monitor.domain.health import CameraStatus, Condition, Drop, Health
from monitor.domain.track import Analysis
from monitor.pipeline.camera import Camera
from tests.fakes import FACE, FakeClock, checkers
from tests.unit.pipeline.watched import BARE, SHARP, frame_at, happened, watched

INFO = SourceInfo(320, 240, 10.0, None, "h264", live=True)


class Bench:
    """A camera, its clock and what it has told."""

    def __init__(self) -> None:
        self.clock = FakeClock(100.0)
        self.records: list[EventRecord] = []
        self.analyses: list[Analysis] = []
        self.camera: Camera = watched(self.records.append, self.clock, on_analysis=self.analyses.append)
        self.session = self.camera.session
        self.provenance: dict[str, object] = {}

    def connect(self) -> None:
        self.camera.connected(INFO, self.clock.now_s)

    def run(self, seconds: float, detections: Sequence[Detection] = (BARE,), image: Image = SHARP) -> None:
        for _ in range(round(10 * seconds)):
            self.clock.advance(0.1)
            frame = frame_at(self.clock.now_s, image)
            self.session.arrived(frame.time_s, 0.0)
            self.analyse(frame, self.camera.accept_frame(frame), detections)

    def analyse(self, frame: Frame, epoch: int | None, detections: Sequence[Detection] = (BARE,)) -> None:
        if epoch is not None:
            self.camera.analyse(frame, epoch, list(detections), 0.01, self.provenance)

    def status(self) -> CameraStatus:
        return self.session.status(self.clock.now_s)

    def health(self) -> Health:
        return self.session.assess(self.clock.now_s, None)[1]

    @property
    def kinds(self) -> list[type]:
        return [type(event) for event in happened(self.records)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_violation_is_an_incident_with_its_picture(bench: Bench) -> None:
    bench.connect()
    bench.run(2)
    assert bench.kinds == [SourceOpened, IncidentOpened]
    assert [record.picture is not None for record in bench.records] == [False, True]


def test_an_incident_says_which_detector_and_settings_decided_it(bench: Bench) -> None:
    """A new configuration may bring another detector while the camera is watched."""
    bench.provenance = {"model": "old"}
    bench.connect()
    bench.run(2)
    bench.provenance = {"model": "new"}
    bench.camera.lost(Cause.ENDED, "", bench.clock.now_s)
    bench.connect()
    bench.run(2)
    told = [event.settings for event in happened(bench.records) if isinstance(event, IncidentOpened)]
    assert [settings["detector"] for settings in told] == [{"model": "old"}, {"model": "new"}]


def test_who_is_outside_every_zone_is_not_judged_but_hidden_in_pictures() -> None:
    clock, records = FakeClock(100.0), list[EventRecord]()
    zones = {"left": [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]}
    camera = watched(records.append, clock, zones=zones)
    camera.connected(INFO, clock.now_s)
    outside = Detection(Box(215, 100, 305, 190), BARE.state, 1.0)
    for _ in range(20):
        clock.advance(0.1)
        frame = frame_at(clock.now_s)
        epoch = camera.accept_frame(frame)
        assert epoch is not None
        camera.analyse(frame, epoch, [BARE, outside], 0.01, {})
    opened = [event for event in happened(records) if isinstance(event, IncidentOpened)]
    assert [event.box for event in opened] == [FACE]
    (picture,) = [record.picture for record in records if record.picture is not None]
    hidden, shown = picture[110:180, 225:295], picture[110:190, 110:190]
    assert hidden.std() < shown.std() / 2


def test_a_loss_closes_what_is_open_and_a_return_is_told(bench: Bench) -> None:
    bench.connect()
    bench.run(2)
    bench.camera.lost(Cause.TIMED_OUT, "no picture for 5.0 s", bench.clock.now_s)
    bench.camera.lost(Cause.REFUSED, "nobody answers", bench.clock.now_s + 1)
    assert bench.kinds[2:] == [IncidentClosed, VisitEnded, CameraLost], "and told once"
    closed, _, lost = happened(bench.records)[2:]
    assert isinstance(closed, IncidentClosed)
    assert closed.reason is CloseReason.SOURCE_LOST
    assert isinstance(lost, CameraLost)
    assert (lost.cause, lost.time_s) == (Cause.TIMED_OUT, bench.clock.now_s)
    assert bench.health().cause is Cause.REFUSED, "the newest reason is shown"
    bench.clock.advance(7.9)
    bench.connect()
    assert bench.kinds[5:] == [], "a connection without a picture is no return"
    bench.run(0.1)
    restored = happened(bench.records)[5]
    assert isinstance(restored, CameraRestored)
    assert restored.lost_for_s == pytest.approx(8.0)


def test_a_camera_that_never_gave_a_picture_is_no_loss_in_the_journal(bench: Bench) -> None:
    bench.camera.lost(Cause.REFUSED, "nobody answers", 101.0)
    bench.connect()
    bench.camera.lost(Cause.UNDECODABLE, "no picture that decodes", 102.0)
    assert bench.kinds == []
    bench.camera.end(103.0)
    assert bench.kinds == []


def test_a_picture_of_before_a_loss_is_not_judged_after_it(bench: Bench) -> None:
    bench.connect()
    bench.run(0.5)
    old = frame_at(bench.clock.now_s + 0.05)
    epoch = bench.camera.accept_frame(old)
    bench.camera.lost(Cause.ENDED, "", bench.clock.now_s + 0.1)
    bench.analyse(old, epoch)
    bench.connect()
    bench.analyse(old, epoch)
    assert bench.status().analysed == len(bench.analyses) == 5


def test_a_picture_that_comes_after_a_newer_one_is_left_out(bench: Bench) -> None:
    bench.connect()
    bench.run(0.5)
    before = bench.status().analysis
    late = frame_at(bench.clock.now_s - 0.05)
    bench.analyse(late, bench.camera.accept_frame(late))
    assert bench.status().analysis is before


def test_another_size_is_another_scene(bench: Bench) -> None:
    bench.connect()
    bench.run(2)
    old = frame_at(bench.clock.now_s + 0.2)
    epoch = bench.camera.accept_frame(old)
    bench.run(0.1, (), checkers(480, 640))
    assert bench.kinds[2:] == [IncidentClosed, VisitEnded]
    assert bench.health().detail == "the picture is 640 x 480 now, it was 320 x 240"
    bench.analyse(old, epoch)
    bench.camera.end(bench.clock.now_s)
    assert bench.kinds[4:] == [SourceEnded], "nobody is carried over by a picture that was with a worker"


def test_the_end_completes_the_journal(bench: Bench) -> None:
    bench.connect()
    bench.run(2)
    bench.camera.end(bench.clock.now_s)
    assert bench.kinds[2:] == [IncidentClosed, VisitEnded, SourceEnded]
    ended = happened(bench.records)[-1]
    assert isinstance(ended, SourceEnded)
    assert (ended.reason, ended.frames) == (EndReason.INTERRUPTED, 20)


def test_nothing_is_told_after_the_end(bench: Bench) -> None:
    """The capture thread may come back from a read that hung, a worker from a slow look."""
    bench.connect()
    bench.run(2)
    told = len(bench.records)
    bench.camera.end(bench.clock.now_s)
    assert len(bench.records) == told + 3
    bench.run(2)
    bench.camera.lost(Cause.TIMED_OUT, "no picture for 5.0 s", bench.clock.now_s)
    bench.connect()
    bench.run(2)
    bench.camera.end(bench.clock.now_s)
    assert len(bench.records) == told + 3


def test_frames_are_counted_by_what_became_of_them(bench: Bench) -> None:
    bench.connect()
    bench.run(1)
    for drop in Drop:
        bench.session.count_drop(drop)
    bench.session.count_drop(Drop.SUPERSEDED)
    status = bench.status()
    assert status.drops == {Drop.SKIPPED: 1, Drop.SUPERSEDED: 2, Drop.LATE: 1, Drop.CORRUPT: 1, Drop.FAILED: 1}
    assert (status.frames, status.analysed) == (10, 10)
    assert status.fps == pytest.approx(10, rel=0.01)
    assert status.analysed_fps == pytest.approx(10, rel=0.01)
    assert status.latency_ms == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_a_camera_that_has_just_come_back_is_not_left_without_a_look(bench: Bench) -> None:
    """Under overload, before two frames have arrived, nobody knows yet how many it will send."""
    bench.connect()
    assert bench.session.demand_fps(bench.clock.now_s) > 0, "it wants what it was given in the settings"


def test_a_camera_that_is_away_takes_no_share_of_the_machine(bench: Bench) -> None:
    bench.connect()
    bench.run(2)
    bench.camera.lost(Cause.REFUSED, "nobody answers", bench.clock.now_s)
    bench.clock.advance(60)
    assert bench.session.demand_fps(bench.clock.now_s) == 0


def test_a_camera_that_could_not_be_judged_and_is_gone_is_told_as_gone(bench: Bench) -> None:
    bench.connect()
    bench.run(2)
    bench.camera.failed("judging failed", bench.clock.now_s)
    assert bench.health().condition is Condition.FAULT
    bench.camera.lost(Cause.UNPLUGGED, "is it plugged in?", bench.clock.now_s)
    assert bench.health().condition is Condition.LOST


def test_nobody_is_judged_in_a_picture_that_does_not_change(bench: Bench) -> None:
    """A camera that repeats its last picture for ten minutes shows no visit of ten minutes, and nothing green."""
    bench.connect()
    bench.run(2)
    analysed = bench.status().analysed
    bench.run(600)
    (visit,) = [event.visit for event in happened(bench.records) if isinstance(event, VisitEnded)]
    (closed,) = [event for event in happened(bench.records) if isinstance(event, IncidentClosed)]
    assert closed.reason is CloseReason.SOURCE_LOST
    assert visit.last_seen_s - visit.first_seen_s < 11
    assert bench.status().analysed - analysed < 100
    assert not bench.status().is_fresh(bench.clock.now_s), "what is not analysed any more is not shown as current"
    frame = frame_at(bench.clock.now_s + 0.1, checkers(240, 320) // 2)
    bench.analyse(frame, bench.camera.accept_frame(frame))
    analysis = bench.status().analysis
    assert analysis is not None
    assert analysis.frame is frame, "and when it changes, it is analysed again"


def test_a_picture_that_was_under_way_when_it_turned_out_frozen_is_not_judged(bench: Bench) -> None:
    bench.connect()
    bench.run(9.5)
    under_way = frame_at(bench.clock.now_s + 0.6)
    epoch = bench.camera.accept_frame(under_way)
    assert epoch is not None
    assert bench.camera.accept_frame(frame_at(bench.clock.now_s + 1.0)) is None
    before = bench.status().drops[Drop.SUPERSEDED]
    bench.analyse(under_way, epoch)
    status = bench.status()
    assert bench.kinds[-2:] == [IncidentClosed, VisitEnded], "and nobody comes back through it"
    assert status.drops[Drop.SUPERSEDED] == before + 1
