"""Checks whether a camera is reachable, with little effort, while waiting to reconnect."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from monitor.domain.address import SourceAddress, SourceKind

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
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
