"""Checks of every request before the application sees it."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.web.addresses import Addresses, Seen, shown
from monitor.web.forwarded import ReportError, TrustedProxies

_log = logging.getLogger(__name__)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: Headers of every response.
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}


#: A request body that has not arrived by then is abandoned: its sender occupies a connection, and possibly a place in a
#: queue.
_BODY_WITHIN_S = 60.0

#: What needs no login, and may be kept by browsers; everything else is asked for again, with the session of the time.
_PUBLIC = ("/static/", "/api/v1/kiosk/signs/")

#: The most digits of a Content-Length; no accepted length has more.
_MOST_DIGITS = 12

#: The most refused pairs of page and host in the log: other sites could fill it.
_MOST_LOGGED = 50


class Guard:
    """Refuses requests for other hosts, from other sites, and with bodies that are too large; adds the headers.

    - The host must be an IP address, this machine's name, or one of `addresses`: other names that resolve to it (DNS
      rebinding) are refused.
    - Requests that change something, and sockets, must come from the pages' own origin, which browsers state in
      `Sec-Fetch-Site` and `Origin`; the rules are those of Go's `net/http.CrossOriginProtection`, and `Addresses` for
      proxies that drop the port. A script that sends a token, or neither header, is not a browser that another site
      could misuse.
    - `limit` gives the most bytes of a request body by its path.

    The application sees a request as the browser sent it to the outermost of the trusted `proxies`, with how it was
    seen as `scope["seen"]`; its path begins with `base_path`, whether or not a proxy has removed that.
    """

    def __init__(
        self,
        app: ASGIApp,
        addresses: Addresses,
        limit: Callable[[str], int],
        tls: bool,
        proxies: TrustedProxies | None = None,
        base_path: str = "",
        body_within_s: float = _BODY_WITHIN_S,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._limit = limit
        self._proxies = proxies or TrustedProxies(())
        self._base_path = base_path
        self._body_within_s = body_within_s
        self._more = {"strict-transport-security": "max-age=31536000"} if tls else {}
        self._logged: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path = without_base(scope["path"], self._base_path)
        if scope["type"] == "http":
            send = self._with_headers(path, send)
        try:
            scope, seen = self._proxies.apply(scope)
        except ReportError as error:
            self._note("", "", str(error))
            await _refuse(scope, receive, send, 400, str(error))
            return
        headers = Headers(scope=scope)
        scope = {**scope, "root_path": self._base_path, "path": self._base_path + path, "seen": seen}
        if (why := self._addresses.refused_host(seen)) is not None:
            self._note("", seen.host, why)
            await _refuse(scope, receive, send, 421, why)
        elif (why := self._cross_site(scope, headers, seen)) is not None:
            self._note(headers.get("origin", ""), seen.host, why)
            await _refuse(scope, receive, send, 403, why)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._bounded(path, headers, scope, receive, send)

    def _cross_site(self, scope: Scope, headers: Headers, seen: Seen) -> str | None:
        """Return why a request is refused as that of another site, or None."""
        if scope["type"] == "http" and scope["method"] in _SAFE:
            return None
        if headers.get("authorization", "").lower().startswith("bearer "):
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and scope["type"] == "http":
            if site in ("same-origin", "none"):
                return None
            return f"the request to '{shown(seen.host)}' comes from another site: '{shown(origin or 'unknown')}'"
        return None if origin is None else self._addresses.refused_origin(seen, origin, site)

    def _note(self, page: str, host: str, why: str) -> None:
        """Log a refusal once for each pair of hosts."""
        pair = (shown(page), shown(host))
        if pair in self._logged or len(self._logged) >= _MOST_LOGGED:
            return
        self._logged.add(pair)
        last = "; further refused addresses are not logged" if len(self._logged) == _MOST_LOGGED else ""
        _log.warning("web: request refused: %s%s", why, last)

    async def _bounded(self, path: str, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        most, got = self._limit(path), 0
        stated = headers.get("content-length", "0")
        why = f"the body is larger than {most} bytes"
        if not stated.isascii() or not stated.isdecimal() or len(stated) > _MOST_DIGITS or int(stated) > most:
            await _refuse(scope, receive, send, 413, why)
            return

        until_s, whole = asyncio.get_running_loop().time() + self._body_within_s, False

        async def counted() -> Message:
            nonlocal got, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(until_s):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, f"the body did not arrive within {self._body_within_s:g} s") from error
            got += len(message.get("body", b""))
            if got > most:
                raise HTTPException(413, why)
            whole = not message.get("more_body", False)
            return message

        await self._app(scope, counted, send)

    def _with_headers(self, path: str, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (HEADERS | self._more).items():
                    headers.setdefault(name, value)
                if not path.startswith(_PUBLIC):
                    headers["cache-control"] = "no-store"
                if "location" in headers:
                    headers["location"] = _relative(headers["location"])
            await send(message)

        return sent


def without_base(path: str, base_path: str) -> str:
    """Return the path of a request under the base path, which some proxies remove and others pass on."""
    if path == base_path:
        return "/"
    return path.removeprefix(base_path) if path.startswith(f"{base_path}/") else path


def _relative(location: str) -> str:
    """Return a redirect without the monitor's host, whose port and scheme may not be those of the browser's address."""
    parts = urlsplit(location)
    return location if parts.path.startswith("//") else urlunsplit(("", "", *parts[2:]))


async def _refuse(scope: Scope, receive: Receive, send: Send, code: int, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": why})
        return
    await JSONResponse({"detail": why}, code, {"connection": "close"})(scope, receive, send)
