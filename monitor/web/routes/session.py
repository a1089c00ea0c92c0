"""Logging in and out."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.web.access import (
    KIOSK_OR_VIEWER,
    ServicesDep,
    Viewer,
    address_of,
    end_session,
    is_secure,
    renew_session,
)
from monitor.web.addresses import Addresses
from monitor.web.password_check import checked
from monitor.web.schemas import AddressOut, LogIn, Me
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["session"])


@router.get("/me")
def me(request: Request, response: Response, account: Viewer) -> Me:
    """The account that sends this request. It also extends its session to the full time."""
    renew_session(request, response)
    return _me(account)


@router.post("/session")
async def log_in(body: LogIn, request: Request, response: Response, services: ServicesDep) -> Me:
    """Log in, which sets a session cookie.

    401: wrong name or password; with `WWW-Authenticate: TOTP`, the account needs a `code`, or that is wrong. 429: too
    many attempts, with `Retry-After`.
    """
    account, stamp = await checked(request, services, body.name, body.password, body.code)
    key = await asyncio.to_thread(_begin, services, account, stamp, address_of(request), request.cookies)
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


def _me(account: Account) -> Me:
    return Me(
        name=account.name, role=account.role, cameras=None if account.cameras is None else sorted(account.cameras)
    )
