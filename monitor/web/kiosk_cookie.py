"""The cookie of a paired kiosk's browser."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from monitor.storage.kiosks import KIOSK_LASTS

_COOKIE = "mask_monitor_kiosk"


@dataclass(frozen=True, slots=True)
class KioskCookie:
    """Holds the key of a kiosk token, which scripts cannot read and other sites cannot have sent."""

    tls: bool

    @property
    def name(self) -> str:
        """The cookie's name; under TLS browsers hold it to this very host."""
        return f"__Host-{_COOKIE}" if self.tls else _COOKIE

    def key(self, cookies: Mapping[str, str]) -> str | None:
        """Return the key that a browser sent, None where it sent none."""
        return cookies.get(self.name)

    def set(self, response: Response, key: str, secure: bool = False) -> None:
        """Give a browser its key, or give it its full time again; `secure` where the request came over TLS."""
        response.set_cookie(
            self.name,
            key,
            max_age=round(KIOSK_LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self.tls or secure,
            path="/",
        )
