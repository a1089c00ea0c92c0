"""Whether a camera that was lost answers again: a question that costs a packet, asked while waiting to reconnect."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from monitor.domain.address import SourceAddress, SourceKind

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_QUESTIONS = {
    "rtsp": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",  # RFC 2326, 10.1: needs no user and no stream
    "http": b"HEAD / HTTP/1.0\r\n\r\n",
}


def open_connection(address: SourceAddress, timeout_s: float) -> socket.socket:
    """Return a TCP connection to a stream's host; raises `OSError`, or `ValueError` where the port is no number."""
    parts = urlsplit(address.value)
    return socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]), timeout_s)


def is_reachable(address: SourceAddress, timeout_s: float) -> bool:
    """Return whether somebody is there, within about `timeout_s`.

    A connection alone proves nothing, since the kernel accepts it for a server that hangs: RTSP and HTTP servers must
    answer a question. Behind TLS a connection has to do. A device or file answers where it exists, and does not where
    even that cannot be asked: a folder that is closed, a network drive that is gone.
    """
    try:
        if address.kind is not SourceKind.STREAM:
            return Path(f"/dev/video{address.value}" if address.value.isdecimal() else address.value).exists()
        with open_connection(address, timeout_s) as connection:
            question = _QUESTIONS.get(urlsplit(address.value).scheme.lower())
            if question is None:
                return True
            connection.sendall(question)
            return connection.recv(1) != b""
    except (OSError, ValueError):  # not there, or a port that is no number
        return False
