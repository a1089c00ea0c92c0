import threading

import cv2
import numpy as np

from monitor.config.overlay import OverlaySettings
from monitor.domain.frame import Frame
from monitor.domain.track import Analysis
from monitor.outputs.live_view import LivePicture, LiveView
from monitor.outputs.overlay import Caption
from tests.fakes import FakeClock


def analysis_at(time_s: float) -> Analysis:
    return Analysis(Frame(np.full((72, 128, 3), 90, np.uint8), "door", 0, time_s, None), (), 0.01, 0.0)


def view_at(clock: FakeClock) -> LiveView:
    return LiveView(OverlaySettings(), lambda analysis: Caption("door", ""), clock)


def test_nothing_is_encoded_for_nobody():
    view = view_at(FakeClock())
    for number in range(100):
        view.publish(analysis_at(number / 10))
    assert view.encoded == 0


def test_a_picture_is_encoded_once_however_many_watch():
    view = view_at(FakeClock())
    view.publish(analysis_at(0.0))
    start = threading.Barrier(8)
    seen: list[LivePicture | None] = []

    def look() -> None:
        start.wait()
        seen.append(view.next(after=0, timeout_s=5))

    viewers = [threading.Thread(target=look) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert view.encoded == 1
    assert len({id(picture) for picture in seen}) == 1
    assert seen[0] is not None
    assert cv2.imdecode(np.frombuffer(seen[0].jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (72, 128, 3)


def test_a_slow_viewer_gets_the_newest_and_not_a_queue():
    view = view_at(FakeClock())
    for number in range(1, 6):
        view.publish(analysis_at(number / 10))
    picture = view.next(after=1, timeout_s=5)
    assert picture is not None
    assert (picture.number, picture.analysis.frame.time_s) == (5, 0.5)
    assert view.next(after=picture.number, timeout_s=0.01) is None, "nothing newer, and no old one again"


def test_who_waits_is_woken_by_the_next_picture():
    view = view_at(FakeClock())
    view.publish(analysis_at(0.0))
    got: list[LivePicture | None] = []
    with view.watching():
        assert view.watched
        viewer = threading.Thread(target=lambda: got.append(view.next(after=1, timeout_s=10)))
        viewer.start()
        view.publish(analysis_at(0.1))
        viewer.join()
    assert not view.watched
    assert got[0] is not None
    assert got[0].number == 2


def test_an_old_picture_is_drawn_grey():
    clock = FakeClock(10.0)
    view = view_at(clock)
    picture = np.zeros((72, 128, 3), np.uint8)
    picture[..., 2] = 255
    view.publish(Analysis(Frame(picture, "door", 0, 10.0, None), (), 0.01, 0.0))
    fresh = view.next(after=0, timeout_s=1)
    view.publish(Analysis(Frame(picture, "door", 0, 10.0, None), (), 0.01, 0.0))
    clock.advance(5)
    stale = view.next(after=1, timeout_s=1)
    colours = []
    for shown in (fresh, stale):
        assert shown is not None
        image = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
        colours.append(abs(image[60, 64, 2] - image[60, 64, 0]))
    assert colours[0] > 150
    assert colours[1] < 10
