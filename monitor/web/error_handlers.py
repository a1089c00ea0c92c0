"""What is said of requests that fail, in the API's description and in fact."""

import logging
from typing import Any

from fastapi import FastAPI, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from monitor.domain.errors import MonitorError
from monitor.storage.database import reason
from monitor.web.security import HEADERS

_log = logging.getLogger(__name__)


class FailureOut(BaseModel):
    """Why a request was refused, in words."""

    detail: str


class WrongPartOut(BaseModel):
    """One part of a request that is wrong."""

    loc: list[str | int]
    msg: str
    type: str


class WrongOut(BaseModel):
    """What is wrong with a request: in words, or part by part."""

    detail: str | list[WrongPartOut]


_COMMON: dict[int | str, dict[str, Any]] = {
    400: {"description": "Not a request that can be read."},
    401: {"description": "Log in first."},
    403: {"description": "Comes from another site, or needs another role."},
    404: {"description": "There is no such thing, or none that the account may see."},
    405: {"description": "Not asked so."},
    408: {"description": "The body did not come in time."},
    409: {"description": "Does not fit what is there now."},
    413: {"description": "The body is too large."},
    421: {"description": "Asked under a name that is not this machine's."},
    429: {"description": "Too often; `Retry-After` says when to come again."},
    503: {"description": "The monitor cannot do this now; its log says why."},
}

#: Of every route.
RESPONSES: dict[int | str, dict[str, Any]] = {
    **{code: answer | {"model": FailureOut} for code, answer in _COMMON.items()},
    422: {"description": "A part of the request is wrong.", "model": WrongOut},
}


def add_error_handlers(app: FastAPI) -> None:
    """Make an application answer failures so; what was sent is not sent back, and no secret leaves with an error."""

    @app.exception_handler(RequestValidationError)
    async def wrong(_: Request, error: RequestValidationError) -> Response:
        parts = [{key: part[key] for key in ("loc", "msg", "type")} for part in error.errors()]
        return JSONResponse(WrongOut(detail=_printable(parts)).model_dump(), 422)

    @app.exception_handler(MonitorError)
    async def failed(_: Request, error: MonitorError) -> Response:
        _log.error("a request failed: %s", error)
        return _cannot()

    @app.exception_handler(DataError)
    async def unfit(_: Request, error: DataError) -> Response:
        _log.warning("a request was refused: %s", reason(error))
        return JSONResponse({"detail": "a value that the journal cannot hold"}, 422)

    @app.exception_handler(SQLAlchemyError)
    async def unread(_: Request, error: SQLAlchemyError) -> Response:
        _log.error("a request failed: journal: %s", reason(error))
        return _cannot()

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return JSONResponse({"detail": "the sender has left"}, status.HTTP_400_BAD_REQUEST)  # for nobody

    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> Response:
        return JSONResponse({"detail": "an error of the monitor's own; its log says which"}, 500, HEADERS)


def _cannot() -> Response:
    return JSONResponse(
        {"detail": "the monitor cannot do this now; its log says why"}, status.HTTP_503_SERVICE_UNAVAILABLE
    )


def _printable(parts: list[dict[str, Any]]) -> Any:
    """Return what is wrong without halves of characters, which cannot be sent."""
    return [part | {"loc": [_whole(key) for key in part["loc"]], "msg": _whole(part["msg"])} for part in parts]


def _whole(text: Any) -> Any:
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text
