"""A camera of the live monitor with an analyzer of its own, for tests without threads."""

from collections.abc import Callable, Sequence
from typing import Any

from monitor.config.camera import CameraSettings
from monitor.domain.detection import Detection
from monitor.domain.event import Event, EventRecord
from monitor.domain.frame import Frame, Image
from monitor.domain.track import Analysis
from monitor.pipeline.analyzer import Analyzer
from monitor.pipeline.camera import Camera
from monitor.pipeline.session import Session
from monitor.pipeline.topic import Topic
from monitor.rules.judge import Judge
from tests.fakes import FACE, WITHOUT, FakeClock, FakeTracker, checkers

SHARP = checkers(240, 320)
BARE = Detection(FACE, WITHOUT, 1.0)


def settings(source: str = "rtsp://192.0.2.7/cam", **more: Any) -> CameraSettings:
    return CameraSettings.model_validate({"source": source} | more)


def watched(
    record: Callable[[EventRecord], None],
    clock: FakeClock,
    name: str = "door",
    on_analysis: Callable[[Analysis], None] = lambda _: None,
    **more: Any,
) -> Camera:
    chosen = settings(**more)
    judge = Judge(name, chosen.rules, "run-")
    analyzer = Analyzer(FakeTracker, judge, chosen.tracking.lost_after_s, chosen.polygons())
    events, analyses = Topic[EventRecord](), Topic[Analysis]()
    events.subscribe(record)
    analyses.subscribe(on_analysis)
    return Camera(Session(name, chosen, clock), analyzer, events, analyses)


def frame_at(time_s: float, image: Image = SHARP, index: int = 0) -> Frame:
    return Frame(image, "door", index, time_s, None)


def happened(records: Sequence[EventRecord]) -> list[Event]:
    return [record.event for record in records]
