"""Real people in real recordings, with the shipped model: who is who, at the rates of a live camera and of a replay."""

from collections import Counter
from pathlib import Path

import pytest

from monitor.app.analysis import make_analyzer
from monitor.app.replaying import camera_for
from monitor.config.loading import load_settings
from monitor.detectors.opening import OpenedDetector, open_detector
from monitor.domain.address import SourceAddress
from monitor.domain.event import CloseReason, VisitEnded
from monitor.domain.track import Track
from monitor.domain.visit import Visit
from monitor.pipeline.pace import Pace
from monitor.sources.opening import make_recording
from tests.conftest import PROJECT
from tests.fakes import WITHOUT

RECORDINGS = Path(__file__).with_name("recordings")


@pytest.fixture(scope="module")
def detector() -> OpenedDetector:
    return open_detector(load_settings(PROJECT / "config.yaml").detector, threads=1)


def people_in(name: str, detector: OpenedDetector, fps: float) -> tuple[list[Visit], list[tuple[float, Track]]]:
    """Return the visits of a recording analysed so often a second, and everybody in every analysed frame."""
    settings = load_settings(PROJECT / "config.yaml")
    address = SourceAddress(str(RECORDINGS / name))
    analyzer, pace = make_analyzer("door", camera_for(settings, address)), Pace(fps)
    source = make_recording("door", address)
    source.open()
    records, tracks, last_s = [], [], 0.0
    while (time_s := source.grab()) is not None:
        last_s = time_s
        if pace.due(time_s):
            frame = source.retrieve()
            seen, happened = analyzer.update(frame, detector.detector.detect([frame.image])[0], {})
            records += happened
            tracks += [(time_s, track) for track in seen]
    source.close()
    records += analyzer.reset(last_s, CloseReason.SOURCE_ENDED)
    return [record.event.visit for record in records if isinstance(record.event, VisitEnded)], tracks


@pytest.mark.parametrize("fps", [10, 25])
def test_a_person_who_takes_the_mask_off_and_puts_it_on_again_is_one_person(
    detector: OpenedDetector, fps: float
) -> None:
    visits, tracks = people_in("mask-change.mp4", detector, fps)
    assert {track.track_id for _, track in tracks} == {1}
    assert len(visits) == 1
    states = [segment.state for segment in visits[0].segments]
    assert WITHOUT in states, "the person is judged without the mask as well"


@pytest.mark.parametrize("fps", [5, 10])
def test_three_people_stay_three_and_nobody_takes_another_s_place(detector: OpenedDetector, fps: float) -> None:
    visits, tracks = people_in("three-people.mp4", detector, fps)
    thirds = {track_id: Counter[int]() for track_id in {track.track_id for _, track in tracks}}
    for _, track in tracks:
        thirds[track.track_id][int((track.box.x1_px + track.box.x2_px) / 2 // 160)] += 1
    assert len(visits) == len(thirds) <= 3
    assert all(len(places) == 1 for places in thirds.values()), "each stays in a third of the picture"
