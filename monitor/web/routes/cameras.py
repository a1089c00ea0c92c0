"""Cameras: how they are, a still, and a stream of pictures for embedding elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response, status
from starlette.requests import Request
from starlette.responses import StreamingResponse

from monitor.domain.health import CameraStatus
from monitor.outputs.live_view import Shape
from monitor.web.access import CHECK_EVERY_S, Given, Viewer, account_of, seen
from monitor.web.hub import WIDTHS_PX, ViewSpec
from monitor.web.hub import Viewer as Watcher
from monitor.web.schemas import CameraOut
from monitor.web.services import Services
from monitor.web.values import camera_values

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

Width = Annotated[
    int | None, Query(description=f"Width in pixels: {', '.join(map(str, WIDTHS_PX))}; the camera's own.")
]

_STREAM, _BOUNDARY = "multipart/x-mixed-replace", "picture"
_MOST_STREAMS = 64


@router.get("")
def cameras(account: Viewer, given: Given) -> list[CameraOut]:
    """Every camera that the account sees, as it is now."""
    now_s = given.clock.monotonic_s()
    return [_out(given, one, now_s) for one in given.monitor.statuses() if account.sees(one.camera)]


@router.get("/{name}")
def camera(name: str, account: Viewer, given: Given) -> CameraOut:
    """One camera as it is now."""
    found = given.monitor.status(name)
    seen(account, None if found is None else found.camera, "camera")
    assert found is not None
    return _out(given, found, given.clock.monotonic_s())


@router.get("/{name}/still.jpg", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def still(name: str, account: Viewer, given: Given, width: Width = None) -> Response:
    """The newest judged picture with its people, as a JPEG; grey where it is old. 503 before the first."""
    _check_camera(given, account, name)
    view = given.views.get(name)
    picture = None if view is None else view.picture(Shape(_known(width)))
    if picture is None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "there is no picture yet")
    return Response(picture.jpeg, media_type="image/jpeg")


@router.get("/{name}/stream.mjpg", response_class=StreamingResponse, responses={200: {"content": {_STREAM: {}}}})
async def stream(name: str, request: Request, account: Viewer, given: Given, width: Width = None) -> StreamingResponse:
    """Motion JPEG, for embedding elsewhere: as many pictures as the reader takes, the newest each time."""
    _check_camera(given, account, name)
    if len(given.hub.viewers) >= _MOST_STREAMS:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "too many viewers")
    spec = ViewSpec(name, Shape(_known(width)))
    parts = _parts(given, request, Watcher(account), spec)
    return StreamingResponse(parts, media_type=f"{_STREAM}; boundary={_BOUNDARY}")


async def _parts(given: Services, request: Request, watcher: Watcher, spec: ViewSpec) -> AsyncIterator[bytes]:
    """Yield pictures until the reader leaves, is too far behind, or may see them no longer."""
    given.hub.join(watcher)
    try:
        given.hub.watch(watcher, frozenset({spec}))
        checked_s = given.clock.monotonic_s()
        while not watcher.behind:
            item = await watcher.next()
            if given.clock.monotonic_s() - checked_s >= CHECK_EVERY_S:
                checked_s = given.clock.monotonic_s()
                if await asyncio.to_thread(account_of, request) != watcher.account:
                    return
            if isinstance(item, str):
                continue  # states are for the socket; they come every second, so that the above is done in time
            jpeg = item[1].jpeg
            yield b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (
                _BOUNDARY.encode(),
                len(jpeg),
                jpeg,
            )
            await asyncio.sleep(0)
    finally:
        given.hub.leave(watcher)


def _check_camera(given: Services, account: Viewer, name: str) -> None:
    """Raise 404 where there is no such camera, or the account does not see it."""
    seen(account, name if name in given.monitor.names() else None, "camera")


def _known(width: int | None) -> int | None:
    if width is not None and width not in WIDTHS_PX:
        raise HTTPException(422, f"width: one of {', '.join(map(str, WIDTHS_PX))}")
    return width


def _out(given: Services, status: CameraStatus, now_s: float) -> CameraOut:
    return CameraOut.model_validate(camera_values(status, now_s, given.clock))
