"""Checks of every request before the application sees it."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

#: The most digits of a Content-Length; no accepted length has more.
_MOST_DIGITS = 12


class Guard:
    """Refuses requests for other hosts, from other sites, and with bodies that are too large; adds the headers.

    - The host must be an IP address, this machine's name, or one of `names`: other names that resolve to it (DNS
      rebinding) are refused.
    - Requests that change something, and sockets, must come from the pages' own origin, which browsers state in
      `Sec-Fetch-Site` and `Origin`; the rules are those of Go's `net/http.CrossOriginProtection`. A script that sends a
      token, or neither header, is not a browser that another site could misuse.
    - `limit` gives the most bytes of a request body by its path.
    """

    def __init__(
        self,
        app: ASGIApp,
        names: Iterable[str],
        limit: Callable[[str], int],
        tls: bool,
        body_within_s: float = _BODY_WITHIN_S,
    ) -> None:
        self._app = app
        self._names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}
        self._limit = limit
        self._body_within_s = body_within_s
        self._more = {"strict-transport-security": "max-age=31536000"} if tls else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "http":
            send = self._with_headers(scope, send)
        if not self._known(headers.get("host", "")):
            await _refuse(scope, receive, send, 421, "unknown host name; add it to web.allowed_hosts in config.yaml")
        elif _cross_site(scope, headers):
            await _refuse(scope, receive, send, 403, "the request comes from another site")
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._bounded(scope, headers, receive, send)

    def _known(self, host: str) -> bool:
        name = _host_name(f"//{host}")
        if name is None:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        return True

    async def _bounded(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        most, got = self._limit(scope["path"]), 0
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

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (HEADERS | self._more).items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        return sent


def _cross_site(scope: Scope, headers: Headers) -> bool:
    if scope["type"] == "http" and scope["method"] in _SAFE:
        return False
    if headers.get("authorization", "").lower().startswith("bearer "):
        return False
    site = headers.get("sec-fetch-site")
    if site is not None and scope["type"] == "http":
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and _place(origin) != headers.get("host", "").lower()


def _host_name(address: str) -> str | None:
    """Return the host name of an untrusted address, or None."""
    try:
        return urlsplit(address).hostname if address.isascii() and "@" not in address else None
    except ValueError:
        return None


def _place(origin: str) -> str | None:
    """Return the host and port of an origin, None if it has none (a file's origin)."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


async def _refuse(scope: Scope, receive: Receive, send: Send, code: int, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": why})
        return
    await JSONResponse({"detail": why}, code, {"connection": "close"})(scope, receive, send)
