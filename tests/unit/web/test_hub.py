"""From the cameras to everybody who watches, without a thread: what the encoding thread does, the test does itself."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest

from monitor.config.overlay import OverlaySettings
from monitor.domain.account import Account, Role
from monitor.domain.event import CloseReason, IncidentClosed, SourceOpened
from monitor.domain.frame import Frame, SourceInfo
from monitor.domain.freshness import DEFAULT_STALE_AFTER_S
from monitor.domain.health import CameraStatus
from monitor.domain.track import Analysis
from monitor.outputs.live_view import LivePicture, LiveViews, Shape
from monitor.pipeline.camera import Camera
from monitor.storage.incidents import Incident
from monitor.web.hub import _MOST_MESSAGES, EncodedFrame, Hub, Sent, Viewer, ViewSpec, packed
from tests.fakes import FACE, WITHOUT, FakeClock, analysis, flat, track
from tests.unit.pipeline.watched import BARE, SHARP, frame_at, watched

EVERYBODY = Account("ada", Role.ADMIN)
DOOR_ONLY = Account("doris", Role.VIEWER, frozenset({"door"}))
INFO = SourceInfo(320, 240, 10.0, None, "h264", live=True)
CLOSED = IncidentClosed("door-1", "door", 1, 10.0, 5.0, CloseReason.GONE)
DOOR, YARD = ViewSpec("door", Shape(320)), ViewSpec("yard", Shape(320))


class Room:
    """Cameras, a hub, and the encoding thread's work done when a test asks for it."""

    def __init__(self) -> None:
        self.clock = FakeClock(100.0)
        self.asked: list[str] = []
        self.views = LiveViews(lambda _: OverlaySettings(), lambda _: (10.0, 10.0), self.clock)
        self.hub = Hub(self.statuses, self.views, self.clock, self._find)
        self.cameras = [self.camera("door"), self.camera("yard")]
        self._done: Mapping[ViewSpec, Sent] = {}

    def camera(self, name: str) -> Camera:
        camera = watched(lambda _: None, self.clock, name, self._on_analysis)
        camera.connected(INFO, self.clock.now_s)
        return camera

    def statuses(self) -> list[CameraStatus]:
        return [camera.session.status(self.clock.now_s) for camera in self.cameras]

    def look(self, number: int = 0) -> None:
        camera = self.cameras[number]
        frame = replace(frame_at(self.clock.now_s, SHARP), source_id=camera.name)
        camera.session.arrived(frame.time_s, 0.0)
        epoch = camera.accept_frame(frame)
        if epoch is not None:
            camera.analyse(frame, epoch, [BARE], 0.01, {})

    async def encode(self) -> None:
        """Encode what is wanted, and let it arrive."""
        self._done = self.hub.encode_new(self._done)
        await asyncio.sleep(0)

    def encoded(self) -> list[int]:
        views = [self.views.get(camera.name) for camera in self.cameras]
        return [0 if view is None else view.encoded for view in views]

    def _on_analysis(self, analysis: Analysis) -> None:
        self.views.publish(analysis)
        self.hub.on_analysis(analysis)

    def _find(self, incident_id: str) -> Incident | None:
        self.asked.append(incident_id)
        return None


def run(body: Callable[[Room], Awaitable[None]]) -> None:
    """Do something while a hub is at work."""

    async def all_of_it() -> None:
        room = Room()
        serving = asyncio.create_task(room.hub.serve())
        await asyncio.sleep(0)
        try:
            await body(room)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(all_of_it())


def waiting(viewer: Viewer) -> list[Any]:
    """Return what waits for a viewer, without waiting: messages as they are said, and specs with their pictures."""
    items: list[Any] = []

    async def take() -> None:
        while True:
            items.append(await viewer.next())

    taking = take()
    taking.send(None)  # runs to where it would wait
    taking.close()
    return [json.loads(item) if isinstance(item, str) else item for item in items]


def pictures(viewer: Viewer) -> list[tuple[ViewSpec, EncodedFrame]]:
    return [item for item in waiting(viewer) if isinstance(item, tuple)]


def messages(viewer: Viewer, kind: str) -> list[dict[str, Any]]:
    return [item for item in waiting(viewer) if isinstance(item, dict) and item["type"] == kind]


def test_a_viewer_has_the_newest_picture_alone():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR}))
        for _ in range(10):
            room.clock.advance(0.5)
            room.look()
            await room.encode()
        ((spec, picture),) = pictures(viewer)
        assert spec == DOOR
        assert picture.number == 10
        assert pictures(viewer) == []

    run(body)


def test_messages_come_before_pictures_and_in_their_order():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        viewer.offer(DOOR, shown(1))
        for number in range(3):
            viewer.send({"type": "n", "number": number})
        items = waiting(viewer)
        assert [item["number"] for item in items[:3]] == [0, 1, 2]
        assert items[3][0] == DOOR

    run(body)


def shown(number: int) -> EncodedFrame:
    return EncodedFrame(number, False, b"jpeg", b"..jpeg")


def picture_of(number: int, *, stale: bool = False) -> LivePicture:
    return LivePicture(number, b"jpeg", analysis(flat(8, 8)), stale)


def test_what_is_watched_no_longer_is_forgotten():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        viewer.keep(frozenset({DOOR, YARD}))
        viewer.offer(DOOR, shown(1))
        viewer.offer(YARD, shown(1))
        viewer.keep(frozenset({YARD}))
        assert [spec for spec, _ in pictures(viewer)] == [YARD]

    run(body)


def test_a_viewer_waits_until_there_is_something():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        waits = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        assert not waits.done()
        viewer.send({"type": "n"})
        assert json.loads(await waits) == {"type": "n"}

    run(body)


def test_a_viewer_who_takes_nothing_holds_a_bounded_heap_and_is_let_go():
    async def body(room: Room) -> None:
        viewer, quick = Viewer(EVERYBODY), Viewer(EVERYBODY)
        for each in (viewer, quick):
            room.hub.join(each)
            room.hub.watch(each, frozenset({DOOR}))
        for number in range(20 * _MOST_MESSAGES):
            room.hub.announce("door", {"type": "incident", "number": number})
            await asyncio.sleep(0)
            waiting(quick)
        assert viewer.behind
        assert not quick.behind
        assert len(viewer._messages) <= _MOST_MESSAGES

    run(body)


def test_who_was_behind_is_not_taken_back():
    """Their page has missed something: it connects anew, and starts from what is now."""

    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        for number in range(_MOST_MESSAGES + 1):
            viewer.send({"number": number})
        waiting(viewer)
        viewer.send({"number": -1})
        assert viewer.behind

    run(body)


def test_slow_viewers_share_the_picture_that_waits_for_them():
    async def body(room: Room) -> None:
        slow = [Viewer(EVERYBODY) for _ in range(100)]
        for viewer in slow:
            room.hub.join(viewer)
            room.hub.watch(viewer, frozenset({DOOR}))
        for _ in range(10):
            room.clock.advance(0.5)
            room.look()
            await room.encode()
        assert room.encoded() == [10, 0]
        newest = [pictures(viewer) for viewer in slow]
        assert {len(each) for each in newest} == {1}
        assert len({id(each[0][1]) for each in newest}) == 1

    run(body)


def test_a_limited_viewer_gets_nothing_of_other_cameras():
    async def body(room: Room) -> None:
        viewer = Viewer(DOOR_ONLY)
        room.hub.join(viewer)
        room.hub.watch(
            viewer,
            frozenset({DOOR, YARD, ViewSpec("yard", Shape(640, mirrored=True)), ViewSpec("nowhere", Shape(320))}),
        )
        for number in range(2):
            room.look(number)
        await room.encode()
        room.hub.announce("yard", {"type": "incident", "of": "yard"})
        room.hub.announce("door", {"type": "incident", "of": "door"})
        await asyncio.sleep(0)
        items = waiting(viewer)
        assert [item[0] for item in items if isinstance(item, tuple)] == [DOOR]
        assert [item["of"] for item in items if isinstance(item, dict) and "of" in item] == ["door"]
        assert "yard" not in json.dumps([item for item in items if isinstance(item, dict)])
        assert room.encoded() == [1, 0]
        assert viewer.specs == {DOOR}

    run(body)


def test_nothing_is_encoded_for_nobody():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.look()
        await room.encode()
        assert room.encoded() == [0, 0]
        room.hub.watch(viewer, frozenset({DOOR}))
        await room.encode()
        assert room.encoded() == [1, 0]
        room.hub.leave(viewer)
        room.clock.advance(1)
        room.look()
        await room.encode()
        assert room.encoded() == [1, 0]

    run(body)


def test_the_newest_there_is_comes_at_once():
    async def body(room: Room) -> None:
        room.look()
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR}))
        await room.encode()
        assert [picture.number for _, picture in pictures(viewer)] == [1]

    run(body)


@pytest.mark.parametrize(("width_px", "most"), [(320, 5), (480, 5), (640, 15), (1280, 15)])
def test_a_wall_gets_five_a_second_and_a_large_picture_fifteen(width_px: int, most: int):
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({ViewSpec("door", Shape(width_px))}))
        for _ in range(300):
            room.clock.advance(1 / 30)
            room.look()
            await room.encode()
        assert 0.8 * most <= room.encoded()[0] / 10 <= 1.1 * most

    run(body)


def test_each_shape_is_encoded_for_itself_and_once():
    async def body(room: Room) -> None:
        viewers = [Viewer(EVERYBODY) for _ in range(3)]
        specs = [DOOR, DOOR, ViewSpec("door", Shape(320, mirrored=True))]
        for viewer, spec in zip(viewers, specs, strict=True):
            room.hub.join(viewer)
            room.hub.watch(viewer, frozenset({spec}))
        room.look()
        await room.encode()
        assert room.encoded() == [2, 0]
        assert [pictures(viewer)[0][0] for viewer in viewers] == specs

    run(body)


def test_a_camera_that_sends_no_more_is_shown_grey_once():
    """An embedded stream has no page around it that could say how old the picture is."""

    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR}))
        room.look()
        await room.encode()
        assert [picture.stale for _, picture in pictures(viewer)] == [False]
        room.clock.advance(DEFAULT_STALE_AFTER_S + 0.1)
        for _ in range(3):
            await room.encode()
            room.clock.advance(1)
        assert [picture.stale for _, picture in pictures(viewer)] == [True]
        assert room.encoded() == [2, 0]
        room.look()
        await room.encode()
        assert [picture.stale for _, picture in pictures(viewer)] == [False]

    run(body)


def test_a_camera_that_was_set_up_anew_is_listened_to_again():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR}))
        room.look()
        await room.encode()
        pictures(viewer)
        room.views.forget("door")
        room.cameras[0] = room.camera("door")
        room.look()
        await room.encode()
        assert [picture.number for _, picture in pictures(viewer)] == [1]

    run(body)


def test_a_camera_that_is_gone_harms_nobody():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR, YARD}))
        room.cameras.pop()
        room.look()
        await room.encode()
        assert [spec for spec, _ in pictures(viewer)] == [DOOR]

    run(body)


def test_a_picture_that_cannot_be_drawn_keeps_no_other_from_being_shown(caplog: pytest.LogCaptureFixture):
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR, YARD}))
        empty = analysis(np.zeros((0, 0, 3), np.uint8))
        room.views.publish(replace(empty, frame=replace(empty.frame, source_id="yard")))
        for _ in range(3):
            room.clock.advance(0.5)
            room.look()
            await room.encode()
        assert [spec for spec, _ in pictures(viewer)] == [DOOR]

    run(body)
    assert [record.getMessage() for record in caplog.records] == ["yard: the picture cannot be drawn"]


def test_who_joins_is_told_how_the_cameras_are():
    async def body(room: Room) -> None:
        room.look()
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        (said,) = messages(viewer, "cameras")
        assert [camera["name"] for camera in said["cameras"]] == ["door", "yard"]
        assert said["now_ms"] == datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000

    run(body)


def test_events_and_messages_pass_while_the_hub_serves_and_are_nobodys_before_and_after():
    async def body(room: Room) -> None:
        room.hub.on_recorded(SourceOpened("door", 0.0, 320, 240))
        room.hub.on_recorded(CLOSED)
        for _ in range(100):
            await asyncio.sleep(0.001)
            if room.asked:
                break
        assert room.asked == ["door-1"], "of incidents alone"

    run(body)
    room = Room()
    room.hub.on_recorded(CLOSED)
    room.hub.announce("door", {"type": "x"})
    assert room.asked == []


def test_an_event_for_a_loop_that_has_just_closed_does_no_harm():
    """The recording thread must not die of it."""
    room = Room()

    async def start() -> None:
        room.hub._loop = asyncio.get_running_loop()

    asyncio.run(start())
    room.hub.on_recorded(CLOSED)
    assert room.asked == []


def test_a_packed_picture_can_be_taken_apart():
    clock = FakeClock(50.0)
    frame = Frame(flat(8, 8), "Tür", 1, 49.5, None)
    judged = analysis(flat(8, 8), track(WITHOUT, FACE))
    data = packed(
        ViewSpec("Tür", Shape(320)), LivePicture(1, b"\xff\xd8jpeg", replace(judged, frame=frame), stale=False), clock
    )
    length = int.from_bytes(data[:2], "big")
    header = json.loads(data[2 : 2 + length])
    assert data[2 + length :] == b"\xff\xd8jpeg"
    assert header["camera"] == "Tür"
    assert header["stale"] is False
    assert header["captured_ms"] == datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000 - 500
    assert header["people"]["without_mask"] == 1


def test_a_header_takes_the_longest_name_there_can_be():
    data = packed(ViewSpec("\U0001f600" * 64, Shape(320)), picture_of(1, stale=True), FakeClock())
    length = int.from_bytes(data[:2], "big")
    assert json.loads(data[2 : 2 + length])["stale"] is True


def test_a_packed_picture_is_the_jpeg_that_was_drawn():
    async def body(room: Room) -> None:
        viewer = Viewer(EVERYBODY)
        room.hub.join(viewer)
        room.hub.watch(viewer, frozenset({DOOR}))
        room.look()
        await room.encode()
        ((_, picture),) = pictures(viewer)
        jpeg = picture.message[2 + int.from_bytes(picture.message[:2], "big") :]
        assert jpeg == picture.jpeg
        assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (240, 320, 3)

    run(body)
