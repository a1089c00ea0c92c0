"""The responses to failed requests, and their description in the API."""

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, status
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from monitor.domain.errors import MonitorError
from monitor.storage.database import reason
from monitor.web.security import HEADERS

_log = logging.getLogger(__name__)


class FailureOut(BaseModel):
    """Why a request was refused."""

    detail: str


class WrongPartOut(BaseModel):
    """One part of a request that is not valid."""

    loc: list[str | int]
    msg: str
    type: str


class WrongOut(BaseModel):
    """What is not valid in a request: one sentence, or a list of its parts."""

    detail: str | list[WrongPartOut]


_COMMON: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request cannot be read."},
    401: {"description": "Not logged in, or the token is not valid."},
    403: {"description": "The request comes from another site, or the account lacks the role."},
    404: {"description": "Not found, or not visible to this account."},
    405: {"description": "Method not allowed."},
    408: {"description": "The body did not arrive in time."},
    409: {"description": "The request does not fit the current state."},
    410: {"description": "It was erased."},
    413: {"description": "The body is too large."},
    421: {"description": "The host name is not one of this machine's."},
    429: {"description": "Too many requests; `Retry-After` has the seconds to wait."},
    503: {"description": "The monitor cannot do this now; its log has the cause."},
}

#: The error responses of all routes.
RESPONSES: dict[int | str, dict[str, Any]] = {
    **{code: answer | {"model": FailureOut} for code, answer in _COMMON.items()},
    422: {"description": "A part of the request is not valid.", "model": WrongOut},
}


def words_of(error: HTTPException) -> str:
    """Return why a request was refused, as a sentence even if it only repeats the status, such as "Not Found"."""
    standard = HTTPStatus(error.status_code).phrase
    return standard.capitalize() if error.detail == standard else str(error.detail)


def add_error_handlers(app: FastAPI) -> None:
    """Add the error responses to an application; they repeat no input and contain no secret."""

    @app.exception_handler(RequestValidationError)
    async def wrong(_: Request, error: RequestValidationError) -> Response:
        parts = [{key: part[key] for key in ("loc", "msg", "type")} for part in error.errors()]
        return JSONResponse(WrongOut(detail=_printable(parts)).model_dump(), 422)

    @app.exception_handler(MonitorError)
    async def failed(_: Request, error: MonitorError) -> Response:
        _log.error("request failed: %s", error)
        return _cannot()

    @app.exception_handler(DataError)
    async def unfit(_: Request, error: DataError) -> Response:
        _log.warning("request refused, a value is out of range: %s", reason(error))
        return JSONResponse({"detail": "a value is out of range"}, 422)

    @app.exception_handler(SQLAlchemyError)
    async def unread(_: Request, error: SQLAlchemyError) -> Response:
        _log.error("request failed: journal: %s", reason(error))
        return _cannot()

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return JSONResponse({"detail": "the client disconnected"}, status.HTTP_400_BAD_REQUEST)  # never received

    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> Response:
        return JSONResponse({"detail": "unexpected error; the monitor's log has the details"}, 500, HEADERS)


def _cannot() -> Response:
    return JSONResponse(
        {"detail": "the monitor cannot do this now; its log has the cause"}, status.HTTP_503_SERVICE_UNAVAILABLE
    )


def _printable(parts: list[dict[str, Any]]) -> Any:
    """Return faults without unpaired surrogates, which cannot be encoded."""
    return [part | {"loc": [_whole(key) for key in part["loc"]], "msg": _whole(part["msg"])} for part in parts]


def _whole(text: Any) -> Any:
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text
