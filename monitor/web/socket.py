"""The socket of a page: pictures, states, incidents, and the kiosk's verdict.

The page sends JSON, each message with any of these keys: `watch` (camera -> width, with `mirrored` and `words`),
`kiosk` (a camera), `ping` (any number, returned with the timestamp), `seen` (the age of pictures on arrival, for the
health page). The monitor sends JSON messages with a `type` (`cameras`, `incident`, `kiosk`, `pong`, and `warnings`: the
active ones, on connection and when they change), and pictures in the format of `monitor.web.hub.packed`. A paired kiosk
only gets its own camera's pictures, `kiosk` and `pong`.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.outputs.live_view import Shape
from monitor.rules.kiosk import Ruling, rule
from monitor.web.access import account_of, kiosk_of, origin_of, services_of, until_changed
from monitor.web.hub import WIDTHS_PX, Viewer, ViewSpec
from monitor.web.services import Services
from monitor.web.shares import FullError
from monitor.web.values import milliseconds

router = APIRouter()

#: Seconds after which a page that does not receive a message is disconnected.
_SEND_TIMEOUT_S = 10.0

#: The interval in seconds at which a kiosk gets its verdict, changed or not: without one it shows that it is stale.
_KIOSK_EVERY_S = 0.25

_MOST_BYTES = 32_768

#: Close codes of RFC 6455, and a private one for a session that has ended.
_POLICY, _TRY_LATER, _LOG_IN = 1008, 1013, 4401

Milliseconds = Annotated[float, Field(ge=-1e7, le=1e7)]


class ViewRequest(BaseModel):
    """The form in which a page requests a camera's picture."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    width: int
    mirrored: bool = False
    words: bool = True


class Seen(BaseModel):
    """A page's measurement over its last pictures: their age on arrival, and how many arrived per second."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    p50_ms: Milliseconds
    p95_ms: Milliseconds
    per_s: Annotated[float, Field(ge=0, le=1e5)]


class Request(BaseModel):
    """One message from a page."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    watch: Annotated[dict[str, ViewRequest], Field(max_length=256)] | None = None
    kiosk: Annotated[str, Field(max_length=64)] | None = None
    ping: Annotated[float, Field(ge=0)] | None = None
    seen: Seen | None = None


@router.websocket("/api/v1/live")
async def live(socket: WebSocket) -> None:
    """Serve one page until it disconnects, is too slow, or its session ends."""
    services = services_of(socket)
    viewer = await asyncio.to_thread(_viewer_of, socket)
    await socket.accept()
    if viewer is None:
        await socket.close(_LOG_IN, "log in first")
        return
    try:
        with services.places.sockets.place(viewer.account.name, origin_of(socket)):
            services.hub.join(viewer)
            try:
                await _Page(socket, services, viewer).serve()
            finally:
                services.hub.leave(viewer)
    except FullError:
        await socket.close(_TRY_LATER, "too many viewers")


class _KioskViewer(Viewer):
    """The viewer of a paired kiosk: it gets its camera's picture and verdict, and no other message."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message if it is for kiosks."""
        if message["type"] in ("kiosk", "pong"):
            super().send(message)


def _viewer_of(socket: WebSocket) -> Viewer | None:
    """Return the viewer of a socket's account or paired kiosk, None if it has neither."""
    if (account := account_of(socket)) is not None:
        return Viewer(account)
    if (token := kiosk_of(socket)) is not None:
        return _KioskViewer(token.account)
    return None


class _Page:
    def __init__(self, socket: WebSocket, services: Services, viewer: Viewer) -> None:
        self.viewer = viewer
        self._socket = socket
        self._services = services
        self._kiosk: str | None = None

    async def serve(self) -> None:
        """Run all tasks until one of them ends."""
        tasks = [asyncio.create_task(body) for body in (self._send(), self._receive(), self._check(), self._rule())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            while not self.viewer.behind:
                item = await self.viewer.next()
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    if isinstance(item, str):
                        await self._socket.send_text(item)
                    else:
                        await self._socket.send_bytes(item[1].message)

    async def _receive(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text") or ""
                try:
                    request = Request.model_validate_json(text if len(text) <= _MOST_BYTES else "")
                except ValidationError:
                    await self._socket.close(_POLICY, "not a message of this socket")
                    return
                self._take(request)

    def _take(self, request: Request) -> None:
        viewer = self.viewer
        if request.watch is not None:
            specs = frozenset(ViewSpec(name, _shape(request)) for name, request in request.watch.items())
            self._services.hub.watch(viewer, specs)
        if request.kiosk is not None:
            self._kiosk = request.kiosk if viewer.account.sees(request.kiosk) else None
        if request.ping is not None:
            now_ms = milliseconds(self._services.clock.utc_now())
            viewer.send({"type": "pong", "ping": request.ping, "now_ms": now_ms})
        if request.seen is not None:
            viewer.seen = request.seen.model_dump()

    async def _check(self) -> None:
        """Close the socket when its session or token has ended, or its rights have changed."""
        await until_changed(self._is_allowed)
        with contextlib.suppress(RuntimeError):
            await self._socket.close(_LOG_IN, "the session has ended")

    def _is_allowed(self) -> bool:
        now = _viewer_of(self._socket)
        return now is not None and (type(now), now.account) == (type(self.viewer), self.viewer.account)

    async def _rule(self) -> None:
        """Send a kiosk its verdict."""
        ruling: Ruling | None = None
        while True:
            await asyncio.sleep(_KIOSK_EVERY_S)
            if self._kiosk is None:
                continue
            now_s, status = self._services.clock.monotonic_s(), self._services.monitor.status(self._kiosk)
            ruling = rule(status, now_s, ruling)
            analysis = None if status is None else status.analysis
            message: dict[str, object] = {"type": "kiosk", "verdict": ruling.verdict.value}
            if analysis is not None:
                message["age_ms"] = round(1000 * (now_s - analysis.frame.time_s))
                message["stale_after_ms"] = round(1000 * analysis.freshness.limit_s)
            self.viewer.send(message)


def _shape(request: ViewRequest) -> Shape:
    """Return the shape of a request, with the next larger available width; pages need no banner."""
    width_px = next((width for width in WIDTHS_PX if width >= request.width), WIDTHS_PX[-1])
    return Shape(width_px, request.mirrored, banner=False, words=request.words)
