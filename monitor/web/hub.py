"""Distributes pictures, states and events of the cameras to all viewers."""

import asyncio
import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.domain.account import Account
from monitor.domain.clock import Clock, utc_at
from monitor.domain.event import Event, IncidentClosed, IncidentOpened
from monitor.domain.health import CameraStatus
from monitor.domain.track import Analysis
from monitor.outputs.live_view import LivePicture, LiveView, LiveViews, Shape
from monitor.storage.incidents import Incident
from monitor.web.schemas import incident_message
from monitor.web.values import camera_values, milliseconds, people

_log = logging.getLogger(__name__)

#: Pictures per second of one camera: in a wall of cameras, and in one large picture.
WALL_FPS, LARGE_FPS = 5.0, 15.0

#: The available widths of pictures.
WIDTHS_PX = (320, 480, 640, 960, 1280)
_WALL_WIDTH_PX = 480

_STATES_EVERY_S = 1.0

#: A viewer with this many unsent messages is disconnected: the page reconnects and starts from the current state.
_MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """The form in which a viewer requests a camera's picture."""

    camera: str
    shape: Shape

    @property
    def fps(self) -> float:
        """The most pictures per second."""
        return WALL_FPS if (self.shape.width_px or _WALL_WIDTH_PX + 1) <= _WALL_WIDTH_PX else LARGE_FPS


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A picture for viewers: as a JPEG, and with its header as a message."""

    number: int
    stale: bool
    jpeg: bytes
    message: bytes


class Viewer:
    """The server side of one page's socket, used on the event loop only.

    Of each camera only the newest picture waits to be sent; messages wait in order.
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
        """Store a camera's newest picture in place of an older one."""
        self._pictures[spec] = picture
        self._changed.set()

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message; it is dropped if too many are waiting, and `behind` is set."""
        self.behind = self.behind or len(self._messages) >= _MOST_MESSAGES
        if not self.behind:
            self._messages.append(json.dumps(message, ensure_ascii=False, separators=(",", ":")))
        self._changed.set()

    async def next(self) -> str | tuple[ViewSpec, EncodedFrame]:
        """Wait for the next item to send, and return it: messages before pictures."""
        while True:
            if self._messages:
                return self._messages.popleft()
            if self._pictures:
                spec = next(iter(self._pictures))
                return spec, self._pictures.pop(spec)
            self._changed.clear()
            await self._changed.wait()

    def keep(self, specs: frozenset[ViewSpec]) -> None:
        """Set the requested pictures, and drop waiting ones of others."""
        self.specs = specs
        self._pictures = {spec: picture for spec, picture in self._pictures.items() if spec in specs}


@dataclass(frozen=True, slots=True)
class Sent:
    """The picture last encoded for a spec, its view, and its time in the schedule."""

    view: LiveView
    picture: LivePicture
    at_s: float

    def is_due(self, newest: int, now_s: float, fps: float) -> bool:
        """Return whether there is something new to show: another picture, or this one has become stale."""
        if newest == self.picture.number:
            analysis = self.picture.analysis
            return not self.picture.stale and analysis.is_stale(now_s - analysis.frame.time_s)
        return now_s - self.at_s >= 0.8 / fps


class Hub:
    """Sends new pictures, states and events to every viewer.

    `encode` is the body of a thread that draws and encodes requested pictures, once for all viewers of the same one.
    `serve` is a task on the event loop, where the viewers are used. `on_analysis`, `on_recorded` and `announce` may be
    called from any thread and never wait: the newest picture replaces an older one, and events wait on the event loop
    in order.

    `statuses` returns every camera's status, `find_incident` an incident by its id.
    """

    def __init__(
        self,
        statuses: Callable[[], list[CameraStatus]],
        views: LiveViews,
        clock: Clock,
        find_incident: Callable[[str], Incident | None],
    ) -> None:
        self._statuses = statuses
        self._views = views
        self._find_incident = find_incident
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._viewers: set[Viewer] = set()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._new = threading.Event()
        self._lock = threading.Lock()
        self._requested: frozenset[ViewSpec] = frozenset()
        self._watched: frozenset[str] = frozenset()
        self._newest: dict[ViewSpec, EncodedFrame] = {}
        self._failing: set[ViewSpec] = set()
        self._stopping = False

    @property
    def viewers(self) -> list[Viewer]:
        """All viewers; to be read on the event loop."""
        return list(self._viewers)

    def join(self, viewer: Viewer) -> None:
        """Add a viewer, and send the states of the cameras."""
        self._viewers.add(viewer)
        self._send_states([viewer])

    def leave(self, viewer: Viewer) -> None:
        """Remove a viewer."""
        self._viewers.discard(viewer)
        self._update_requested()

    def watch(self, viewer: Viewer, specs: frozenset[ViewSpec]) -> None:
        """Set the pictures that a viewer gets; the newest available ones are sent at once."""
        viewer.keep(frozenset(spec for spec in specs if viewer.account.sees(spec.camera)))
        self._update_requested()
        for spec in viewer.specs & self._newest.keys():
            viewer.offer(spec, self._newest[spec])
        self._new.set()

    def on_analysis(self, analysis: Analysis) -> None:
        """Wake the encoder if a viewer watches the camera of an analysis."""
        with self._lock:
            watched = analysis.frame.source_id in self._watched
        if watched:
            self._new.set()

    def on_recorded(self, event: Event) -> None:
        """Queue a recorded event: opened and closed incidents are sent to every page."""
        if isinstance(event, IncidentOpened | IncidentClosed):
            self._on_loop(self._events.put_nowait, event)

    def announce(self, camera: str, message: Mapping[str, Any]) -> None:
        """Send a message to every viewer that may see a camera; may be called from any thread."""
        self._on_loop(self._announce, camera, message)

    async def serve(self) -> None:
        """Send events, and every second the states of the cameras, until cancelled."""
        self._loop = asyncio.get_running_loop()
        sending = asyncio.create_task(self._send_incidents())
        try:
            while True:
                self._send_states(self.viewers)
                self._new.set()  # a camera without new frames is drawn once more, in grey
                await asyncio.sleep(_STATES_EVERY_S)
        finally:
            self._loop = None
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send_incidents(self) -> None:
        """Send incidents to the pages in the order in which they were recorded."""
        while True:
            event = await self._events.get()
            assert isinstance(event, IncidentOpened | IncidentClosed)
            try:
                incident = await asyncio.to_thread(self._find_incident, event.incident_id)
            except Exception:  # noqa: BLE001 - the journal cannot be read now; pages load the list later
                _log.exception("incident %s cannot be sent to the pages", event.incident_id)
                continue
            if incident is not None:
                self._announce(incident.camera, incident_message(incident))

    def encode(self) -> None:
        """Encode requested pictures until `stop`.

        The thread has normal priority: with 16 cameras a lower one saved no CPU time and delayed the pictures.
        """
        done: dict[ViewSpec, Sent] = {}
        while True:
            self._new.wait()
            self._new.clear()
            if self._stopping:
                return
            done = self.encode_new(done)

    def encode_new(self, done: "Mapping[ViewSpec, Sent]") -> "dict[ViewSpec, Sent]":
        """Encode and deliver the requested pictures that are new since `done`; return those encoded so far."""
        with self._lock:
            requested = self._requested
        now_done = {spec: sent for spec, sent in done.items() if spec in requested}
        for spec in requested:
            if (view := self._views.get(spec.camera)) is not None:
                try:
                    self._encode(spec, view, now_done)
                    self._failing.discard(spec)
                except Exception:  # noqa: BLE001 - one camera's faulty picture must not stop the others'
                    if spec not in self._failing:
                        self._failing.add(spec)
                        _log.exception("%s: the picture cannot be drawn", spec.camera)
        return now_done

    def stop(self) -> None:
        """End `encode`."""
        self._stopping = True
        self._new.set()

    def _encode(self, spec: ViewSpec, view: LiveView, done: "dict[ViewSpec, Sent]") -> None:
        now_s = self._clock.monotonic_s()
        last = done.get(spec)
        if last is not None and last.view is view and not last.is_due(view.number, now_s, spec.fps):
            return
        picture = view.picture(spec.shape)
        if picture is None:
            return
        # The rate is kept on average although analyses do not come at regular times.
        at_s = now_s - 0.2 / spec.fps if last is None else max(last.at_s + 1 / spec.fps, now_s - 0.2 / spec.fps)
        done[spec] = Sent(view, picture, at_s)
        shown = EncodedFrame(picture.number, picture.stale, picture.jpeg, packed(spec, picture, self._clock))
        self._on_loop(self._deliver, spec, shown)

    def _on_loop(self, call: Callable[..., None], *arguments: object) -> None:
        """Call a function on the event loop, if there is one."""
        if (loop := self._loop) is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed at this moment
                loop.call_soon_threadsafe(call, *arguments)

    def _deliver(self, spec: ViewSpec, picture: EncodedFrame) -> None:
        if spec in self._requested:
            self._newest[spec] = picture
        for viewer in self._viewers:
            if spec in viewer.specs:
                viewer.offer(spec, picture)

    def _update_requested(self) -> None:
        """Update the requested pictures of all viewers."""
        requested = frozenset(spec for viewer in self._viewers for spec in viewer.specs)
        self._newest = {spec: picture for spec, picture in self._newest.items() if spec in requested}
        with self._lock:
            self._requested, self._watched = requested, frozenset(spec.camera for spec in requested)

    def _send_states(self, viewers: list[Viewer]) -> None:
        if not viewers:
            return
        now_s = self._clock.monotonic_s()
        statuses = self._statuses()
        values = {
            role: {status.camera: camera_values(status, now_s, self._clock, role) for status in statuses}
            for role in {viewer.account.role for viewer in viewers}
        }
        for viewer in viewers:
            seen = [value for name, value in values[viewer.account.role].items() if viewer.account.sees(name)]
            viewer.send({"type": "cameras", "now_ms": milliseconds(self._clock.utc_now()), "cameras": seen})

    def _announce(self, camera: str, message: Mapping[str, Any]) -> None:
        for viewer in self.viewers:
            if viewer.account.sees(camera):
                viewer.send(message)


def packed(spec: ViewSpec, picture: LivePicture, clock: Clock) -> bytes:
    """Return the message of a picture: two bytes with the header's length (big endian), header, JPEG.

    The header is JSON in UTF-8: camera, when it was captured (milliseconds since 1970, UTC), whether it was stale when
    it was drawn, and the number of people in each state.
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
