"""One-time codes as a second factor of an admin's logins."""

import asyncio

import segno
from fastapi import APIRouter, HTTPException, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.errors import ConfigError
from monitor.storage.one_time_codes import new_secret, uri_of
from monitor.web.access import Admin, ServicesDep, address_of, session_of
from monitor.web.password_check import checked
from monitor.web.schemas import TotpOffIn, TotpOnIn, TotpOut, TotpSecretOut
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/totp", tags=["session"])


@router.get("")
def state(request: Request, account: Admin, services: ServicesDep) -> TotpOut:
    """Whether this account's logins need a one-time code."""
    _require_session(request, account)
    return TotpOut(on=services.accounts.needs_code(account.name))


@router.post("/secret")
def secret(request: Request, account: Admin) -> TotpSecretOut:
    """A new secret for an authenticator app, as text and as the address of a QR code; it is not in effect yet."""
    _require_session(request, account)
    new = new_secret()
    qr = segno.make(uri_of(new, account.name), error="m").svg_data_uri(scale=5, light="white")
    return TotpSecretOut(secret=new, qr=qr)


@router.post("/on", status_code=status.HTTP_204_NO_CONTENT)
async def on(body: TotpOnIn, request: Request, account: Admin, services: ServicesDep) -> None:
    """Require codes of this secret from now on. 403: the password is wrong; 409: the code is not one of the secret."""
    await _confirm(request, services, account, body.password, body.current)
    try:
        await asyncio.to_thread(services.accounts.require_codes, account.name, body.secret, body.code)
    except ConfigError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error
    await asyncio.to_thread(services.accounts.note, account.name, "codes on", "", address_of(request))


@router.post("/off", status_code=status.HTTP_204_NO_CONTENT)
async def off(body: TotpOffIn, request: Request, account: Admin, services: ServicesDep) -> None:
    """Require no codes any more. 403: the password or the code is wrong."""
    await _confirm(request, services, account, body.password, body.code)
    await asyncio.to_thread(services.accounts.require_no_codes, account.name)
    await asyncio.to_thread(services.accounts.note, account.name, "codes off", "", address_of(request))


async def _confirm(request: Request, services: Services, account: Account, password: str, code: str | None) -> None:
    """Raise 403 if the password or the code is wrong: the session itself is valid."""
    await asyncio.to_thread(_require_session, request, account)
    try:
        await checked(request, services, account.name, password, code)
    except HTTPException as error:
        if error.status_code != status.HTTP_401_UNAUTHORIZED:
            raise
        raise HTTPException(status.HTTP_403_FORBIDDEN, error.detail) from error


def _require_session(request: Request, account: Account) -> None:
    """Raise 409 for scripts with a token and for the local user, who do not log in."""
    if session_of(request) != account:
        raise HTTPException(status.HTTP_409_CONFLICT, "one-time codes are for accounts that log in with a password")
