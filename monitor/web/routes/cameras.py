"""Cameras: their state, a still picture, and a stream of pictures for other programs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response, status
from starlette.requests import Request
from starlette.responses import StreamingResponse

from monitor.domain.account import Account
from monitor.domain.health import CameraStatus
from monitor.outputs.live_view import Shape
from monitor.web.access import ServicesDep, Viewer, account_of, origin_of, require_camera, until_changed
from monitor.web.hub import WIDTHS_PX, ViewSpec
from monitor.web.hub import Viewer as Watcher
from monitor.web.schemas import CameraOut
from monitor.web.services import Services
from monitor.web.shares import FullError
from monitor.web.values import camera_values

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

Width = Annotated[
    int | None, Query(description=f"Width in pixels: {', '.join(map(str, WIDTHS_PX))}; default: the camera's own.")
]

_STREAM, _BOUNDARY = "multipart/x-mixed-replace", "picture"


@router.get("")
def cameras(account: Viewer, services: ServicesDep) -> list[CameraOut]:
    """The current state of every camera that the account may see."""
    now_s = services.clock.monotonic_s()
    return [_out(services, account, one, now_s) for one in services.monitor.statuses() if account.sees(one.camera)]


@router.get("/{name}")
def camera(name: str, account: Viewer, services: ServicesDep) -> CameraOut:
    """The current state of one camera."""
    found = services.monitor.status(name)
    require_camera(account, None if found is None else found.camera, "camera")
    assert found is not None
    return _out(services, account, found, services.clock.monotonic_s())


@router.get("/{name}/still.jpg", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def still(name: str, account: Viewer, services: ServicesDep, width: Width = None) -> Response:
    """The newest analysed picture with its people marked, as a JPEG; grey if it is stale. 503: no picture yet."""
    _check_camera(services, account, name)
    view = services.views.get(name)
    picture = None if view is None else view.picture(Shape(_known(width)))
    if picture is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "there is no picture yet")
    return Response(picture.jpeg, media_type="image/jpeg")


@router.get("/{name}/stream.mjpg", response_class=StreamingResponse, responses={200: {"content": {_STREAM: {}}}})
async def stream(
    name: str, request: Request, account: Viewer, services: ServicesDep, width: Width = None
) -> StreamingResponse:
    """A Motion JPEG stream for other programs; a slow reader gets fewer pictures, always the newest."""
    _check_camera(services, account, name)
    if not services.places.streams.has_room(account.name, origin_of(request)):
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "too many viewers")
    spec = ViewSpec(name, Shape(_known(width)))
    parts = _parts(services, request, Watcher(account), spec)
    return StreamingResponse(parts, media_type=f"{_STREAM}; boundary={_BOUNDARY}")


async def _parts(services: Services, request: Request, watcher: Watcher, spec: ViewSpec) -> AsyncIterator[bytes]:
    """Yield pictures until the reader disconnects, is too far behind, or loses its access."""
    place = services.places.streams.place(watcher.account.name, origin_of(request))
    with contextlib.suppress(FullError), place, contextlib.ExitStack() as joined:
        services.hub.join(watcher)
        joined.callback(services.hub.leave, watcher)
        checking = asyncio.create_task(until_changed(lambda: account_of(request) == watcher.account))
        joined.callback(checking.cancel)
        checking.add_done_callback(lambda _: watcher.send({"type": "ended"}))  # wakes the loop below
        services.hub.watch(watcher, frozenset({spec}))
        while not (watcher.behind or checking.done()):
            item = await watcher.next()
            if isinstance(item, str):
                continue  # states are for the socket
            jpeg = item[1].jpeg
            yield b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
                _BOUNDARY.encode(),
                len(jpeg),
                jpeg,
            )
            await asyncio.sleep(0)


def _check_camera(services: Services, account: Viewer, name: str) -> None:
    """Raise 404 if there is no such camera, or the account may not see it."""
    require_camera(account, name if name in services.monitor.names() else None, "camera")


def _known(width: int | None) -> int | None:
    if width is not None and width not in WIDTHS_PX:
        raise HTTPException(422, f"width: one of {', '.join(map(str, WIDTHS_PX))}")
    return width


def _out(services: Services, account: Account, status: CameraStatus, now_s: float) -> CameraOut:
    return CameraOut.model_validate(camera_values(status, now_s, services.clock, account.role))
