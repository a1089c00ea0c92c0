"""Who sends a request, and what they may do."""

import asyncio
import contextlib
import ipaddress
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, status
from starlette.requests import HTTPConnection
from starlette.responses import Response

from monitor.domain.account import Account, Role
from monitor.domain.errors import JournalError
from monitor.storage.kiosks import KioskToken
from monitor.web.addresses import network_of
from monitor.web.services import Services

#: The account of local users while there are no accounts.
LOCAL = Account("local", Role.ADMIN)

#: How often an open socket or stream checks that its session or token is still valid.
_CHECK_EVERY_S = 1.0

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the application."""
    services: Services = connection.app.state.services
    return services


def account_of(connection: HTTPConnection) -> Account | None:
    """Return the account that sends a request: by token, by session, or the local user while there is no account.

    A paired kiosk has no account, see `kiosk_of`; its browser does not count as the local user's.
    """
    services = services_of(connection)
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return services.accounts.of_token(key.strip())
    if (account := session_of(connection)) is not None:
        return account
    if is_local(connection) and not services.accounts.exist() and kiosk_of(connection) is None:
        return LOCAL
    return None


def session_of(connection: HTTPConnection) -> Account | None:
    """Return the account of the session of the browser that sends a request; None if it has none."""
    services = services_of(connection)
    key = services.session_cookie.key(connection.cookies)
    return None if key is None else services.sessions.of_key(key)


def renew_session(connection: HTTPConnection, response: Response) -> None:
    """Extend the session of the browser that sends a request to its full time, if it has one."""
    services = services_of(connection)
    key = services.session_cookie.key(connection.cookies)
    if key is None or session_of(connection) is None:
        return
    with contextlib.suppress(JournalError):  # it goes on for now, see `Remembered`
        services.sessions.renew(key)
    services.session_cookie.set(response, key, is_secure(connection))


def end_session(connection: HTTPConnection, response: Response) -> None:
    """End the session of the browser that sends a request, and delete its cookie."""
    services = services_of(connection)
    if (key := services.session_cookie.key(connection.cookies)) is not None:
        services.sessions.end(key)
    services.session_cookie.end(response)


async def until_changed(is_allowed: Callable[[], bool]) -> None:
    """Return when access has changed: `is_allowed`, which asks the database, returns False or raises `JournalError`."""
    with contextlib.suppress(JournalError):
        while await asyncio.to_thread(is_allowed):
            await asyncio.sleep(_CHECK_EVERY_S)


def kiosk_of(connection: HTTPConnection) -> KioskToken | None:
    """Return the kiosk token of the browser that sends a request, and extend it; None if it has none."""
    services = services_of(connection)
    key = services.kiosk_cookie.key(connection.cookies)
    return None if key is None else services.kiosks.of_key(key)


def is_local(connection: HTTPConnection) -> bool:
    """Return whether a request comes from this machine itself, and not through any proxy."""
    if connection.client is None or services_of(connection).behind_proxy:
        return False
    if any(name in connection.headers for name in _FORWARDED):
        return False
    return _is_loopback(connection.client.host)


def is_secure(connection: HTTPConnection) -> bool:
    """Return whether the browser uses TLS, to the monitor itself or to a trusted proxy."""
    return connection.url.scheme == "https"


def address_of(connection: HTTPConnection) -> str:
    """Return the address that a request comes from, for the audit log."""
    return connection.client.host if connection.client is not None else ""


def origin_of(connection: HTTPConnection) -> str:
    """Return the address under which requests are counted: for IPv6 its /64 network, as hosts have many."""
    return network_of(address_of(connection))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log_in_first() -> HTTPException:
    return HTTPException(status.HTTP_401_UNAUTHORIZED, "log in first", {"WWW-Authenticate": "Bearer"})


def _with_role(connection: HTTPConnection, role: Role) -> Account:
    account = account_of(connection)
    if account is None:
        raise _log_in_first()
    if not account.may(role):
        raise HTTPException(status.HTTP_403_FORBIDDEN, f"this needs the role {role.value}")
    return account


def _viewer(connection: HTTPConnection) -> Account:
    return _with_role(connection, Role.VIEWER)


def _operator(connection: HTTPConnection) -> Account:
    return _with_role(connection, Role.OPERATOR)


def _admin(connection: HTTPConnection) -> Account:
    return _with_role(connection, Role.ADMIN)


def _kiosk_or_viewer(connection: HTTPConnection) -> None:
    if kiosk_of(connection) is None and account_of(connection) is None:
        raise _log_in_first()


Viewer = Annotated[Account, Depends(_viewer)]
Operator = Annotated[Account, Depends(_operator)]
Admin = Annotated[Account, Depends(_admin)]
ServicesDep = Annotated[Services, Depends(services_of)]

#: The dependency of routes for kiosk pages: allows paired kiosks and accounts.
KIOSK_OR_VIEWER = Depends(_kiosk_or_viewer)


def require_camera(account: Account, camera: str | None, what: str) -> str:
    """Return `camera`, the one that `what` belongs to (None: `what` does not exist).

    Raises 404 if it does not exist, or if the account may not see the camera.
    """
    if camera is None or not account.sees(camera):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no such {what}")
    return camera
