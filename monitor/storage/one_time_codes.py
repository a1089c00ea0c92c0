"""One-time codes of an authenticator app: TOTP, RFC 6238."""

import re
from datetime import datetime

import pyotp

#: A code is accepted one step before and after the present one, since the clocks of telephones differ.
_STEP_S, _STEPS = 30, (0, -1, 1)
_CODE = re.compile(r"[0-9]{6}")
_SECRET = re.compile(r"[A-Z2-7]{32}")
_ISSUER = "Mask Monitor"


def new_secret() -> str:
    """Return a random secret of 160 bits, in base 32."""
    return pyotp.random_base32(32)


def is_secret(text: str) -> bool:
    """Return whether a text has the form of a secret."""
    return bool(_SECRET.fullmatch(text))


def uri_of(secret: str, name: str) -> str:
    """Return the address that authenticator apps read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def step_at(now: datetime) -> int:
    """Return the number of the time step at a time."""
    return int(now.timestamp()) // _STEP_S


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step, near the present one, that a code belongs to; None if it belongs to none."""
    code = "".join(code.split())
    if not _CODE.fullmatch(code):
        return None
    totp, present = pyotp.TOTP(secret, interval=_STEP_S), step_at(now)
    return next((present + by for by in _STEPS if totp.verify(code, for_time=(present + by) * _STEP_S)), None)
