"""From the cameras to everybody who watches: pictures, states and events."""

import asyncio
import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.domain.account import Account
from monitor.domain.clock import Clock, utc_at
from monitor.domain.event import Event
from monitor.outputs.live_view import LivePicture, LiveView, Shape
from monitor.outputs.overlay import STALE_AFTER_S
from monitor.pipeline.camera import Camera
from monitor.web.values import camera_values, milliseconds, people

_log = logging.getLogger(__name__)

#: Pictures a second of one camera: what a wall needs, and what one large picture gets.
WALL_FPS, LARGE_FPS = 5.0, 15.0

#: Widths in which pictures can be had.
WIDTHS_PX = (320, 480, 640, 960, 1280)
_WALL_WIDTH_PX = 480

_STATES_EVERY_S = 1.0

#: A viewer who falls so many messages behind is let go: their page connects anew and starts from what is now.
_MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """In what shape a viewer wants a camera's picture."""

    camera: str
    shape: Shape

    @property
    def fps(self) -> float:
        """The most pictures a second."""
        return WALL_FPS if (self.shape.width_px or _WALL_WIDTH_PX + 1) <= _WALL_WIDTH_PX else LARGE_FPS


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A picture as viewers get it: as a JPEG, and with its header as a message."""

    number: int
    stale: bool
    jpeg: bytes
    message: bytes


class Viewer:
    """One page's end of the socket, used on the event loop alone.

    Of pictures the newest of each camera waits, whatever the viewer's speed; messages wait in their order.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.specs: frozenset[ViewSpec] = frozenset()
        self.seen: dict[str, float] = {}
        self.behind = False
        self._pictures: dict[ViewSpec, EncodedFrame] = {}
        self._messages: deque[str] = deque()
        self._changed = asyncio.Event()

    def offer(self, spec: ViewSpec, picture: EncodedFrame) -> None:
        """Put a camera's newest picture in the place of an older one."""
        self._pictures[spec] = picture
        self._changed.set()

    def say(self, message: Mapping[str, Any]) -> None:
        """Queue a message; for a viewer who is too far behind there is no more than waits already."""
        self.behind = self.behind or len(self._messages) >= _MOST_MESSAGES
        if not self.behind:
            self._messages.append(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        self._changed.set()

    async def next(self) -> str | tuple[ViewSpec, EncodedFrame]:
        """Wait for what is to be sent next: messages before pictures."""
        while True:
            if self._messages:
                return self._messages.popleft()
            if self._pictures:
                spec = next(iter(self._pictures))
                return spec, self._pictures.pop(spec)
            self._changed.clear()
            await self._changed.wait()

    def keep(self, specs: frozenset[ViewSpec]) -> None:
        """Watch these, and forget what waits of others."""
        self.specs = specs
        self._pictures = {spec: picture for spec, picture in self._pictures.items() if spec in specs}


@dataclass(frozen=True, slots=True)
class Sent:
    """What was last encoded of a spec, from which view, and when by the pace."""

    view: LiveView
    picture: LivePicture
    at_s: float

    def is_due(self, newest: int, now_s: float, fps: float) -> bool:
        """Return whether there is something new to show: another picture, or that this one has become old."""
        if newest == self.picture.number:
            return not self.picture.stale and now_s - self.picture.analysis.frame.time_s > STALE_AFTER_S
        return now_s - self.at_s >= 0.8 / fps


class Hub:
    """Brings what is new to every viewer.

    `encode` is the body of a thread that draws and encodes pictures, once for all who want the same, and only what
    somebody wants. `serve` is a task on the event loop, where viewers live. `tell` and `announce` may be called from
    any thread.
    """

    def __init__(
        self, cameras: Callable[[], list[Camera]], clock: Clock, on_event: Callable[[Event], Awaitable[None]]
    ) -> None:
        self._cameras = cameras
        self._on_event = on_event
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._viewers: set[Viewer] = set()
        self._told: set[asyncio.Task[None]] = set()
        self._new = threading.Event()
        self._wanted: frozenset[ViewSpec] = frozenset()
        self._newest: dict[ViewSpec, EncodedFrame] = {}
        self._failing: set[ViewSpec] = set()
        self._stopping = False

    @property
    def viewers(self) -> list[Viewer]:
        """Everybody who watches; to be asked on the event loop."""
        return list(self._viewers)

    def join(self, viewer: Viewer) -> None:
        """Take a viewer."""
        self._viewers.add(viewer)
        self._say_states([viewer])

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go."""
        self._viewers.discard(viewer)
        self._attach()

    def watch(self, viewer: Viewer, specs: frozenset[ViewSpec]) -> None:
        """Send a viewer these pictures from now on, the newest there is at once."""
        viewer.keep(frozenset(spec for spec in specs if viewer.account.sees(spec.camera)))
        self._attach()
        for spec in viewer.specs & self._newest.keys():
            viewer.offer(spec, self._newest[spec])
        self._new.set()

    def tell(self, event: Event) -> None:
        """Take an event that has been written down; `on_event` is then called with it on the event loop."""
        self._on_loop(self._react, event)

    def announce(self, camera: str, message: Mapping[str, Any]) -> None:
        """Send a message to everybody who may know of a camera; may be called from any thread."""
        self._on_loop(self._announce, camera, message)

    async def serve(self) -> None:
        """Say every second how the cameras are, until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self._attach()
                self._say_states(self.viewers)
                self._new.set()  # a camera that sends no more is drawn once again, grey
                await asyncio.sleep(_STATES_EVERY_S)
        finally:
            self._loop = None
            for camera in self._cameras():
                camera.view.on_new = None

    def encode(self) -> None:
        """Encode what is wanted, until `stop`.

        The thread is as nice as any other: with 16 cameras a nicer one cost nobody less, and pictures came later.
        """
        done: dict[ViewSpec, Sent] = {}
        while True:
            self._new.wait()
            self._new.clear()
            if self._stopping:
                return
            done = self.encode_new(done)

    def encode_new(self, done: "Mapping[ViewSpec, Sent]") -> "dict[ViewSpec, Sent]":
        """Encode and deliver what is wanted and new since `done`; return what has been done now."""
        wanted = self._wanted
        now_done = {spec: sent for spec, sent in done.items() if spec in wanted}
        by_name = {camera.name: camera for camera in self._cameras()}
        for spec in wanted:
            if (camera := by_name.get(spec.camera)) is not None:
                try:
                    self._encode(spec, camera, now_done)
                    self._failing.discard(spec)
                except Exception:  # noqa: BLE001 - one camera's odd picture is no reason to show nobody's; its tile greys out
                    if spec not in self._failing:
                        self._failing.add(spec)
                        _log.exception("%s: its picture cannot be drawn", spec.camera)
        return now_done

    def stop(self) -> None:
        """End `encode`."""
        self._stopping = True
        self._new.set()

    def _encode(self, spec: ViewSpec, camera: Camera, done: "dict[ViewSpec, Sent]") -> None:
        view, now_s = camera.view, self._clock.monotonic_s()
        last = done.get(spec)
        if last is not None and last.view is view and not last.is_due(view.number, now_s, spec.fps):
            return
        picture = view.picture(spec.shape)
        if picture is None:
            return
        # The pace is kept on average though looks do not come evenly.
        at_s = now_s - 0.2 / spec.fps if last is None else max(last.at_s + 1 / spec.fps, now_s - 0.2 / spec.fps)
        done[spec] = Sent(view, picture, at_s)
        shown = EncodedFrame(picture.number, picture.stale, picture.jpeg, packed(spec, picture, self._clock))
        self._on_loop(self._deliver, spec, shown)

    def _on_loop(self, call: Callable[..., None], *arguments: object) -> None:
        """Do something on the event loop, for as long as there is one."""
        if (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # it was closed this very moment
                loop.call_soon_threadsafe(call, *arguments)

    def _deliver(self, spec: ViewSpec, picture: EncodedFrame) -> None:
        if spec in self._wanted:
            self._newest[spec] = picture
        for viewer in self._viewers:
            if spec in viewer.specs:
                viewer.offer(spec, picture)

    def _attach(self) -> None:
        """Listen to the cameras that somebody watches; one that was set up anew is listened to from here on as well."""
        self._wanted = frozenset(spec for viewer in self._viewers for spec in viewer.specs)
        self._newest = {spec: picture for spec, picture in self._newest.items() if spec in self._wanted}
        names = {spec.camera for spec in self._wanted}
        for camera in self._cameras():
            camera.view.on_new = self._new.set if camera.name in names else None

    def _say_states(self, viewers: list[Viewer]) -> None:
        if not viewers:
            return
        now_s = self._clock.monotonic_s()
        values = {camera.name: camera_values(camera.status(now_s), now_s, self._clock) for camera in self._cameras()}
        for viewer in viewers:
            seen = [value for name, value in values.items() if viewer.account.sees(name)]
            viewer.say({"type": "cameras", "now_ms": milliseconds(self._clock.utc_now()), "cameras": seen})

    def _announce(self, camera: str, message: Mapping[str, Any]) -> None:
        for viewer in self.viewers:
            if viewer.account.sees(camera):
                viewer.say(message)

    def _react(self, event: Event) -> None:
        task = asyncio.ensure_future(self._on_event(event))
        self._told.add(task)
        task.add_done_callback(self._told.discard)


def packed(spec: ViewSpec, picture: LivePicture, clock: Clock) -> bytes:
    """Return a picture as it goes over the socket: two bytes with the header's length (big endian), header, JPEG.

    The header is JSON in UTF-8: camera, when it was captured (milliseconds since 1970, UTC), whether it was old when it
    was drawn, and how many people are in which state.
    """
    analysis = picture.analysis
    captured = analysis.frame.captured_at or utc_at(clock, analysis.frame.time_s)
    header = {
        "camera": spec.camera,
        "captured_ms": milliseconds(captured),
        "stale": picture.stale,
        "people": people(analysis),
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return len(text).to_bytes(2, "big") + text + picture.jpeg
