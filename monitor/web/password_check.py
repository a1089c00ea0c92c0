"""Checks of a name with its password and one-time code, as often as the limits allow."""

import asyncio
import math

from fastapi import HTTPException, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.storage.accounts import CodeNeededError, WrongCodeError
from monitor.web.access import address_of, origin_of
from monitor.web.services import Services

#: Seconds after which a full queue of passwords to check has certainly moved on.
_FULL_S = 2

#: The scheme in `WWW-Authenticate` by which pages know that a one-time code is needed.
_CODE_NEEDED = {"WWW-Authenticate": "TOTP"}


async def checked(
    request: Request, services: Services, name: str, password: str, code: str | None
) -> tuple[Account, str]:
    """Return the account and its stamp.

    Raises 401 if the password or the code is wrong, or a code is needed, and 429 after too many attempts.
    """
    origin = origin_of(request)
    device = services.device_cookie.device(request.cookies, name)
    # Nothing may be awaited between these and the check's start: attempts at the same time would not be counted.
    if services.passwords.is_full(known_device=device is not None):
        raise _too_many(_FULL_S, "too many people are logging in")
    if code is not None and (wait_s := services.wrong_codes.wait_s(name)) > 0:
        raise _too_many(wait_s, "too many wrong codes")
    if (wait_s := services.logins.take(origin, name, device)) > 0:
        raise _too_many(wait_s, "too many attempts")
    try:
        found = await services.passwords.run(services.accounts.log_in, name, password, code)
    except CodeNeededError as error:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "enter the code that your authenticator app shows now", _CODE_NEEDED
        ) from error
    except WrongCodeError as error:
        services.wrong_codes.take(name)
        await asyncio.to_thread(services.accounts.note, name, "wrong code", "", address_of(request))
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "the code is wrong or was used before; wait for the next one", _CODE_NEEDED
        ) from error
    if found is None:
        await asyncio.to_thread(services.accounts.note, name, "log in refused", "", address_of(request))
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "the name or the password is wrong")
    services.logins.succeeded(origin, name)
    return found


def _too_many(wait_s: float, why: str) -> HTTPException:
    seconds = math.ceil(wait_s)
    return HTTPException(
        status.HTTP_429_TOO_MANY_REQUESTS, f"{why}; try again in {seconds} s", {"Retry-After": str(seconds)}
    )
