"""Attackers: viewers that never read, and attempts to log in as fast as they are answered.

`python -m scripts.bench.hostile URL TRIES` tries to log in, in a process of its own, and prints the codes as JSON.
"""

import base64
import contextlib
import http.client
import json
import os
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

_TIMEOUT_S = 30.0
_AT_ONCE = 8
_PATH = "/api/v1/live"

#: One in so many does not even finish its request.
_HALF_OPEN_EVERY = 4


@contextlib.contextmanager
def slow_viewers(url: str, count: int, width: int, cameras: Sequence[str]) -> Iterator[None]:
    """Hold so many connections that ask for every camera and never read; every fourth stops amid its request."""
    wish = json.dumps({"watch": {camera: {"width": width} for camera in cameras}}).encode()
    with contextlib.ExitStack() as open_ones:
        for number in range(count):
            slow = open_ones.enter_context(_connect(url))
            request = handshake(urlsplit(url).netloc)
            if number % _HALF_OPEN_EVERY == _HALF_OPEN_EVERY - 1:
                slow.sendall(request[: len(request) // 2])
            else:
                slow.sendall(request)
                while slow.recv(1) != b"\n" or slow.recv(2) != b"\r\n":
                    pass
                slow.sendall(frame_of(wish))
        yield


def connections(url: str) -> int:
    """Return how many connections the monitor holds, from Linux's /proc: those whose other end has not heard of it too.

    A system that cannot send to a peer cannot tell it that the connection is closed either.
    """
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return established(lines, urlsplit(url).port or 80)


def established(lines: Sequence[str], port: int) -> int:
    """Count the lines of /proc/net/tcp that are established connections of a local port."""
    return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01" for line in lines[1:])


def handshake(host: str, *headers: str) -> bytes:
    """Return the request that opens the live socket, with these header lines too."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {_PATH} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode()


def frame_of(text: bytes) -> bytes:
    """Return a text message as one WebSocket frame of a client (RFC 6455, 5.2), masked with zeros."""
    length = len(text)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + length.to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + text


def code_of(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes | str, headers: Mapping[str, str]
) -> str:
    """Return the code that a request is answered with, "0" for none; the connection can be used again."""
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return "0"
    return str(answer.status)


def try_to_log_in(url: str, tries: int) -> dict[str, int]:
    """Try so often, over a few connections at once, and return how often each code was answered; 0 is no answer."""
    codes: Counter[str] = Counter()
    shares = [tries // _AT_ONCE + (number < tries % _AT_ONCE) for number in range(_AT_ONCE)]

    def keep_trying(share: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)
        for number in range(share):
            body = json.dumps({"name": f"guard-{number % 50}", "password": f"guess-{number}"})
            codes[code_of(connection, "POST", "/api/v1/session", body, {"Content-Type": "application/json"})] += 1
        connection.close()

    threads = [threading.Thread(target=keep_trying, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(codes)


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.settimeout(_TIMEOUT_S)
    slow.connect((parts.hostname, parts.port))
    return slow


if __name__ == "__main__":
    sys.stdout.write(json.dumps(try_to_log_in(sys.argv[1], int(sys.argv[2]))) + "\n")
