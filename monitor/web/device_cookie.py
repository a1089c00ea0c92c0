"""The cookie of a device on which somebody has logged in before."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer
from starlette.responses import Response

from monitor.web.cookies import cookie_name, set_cookie

_COOKIE = "mask_monitor_device"
_LASTS_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class DeviceCookie:
    """A signed cookie with a name and a random number, which gives no access; see OWASP's device cookies.

    Attempts to log in with it are counted apart, so that failures of others at the same address do not keep the device
    out.
    """

    key: bytes
    tls: bool
    base_path: str = ""

    @property
    def name(self) -> str:
        """The cookie's name."""
        return cookie_name(_COOKIE, self.tls, self.base_path)

    def device(self, cookies: Mapping[str, str], name: str) -> str | None:
        """Return the number of the device that sent these cookies if `name` has logged in there last, else None."""
        try:
            of, device = self._signer().loads(cookies[self.name])
        except (KeyError, BadData, ValueError, TypeError):
            return None
        return device if of == name and isinstance(device, str) else None

    def set(self, response: Response, name: str, secure: bool = False) -> None:
        """Give a device a new number, after a correct password; `secure` if the request came over TLS."""
        value = self._signer().dumps([name, secrets.token_urlsafe(12)])
        secure = self.tls or secure
        set_cookie(response, self.name, value, _LASTS_S, secure=secure, base_path=self.base_path)

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="device")
