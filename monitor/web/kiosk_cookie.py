"""The cookie of a paired kiosk's browser."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from monitor.storage.kiosks import KIOSK_LASTS
from monitor.web.paths import cookie_name

_COOKIE = "mask_monitor_kiosk"


@dataclass(frozen=True, slots=True)
class KioskCookie:
    """The cookie with the key of a kiosk token; scripts cannot read it, and browsers send it to this site only."""

    tls: bool
    base_path: str = ""

    @property
    def name(self) -> str:
        """The cookie's name."""
        return cookie_name(_COOKIE, self.tls, self.base_path)

    def key(self, cookies: Mapping[str, str]) -> str | None:
        """Return the key that a browser sent, or None."""
        return cookies.get(self.name)

    def set(self, response: Response, key: str, secure: bool = False) -> None:
        """Set the cookie, or renew it; `secure` if the request came over TLS."""
        response.set_cookie(
            self.name,
            key,
            max_age=round(KIOSK_LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self.tls or secure,
            path=self.base_path or "/",
        )
