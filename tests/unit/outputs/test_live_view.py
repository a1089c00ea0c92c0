import threading
from dataclasses import replace

import cv2
import numpy as np

from monitor.config.overlay import OverlaySettings
from monitor.domain.frame import Frame
from monitor.domain.geometry import Box
from monitor.domain.track import Analysis, Track
from monitor.outputs.live_view import LivePicture, LiveView, LiveViews, Shape
from tests.fakes import WITH, FakeClock


def analysis_at(time_s: float) -> Analysis:
    return Analysis(Frame(np.full((72, 128, 3), 90, np.uint8), "door", 0, time_s, None), (), 0.01, 0.0)


def decoded(picture: LivePicture | None) -> np.ndarray:
    assert picture is not None
    image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(image)


def view_at(clock: FakeClock) -> LiveView:
    return LiveView(OverlaySettings, lambda: (10.0, 10.0), clock)


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
        seen.append(view.picture(Shape()))

    viewers = [threading.Thread(target=look) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    assert view.encoded == 1
    assert len({id(picture) for picture in seen}) == 1
    assert seen[0] is not None
    assert cv2.imdecode(np.frombuffer(seen[0].jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (72, 128, 3)


def test_who_asks_late_gets_the_newest_and_not_a_queue():
    view = view_at(FakeClock())
    assert view.picture(Shape()) is None
    for number in range(1, 6):
        view.publish(analysis_at(number / 10))
    picture = view.picture(Shape())
    assert picture is not None
    assert (picture.number, picture.analysis.frame.time_s) == (view.number, 0.5)


def test_each_camera_has_a_view_of_its_own_from_its_first_analysis_on():
    views = LiveViews(lambda _: OverlaySettings(), lambda _: (10.0, 10.0), FakeClock())
    assert views.get("door") is None
    views.publish(analysis_at(0.0))
    views.publish(analysis_at(0.1))
    door = views.get("door")
    assert door is not None
    assert (door.number, views.get("yard"), views.encoded()) == (2, None, 0)
    door.picture(Shape())
    assert views.encoded() == 1
    views.forget("door")
    views.forget("yard")
    assert views.get("door") is None, "what a camera showed before it was set up anew is not shown"


def test_the_overlay_is_that_of_the_settings_in_effect():
    overlays = [OverlaySettings(banner=True)]
    view = LiveView(lambda: overlays[-1], lambda: (10.0, 10.0), FakeClock())
    view.publish(analysis_at(0.0))
    before = decoded(view.picture(Shape()))
    overlays.append(OverlaySettings(banner=False))
    view.publish(analysis_at(0.0))
    assert (decoded(view.picture(Shape())) != before).any()


def test_each_width_is_encoded_once_and_boxes_stay_where_they_are():
    view = view_at(FakeClock())
    face = Track(1, Box(32, 18, 64, 54), WITH, 0.9, 0.0, 0.0, 3)
    view.publish(replace(analysis_at(0.0), tracks=(face,)))
    small, again = view.picture(Shape(64)), view.picture(Shape(64))
    assert (view.encoded, again) == (1, small)
    image = decoded(small)
    assert image.shape == (36, 64, 3)
    assert np.ptp(image[18, 16].astype(int)) > 40, "the outline of the face is at half its place"
    assert view.picture(Shape(4000)) is not small
    assert decoded(view.picture(Shape(4000))).shape == (72, 128, 3), "never enlarged"


def test_an_old_picture_is_drawn_grey():
    clock = FakeClock(10.0)
    view = view_at(clock)
    picture = np.zeros((72, 128, 3), np.uint8)
    picture[..., 2] = 255
    view.publish(Analysis(Frame(picture, "door", 0, 10.0, None), (), 0.01, 0.0))
    fresh = view.picture(Shape())
    clock.advance(5)
    stale = view.picture(Shape())
    colours = []
    for shown in (fresh, stale):
        assert shown is not None
        image = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR).astype(int)
        colours.append(abs(image[60, 64, 2] - image[60, 64, 0]))
    assert colours[0] > 150
    assert colours[1] < 10
