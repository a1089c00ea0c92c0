"""Photographs: an uploaded picture is returned with its faces marked."""

import asyncio
import base64
import binascii
import json
import math
import re

from fastapi import APIRouter, HTTPException, status
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from monitor.sources.picture_decoding import UnreadableError
from monitor.web.access import ServicesDep, Viewer, origin_of
from monitor.web.photo_service import CheckedPhoto
from monitor.web.schemas import FaceOut, PhotoIn, PhotoOut
from monitor.web.shares import FullError

router = APIRouter(tags=["photo"])

_PREFIX = re.compile(r"data:[\w.+/;=-]{0,100},")

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": PhotoIn.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


@router.post("/predict", openapi_extra=_BODY)
async def predict(request: Request, account: Viewer, services: ServicesDep) -> PhotoOut:
    """Find the faces in a picture and their mask states. Send JSON `{"image": "<base64>"}` or a form file `image`.

    413: too many bytes; 415: neither JSON nor a form; 422: not a picture, or one that takes too many pixels, too much
    memory or too much time; 429: too many pictures per minute; 503: too many pictures are waiting.
    """
    limits, origin = services.settings().web.photo, origin_of(request)
    if (wait_s := services.uploads.take(origin)) > 0:
        raise HTTPException(
            status.HTTP_429_TOO_MANY_REQUESTS,
            f"at most {limits.per_minute} pictures per minute",
            {"Retry-After": str(math.ceil(wait_s))},
        )
    try:
        with services.places.photos.place(account.name, origin):
            data = await _sent(request)
            if len(data) > limits.max_mb * 2**20:
                raise HTTPException(413, f"the picture is larger than {limits.max_mb:g} MB")
            return await asyncio.to_thread(_answer, await asyncio.wrap_future(services.photos.analyse(data)))
    except FullError as error:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, "too many pictures are waiting; try again", {"Retry-After": "2"}
        ) from error
    except UnreadableError as error:
        raise HTTPException(422, str(error)) from error


def _answer(photo: CheckedPhoto) -> PhotoOut:
    return PhotoOut(
        image=base64.b64encode(photo.jpeg).decode("ascii"),
        width_px=photo.image.shape[1],
        height_px=photo.image.shape[0],
        note=photo.note,
        detections=[
            FaceOut(
                state=face.state,
                score=round(face.score, 4),
                box_px=[round(side, 1) for side in (face.box.x1_px, face.box.y1_px, face.box.x2_px, face.box.y2_px)],
            )
            for face in photo.faces
        ],
    )


async def _sent(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await asyncio.to_thread(_decoded, await request.body())
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=1) as form:
            file = form.get("image")
            if not isinstance(file, UploadFile):
                raise HTTPException(422, "image: expected a file")
            return await file.read()
    raise HTTPException(415, "expected JSON or a form")


def _decoded(body: bytes) -> bytes:
    try:
        text = PhotoIn.model_validate(json.loads(body)).image
        prefix = _PREFIX.match(text)
        return base64.b64decode("".join(text[prefix.end() if prefix else 0 :].split()), validate=True)
    except (ValidationError, binascii.Error, ValueError, RecursionError) as error:
        raise HTTPException(422, 'expected {"image": "<base64>"}') from error
