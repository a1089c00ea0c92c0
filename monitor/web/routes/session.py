"""Logging in and out."""

import asyncio
import math
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.web.access import (
    KIOSK_OR_VIEWER,
    ServicesDep,
    Viewer,
    address_of,
    end_session,
    is_secure,
    origin_of,
    renew_session,
)
from monitor.web.addresses import Addresses
from monitor.web.schemas import AddressOut, LogIn, Me
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["session"])

#: Seconds after which a full queue of passwords to check has certainly moved on.
_FULL_S = 2


@router.get("/me")
def me(request: Request, response: Response, account: Viewer) -> Me:
    """The account that sends this request. It also extends its session to the full time."""
    renew_session(request, response)
    return _me(account)


@router.post("/session")
async def log_in(body: LogIn, request: Request, response: Response, services: ServicesDep) -> Me:
    """Log in, which sets a session cookie. 401: wrong name or password; 429: too many attempts, with `Retry-After`."""
    address, origin = address_of(request), origin_of(request)
    device = services.device_cookie.device(request.cookies, body.name)
    # Nothing may be awaited between these and the check's start: attempts at the same time would not be counted.
    if services.passwords.is_full(known_device=device is not None):
        raise _too_many(_FULL_S, "too many people are logging in")
    if (wait_s := math.ceil(services.logins.take(origin, body.name, device))) > 0:
        raise _too_many(wait_s, "too many attempts")
    found = await services.passwords.run(services.accounts.log_in, body.name, body.password)
    if found is None:
        await asyncio.to_thread(services.accounts.note, body.name, "log in refused", "", address)
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "the name or the password is wrong")
    account, stamp = found
    services.logins.succeeded(origin, body.name)
    key = await asyncio.to_thread(_begin, services, account, stamp, address, request.cookies)
    services.session_cookie.set(response, key, is_secure(request))
    services.device_cookie.set(response, account.name, is_secure(request))
    return _me(account)


@router.get("/address", dependencies=[KIOSK_OR_VIEWER])
def address(request: Request, page: Annotated[str, Query(max_length=300)]) -> AddressOut:
    """Whether pages at an origin, such as `https://monitor.example`, may connect; if not, why, with the remedy.

    Pages call it when the socket does not open: browsers do not tell them the reason.
    """
    addresses: Addresses = request.app.state.addresses
    return AddressOut(refused=addresses.refused_origin(request.scope["seen"], page))


@router.delete("/session", status_code=status.HTTP_204_NO_CONTENT)
def log_out(request: Request, response: Response, account: Viewer, services: ServicesDep) -> None:
    """Log out, which ends the session, its sockets and its streams."""
    end_session(request, response)
    services.accounts.note(account.name, "log out", "", address_of(request))


def _begin(services: Services, account: Account, stamp: str, address: str, cookies: Mapping[str, str]) -> str:
    """Begin a session in place of that in the cookies, and return its key."""
    if (former := services.session_cookie.key(cookies)) is not None:
        services.sessions.end(former)
    services.accounts.note(account.name, "log in", "", address)
    return services.sessions.begin(account, stamp)


def _too_many(wait_s: int, why: str) -> HTTPException:
    return HTTPException(
        status.HTTP_429_TOO_MANY_REQUESTS, f"{why}; try again in {wait_s} s", {"Retry-After": str(wait_s)}
    )


def _me(account: Account) -> Me:
    return Me(
        name=account.name, role=account.role, cameras=None if account.cameras is None else sorted(account.cameras)
    )
