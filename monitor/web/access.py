"""Who asks, and whether they may."""

import ipaddress
from typing import Annotated

from fastapi import Depends, HTTPException, status
from starlette.requests import HTTPConnection

from monitor.domain.account import Account, Role
from monitor.web.services import Services

#: Whoever sits at the machine itself, for as long as nobody has an account.
LOCAL = Account("local", Role.ADMIN)

#: How often an open socket or stream is asked whether its session still holds.
CHECK_EVERY_S = 5.0

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def services_of(connection: HTTPConnection) -> Services:
    """Return what the application was made from."""
    services: Services = connection.app.state.services
    return services


def account_of(connection: HTTPConnection) -> Account | None:
    """Return who asks: by token, by session, or as the local user while there is no account."""
    services = services_of(connection)
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return services.accounts.of_token(key.strip())
    if (found := services.sessions.account(dict(connection.cookies), services.accounts)) is not None:
        return found[0]
    return LOCAL if is_local(connection) and not services.accounts.exist() else None


def is_local(connection: HTTPConnection) -> bool:
    """Return whether the request comes from this very machine, and not through a proxy, named or not."""
    if connection.client is None or services_of(connection).behind_proxy:
        return False
    if any(name in connection.headers for name in _FORWARDED):
        return False
    return _is_loopback(connection.client.host)


def address_of(connection: HTTPConnection) -> str:
    """Return where a request comes from, for the audit log."""
    return connection.client.host if connection.client is not None else ""


def origin_of(connection: HTTPConnection) -> str:
    """Return where a request comes from, for counting: of an IPv6 address the network, since hosts have many."""
    text = address_of(connection)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _asker(connection: HTTPConnection) -> Account:
    account = account_of(connection)
    if account is None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "log in first", {"WWW-Authenticate": "Bearer"})
    return account


def _with_role(account: Account, role: Role) -> Account:
    if not account.may(role):
        raise HTTPException(status.HTTP_403_FORBIDDEN, f"needs the role {role.value}")
    return account


def _viewer(connection: HTTPConnection) -> Account:
    return _with_role(_asker(connection), Role.VIEWER)


def _operator(connection: HTTPConnection) -> Account:
    return _with_role(_asker(connection), Role.OPERATOR)


def _admin(connection: HTTPConnection) -> Account:
    return _with_role(_asker(connection), Role.ADMIN)


Viewer = Annotated[Account, Depends(_viewer)]
Operator = Annotated[Account, Depends(_operator)]
Admin = Annotated[Account, Depends(_admin)]
ServicesDep = Annotated[Services, Depends(services_of)]


def require_camera(account: Account, camera: str | None, what: str) -> str:
    """Return the camera that an object was found to belong to; to others it does not exist. Raises 404."""
    if camera is None or not account.sees(camera):
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no such {what}")
    return camera
