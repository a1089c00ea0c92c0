"""Connection, health facts and counters: asked by anybody, held up by nobody."""

import threading

import pytest

from monitor.domain.event import EventRecord
from monitor.domain.frame import SourceInfo
from monitor.domain.health import Condition
from monitor.domain.ports import Tracker
from monitor.pipeline.analyzer import Analyzer
from monitor.pipeline.camera import Camera
from monitor.pipeline.session import Session
from monitor.pipeline.topic import Topic
from monitor.rules.judge import Judge
from tests.fakes import FakeClock, FakeTracker
from tests.unit.pipeline.watched import BARE, SHARP, frame_at, settings, watched

INFO = SourceInfo(320, 240, 10.0, None, "h264", live=True)
SOON_S = 10.0


def test_who_asks_for_the_status_waits_for_no_analysis() -> None:
    """Tracking, rules and cropping run without the lock that the web's event loop takes."""
    entered, go_on = threading.Event(), threading.Event()

    class SlowTracker(FakeTracker):
        def update(self, *arguments: object) -> list:  # type: ignore[override]
            entered.set()
            go_on.wait(SOON_S)
            return super().update(*arguments)  # type: ignore[arg-type]

    def make_tracker() -> Tracker:
        return SlowTracker()

    clock, chosen = FakeClock(100.0), settings()
    session = Session("door", chosen, clock)
    camera = Camera(session, Analyzer(make_tracker, Judge("door", chosen.rules), 1.0), Topic(), Topic())
    camera.connected(INFO, clock.now_s)
    frame = frame_at(clock.now_s + 0.1)
    epoch = camera.accept_frame(frame)
    assert epoch is not None
    analysing = threading.Thread(target=camera.analyse, args=(frame, epoch, [BARE], 0.01, {}))
    analysing.start()
    try:
        assert entered.wait(SOON_S)
        answered: list[object] = []
        asking = threading.Thread(
            target=lambda: answered.extend((session.status(clock.now_s), session.assess(clock.now_s, None)))
        )
        asking.start()
        asking.join(SOON_S / 5)
        assert len(answered) == 2
    finally:
        go_on.set()
        analysing.join(SOON_S)
        asking.join(SOON_S)


@pytest.mark.parametrize(("fps", "age_s", "fresh"), [(10.0, 1.9, True), (10.0, 2.1, False), (0.25, 5.9, True)])
def test_health_and_whoever_shows_the_analysis_call_it_stale_at_the_same_time(
    fps: float, age_s: float, fresh: bool
) -> None:
    """A camera that sends a frame every four seconds is not stale after two, in any of the places that say so."""
    clock, records = FakeClock(100.0), list[EventRecord]()
    camera = watched(records.append, clock, detect_fps=10)
    camera.connected(SourceInfo(320, 240, fps, None, "h264", live=True), clock.now_s)
    for number in range(8):
        clock.advance(1 / fps)
        image = SHARP.copy()
        image[0, 0] = number
        frame = frame_at(clock.now_s, image)
        camera.session.arrived(frame.time_s, 0.0)
        epoch = camera.accept_frame(frame)
        assert epoch is not None
        camera.analyse(frame, epoch, [], 0.01, {})
    clock.advance(age_s)
    _, health = camera.session.assess(clock.now_s, None)
    status = camera.session.status(clock.now_s)
    assert status.analysis is not None
    assert health.condition is (Condition.LIVE if fresh else Condition.STALE)
    assert status.is_fresh(clock.now_s) is fresh
    assert status.analysis.is_stale(age_s) is not fresh


def test_the_interval_is_what_the_camera_used_to_give_when_it_stops() -> None:
    """A rate would fall to nothing, and with it the picture would never become stale."""
    clock = FakeClock(100.0)
    camera = watched(lambda _: None, clock)
    camera.connected(SourceInfo(320, 240, None, None, "h264", live=True), clock.now_s)
    for _ in range(30):
        clock.advance(0.04)
        camera.session.arrived(clock.now_s, 0.0)
    clock.advance(60)
    _, health = camera.session.assess(clock.now_s, None)
    assert health.condition is Condition.STALE
