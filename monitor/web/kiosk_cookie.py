"""The cookie of a paired kiosk's browser."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from monitor.storage.kiosks import KIOSK_LASTS
from monitor.web.cookies import cookie_name, set_cookie

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
        secure = self.tls or secure
        set_cookie(response, self.name, key, KIOSK_LASTS.total_seconds(), secure=secure, base_path=self.base_path)
