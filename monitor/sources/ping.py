"""Checks whether a camera is reachable, with little effort, while waiting to reconnect."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

from monitor.domain.address import SourceAddress, SourceKind

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
#: An answer with longer headers is not read.
_ANSWER_BYTES = 16_384

_REQUESTS = {
    "rtsp": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",  # RFC 2326, 10.1: needs no user and no stream
    "http": b"HEAD / HTTP/1.0\r\n\r\n",
}


def open_connection(address: SourceAddress, timeout_s: float) -> socket.socket:
    """Return a TCP connection to a stream's host; raises `OSError`, or `ValueError` if the port is not a number."""
    parts = urlsplit(address.value)
    return socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]), timeout_s)


def is_reachable(address: SourceAddress, timeout_s: float) -> bool:
    """Return whether a source is reachable, within about `timeout_s`.

    A connection alone proves nothing, since the kernel accepts it for a server that hangs: RTSP and HTTP servers must
    respond to a request. With TLS a connection suffices. A device or file is reachable if it exists, and not if that
    cannot be checked: a folder without access, a network drive that is gone.
    """
    try:
        if address.kind is not SourceKind.STREAM:
            return Path(f"/dev/video{address.value}" if address.value.isdecimal() else address.value).exists()
        with open_connection(address, timeout_s) as connection:
            request = _REQUESTS.get(urlsplit(address.value).scheme.lower())
            if request is None:
                return True
            connection.sendall(request)
            return connection.recv(1) != b""
    except (OSError, ValueError):  # not reachable, or a port that is not a number
        return False


def rtsp_challenges(address: SourceAddress, timeout_s: float) -> list[str]:
    """Return how an RTSP camera asks for a password (the values of WWW-Authenticate), empty if it cannot be asked."""
    parts = urlsplit(address.value)
    if parts.scheme.lower() != "rtsp":
        return []
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        with open_connection(address, timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n".encode())
            answer = b""
            while b"\r\n\r\n" not in answer and len(answer) < _ANSWER_BYTES and (data := connection.recv(4096)):
                answer += data
    except (OSError, ValueError):
        return []
    return re.findall(r"(?im)^www-authenticate: *(.+?) *$", answer.decode("latin-1").replace("\r", ""))
