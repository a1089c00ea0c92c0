"""The cookie of somebody who has logged in."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from monitor.web.cookies import cookie_name, set_cookie

_COOKIE = "mask_monitor"


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """The cookie with the key of a session; scripts cannot read it, and browsers send it to this site only."""

    hours: float
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
        """Set the cookie, or renew it; `secure` if the request came over TLS, also to a proxy."""
        secure = self.tls or secure
        set_cookie(response, self.name, key, 3600 * self.hours, secure=secure, base_path=self.base_path)

    def end(self, response: Response) -> None:
        """Delete the cookie, and what the browser keeps of pages and pictures."""
        response.headers["clear-site-data"] = '"cache"'
        path = self.base_path or "/"
        response.delete_cookie(self.name, httponly=True, samesite="strict", secure=self.tls, path=path)
