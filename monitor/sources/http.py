"""An HTTP camera as a file that FFmpeg reads: Motion JPEG in any dialect, single pictures polled, and video streams.

FFmpeg's own client gives up on many cameras' Motion JPEG, cannot poll, follows redirects and playlists to any host, and
does not check certificates.
"""

import http.client
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from monitor.domain.address import SourceAddress
from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError
from monitor.sources.diagnosis import NO_ANSWER, NOT_FOUND, WRONG_PASSWORD, explain_connection
from monitor.sources.http_auth import authorization
from monitor.sources.jpegs import MAX_JPEG_BYTES, JpegScanner, TooLargeError
from monitor.sources.tracks import MAX_STREAM_PIXELS, refuse_large

#: What FFmpeg's demuxer is told between two pictures; with a length it waits for nothing after them.
_PART = b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"

_CHUNK = 65536
_HEAD = 512
_REDIRECTS = 3

_PLAYLISTS = ("mpegurl", "dash+xml")
#: Characters that are valid in a path (RFC 3986, 3.3), and the sign of what is encoded already.
_UNQUOTED = "%:@!$&'()*+,;=~-._"

_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Time-outs in seconds, the pictures per second to ask for where a camera has single pictures only, and TLS."""

    open_timeout_s: float
    read_timeout_s: float
    poll_fps: float
    tls: ssl.SSLContext | None = None


class HttpStream:
    """The answer to a GET as a file: `read` returns what has come, at least one byte, and b"" at the end.

    If `is_pictures`, what is read is Motion JPEG of one form, whatever the camera sends. Opened, read and closed on one
    thread. `pause` waits for so many seconds.
    """

    def __init__(
        self, address: SourceAddress, limits: HttpLimits, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self.is_pictures = False
        #: Why reading failed, since FFmpeg does not pass exceptions on everywhere.
        self.error: SourceError | None = None
        self._address = address
        self._limits = limits
        self._pause = pause
        parts = urlsplit(address.value)
        self._origin = (parts.scheme.lower(), parts.hostname or "", parts.port)
        self._target = _target(address.value)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._connection: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse | None = None
        self._begun: deque[bytes] = deque()
        self._parts: Iterator[bytes] = iter(())
        self._rest = memoryview(b"")

    def open(self) -> None:
        """Connect, and find out what the camera sends; raises `SourceError`."""
        response = self._get()
        kind = response.headers.get_content_type() if "Content-Type" in response.headers else ""
        head = b""
        while len(head) < _HEAD and (data := self._received(response)):
            head += data
            if head.startswith(_JPEG) or b"\n\r\n" in head:
                break
        self._begun.append(head)
        self._refuse(kind, head)
        multipart = kind.startswith("multipart/") or head.lstrip().startswith(b"--")
        self.is_pictures = multipart or head.startswith(_JPEG) or kind in ("image/jpeg", "image/jpg", "image/pjpeg")
        if self.is_pictures:
            self._parts = self._pictures(multipart=multipart)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; raises `SourceError` if none come in time."""
        try:
            if not self._rest:
                self._rest = memoryview(next(self._parts, b"") if self.is_pictures else self._data())
        except SourceError as error:
            self.error = error
            raise
        data, self._rest = self._rest[:size], self._rest[size:]
        return bytes(data)

    def close(self) -> None:
        """Close the connection."""
        if self._response is not None:
            self._response.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._response = None

    def _pictures(self, *, multipart: bool) -> Iterator[bytes]:
        count = 0
        started_s = time.monotonic()
        for jpeg in self._jpegs():
            count += 1
            yield _PART % len(jpeg) + jpeg + b"\r\n"
        while count == 1 and not multipart:  # the address of a single picture
            self._pause(max(0.0, started_s + 1 / self._limits.poll_fps - time.monotonic()))
            started_s = time.monotonic()
            self._get()
            for jpeg in self._jpegs():
                yield _PART % len(jpeg) + jpeg + b"\r\n"

    def _jpegs(self) -> Iterator[bytes]:
        scanner = JpegScanner(MAX_STREAM_PIXELS)
        try:
            while data := self._data():
                yield from scanner.feed(data)
        except TooLargeError as error:
            if error.size_px is not None:
                refuse_large(self._address, *error.size_px)
            words = f"a picture has more than {MAX_JPEG_BYTES // 2**20} MB; lower its resolution or quality"
            raise SourceError(f"{self._address}: {words}", Cause.UNDECODABLE) from None

    def _data(self) -> bytes:
        if self._begun:
            return self._begun.popleft()
        return b"" if self._response is None else self._received(self._response)

    def _received(self, response: http.client.HTTPResponse) -> bytes:
        try:
            return response.read1(_CHUNK)
        except TimeoutError:
            waited = f"no picture for {self._limits.read_timeout_s:.1f} s; check the camera and the network"
            raise SourceError(f"{self._address}: {waited}", Cause.TIMED_OUT) from None
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"{self._address}: the connection broke off", Cause.ENDED) from error

    def _get(self) -> http.client.HTTPResponse:
        """Send the request, answering a challenge and following redirects to the same host; raises `SourceError`."""
        header: str | None = None
        for _ in range(_REDIRECTS + 2):
            response = self._answer(header)
            challenges = response.headers.get_all("WWW-Authenticate", [])
            if response.status == http.client.UNAUTHORIZED and header is None and self._user:
                header = authorization(challenges, self._user, self._password, self._target)
                if header is not None:
                    continue
            if response.status in (301, 302, 303, 307, 308):
                self._redirect(response.headers.get("Location", ""))
                header = None
                continue
            if response.status != http.client.OK:
                raise self._refused(response.status, challenges)
            return response
        raise SourceError(f"{self._address}: redirects in circles; check the path", Cause.NOT_FOUND)

    def _answer(self, header: str | None) -> http.client.HTTPResponse:
        self.close()
        scheme, host, port = self._origin
        limits = self._limits
        try:
            connection: http.client.HTTPConnection
            if scheme == "https":
                connection = http.client.HTTPSConnection(
                    host, port, timeout=limits.open_timeout_s, context=limits.tls or ssl.create_default_context()
                )
            else:
                connection = http.client.HTTPConnection(host, port, timeout=limits.open_timeout_s)
            self._connection = connection
            connection.connect()
            socket = connection.sock
            headers = {"Accept": "*/*", "User-Agent": "mask-monitor"}
            connection.request("GET", self._target, headers=headers | ({"Authorization": header} if header else {}))
            self._response = connection.getresponse()
            socket.settimeout(limits.read_timeout_s)
        except http.client.HTTPException as error:
            words = "responds, but not over HTTP; check the port and the protocol"
            raise SourceError(f"{self._address}: {words}", Cause.UNDECODABLE) from error
        except (OSError, ValueError) as error:
            cause, words = explain_connection(error, limits.open_timeout_s)
            raise SourceError(f"{self._address}: {words}", cause) from error
        return self._response

    def _redirect(self, location: str) -> None:
        scheme, host, port = self._origin
        before = f"{scheme}://{host}{'' if port is None else f':{port}'}"
        target = urljoin(before + self._target, location)
        parts = urlsplit(target)
        if (parts.scheme.lower(), parts.hostname, parts.port) != (scheme, host, port):
            to = f"{parts.scheme}://{parts.hostname}{'' if parts.port is None else f':{parts.port}'}"
            words = f"redirects to another address ({to}); if that is the camera, use its address"
            raise SourceError(f"{self._address}: {words}", Cause.REFUSED)
        self._target = _target(target)

    def _refused(self, status: int, challenges: list[str]) -> SourceError:
        if status in (401, 403):
            if self._user and challenges and authorization(challenges, "", "", "") is None:
                kinds = ", ".join(challenge.partition(" ")[0] for challenge in challenges)
                words = f"asks for a way of logging in that is not supported ({kinds}); allow Digest or Basic"
                return SourceError(f"{self._address}: {words}", Cause.WRONG_PASSWORD)
            return SourceError(f"{self._address}: {WRONG_PASSWORD}", Cause.WRONG_PASSWORD)
        if status in (404, 410):
            return SourceError(f"{self._address}: {NOT_FOUND}", Cause.NOT_FOUND)
        reason = http.client.responses.get(status, "unknown")
        return SourceError(f"{self._address}: responds with the error {status} ({reason})", Cause.REFUSED)

    def _refuse(self, kind: str, head: bytes) -> None:
        """Raise `SourceError` for what is no live camera."""
        text = head.lstrip()[:_HEAD].lower()
        if not head:
            raise SourceError(f"{self._address}: {NO_ANSWER}", Cause.ENDED)
        if kind.endswith(_PLAYLISTS) or text.startswith(b"#extm3u") or b"<mpd" in text:
            words = (
                "is a playlist (HLS or DASH), whose pictures come in bursts and are several seconds old; use the "
                "camera's RTSP address"
            )
        elif kind == "text/html" or text.startswith((b"<!doctype html", b"<html")):
            words = "responds with a web page, not with a stream; check the path"
        elif kind.startswith("image/") and not head.startswith(_JPEG) and kind not in ("image/jpeg", "image/jpg"):
            words = f"sends pictures of type {kind}; only JPEG is read"
        else:
            return
        raise SourceError(f"{self._address}: {words}", Cause.UNDECODABLE)


def _target(url: str) -> str:
    """Return a URL's path and query for a request; characters that may not stand there are percent-encoded."""
    parts = urlsplit(url)
    query = quote(parts.query, safe=_UNQUOTED + "?/")
    return quote(parts.path or "/", safe=_UNQUOTED + "/") + (f"?{query}" if query else "")
