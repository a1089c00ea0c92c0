"""Cameras of the soak: Motion JPEG over HTTP, from one that is healthy and from one that breaks every rule."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2

from monitor.pipeline.pace import Pace

FPS = 5
_SIZE = (640, 360)
_FLOOD_S = 3.0

Send = Callable[[bytes], object]


def pictures(recording: Path) -> list[bytes]:
    """Return a recording as JPEG files, `FPS` a second."""
    found, pace = [], Pace(FPS)
    with av.open(str(recording)) as source:
        for frame in source.decode(video=0):
            if frame.time is not None and pace.due(frame.time):
                found.append(cv2.imencode(".jpg", frame.reformat(*_SIZE).to_ndarray(format="bgr24"))[1].tobytes())
    return found


@contextmanager
def serving(answer: Callable[[Send, threading.Event], None]) -> Iterator[str]:
    """Serve a camera that answers each connection so, and yield its address; the event is set at the end."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one viewer."""
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
            self.end_headers()
            self.connection.settimeout(10)
            with suppress(OSError):
                answer(self.wfile.write, ended)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def part(jpeg: bytes) -> bytes:
    """Return a picture as a part of the stream."""
    return b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)


def healthy(jpegs: Sequence[bytes]) -> Callable[[Send, threading.Event], None]:
    """Return a camera that plays these over and over."""

    def answer(send: Send, ended: threading.Event) -> None:
        for jpeg in itertools.cycle(jpegs):
            send(part(jpeg))
            if ended.wait(1 / FPS):
                return

    return answer


def hostile(jpegs: Sequence[bytes]) -> Callable[[Send, threading.Event], None]:
    """Return a camera that does something else wrong on each connection."""
    at = jpegs[0].index(b"\xff\xc0") + 5
    oversized = jpegs[0][:at] + (16_000).to_bytes(2, "big") * 2 + jpegs[0][at + 4 :]

    def endless(data: bytes, then: bytes = b"") -> Callable[[Send, threading.Event], None]:
        def answer(send: Send, ended: threading.Event) -> None:
            send(data)
            while then and not ended.is_set():
                send(then)

        return answer

    def flood(send: Send, ended: threading.Event) -> None:
        until_s = time.monotonic() + _FLOOD_S
        for jpeg in itertools.cycle(jpegs):
            if ended.is_set() or time.monotonic() > until_s:
                break
            send(part(jpeg))

    wrongs = itertools.cycle(
        [
            endless(bytes(range(256)) * 256),
            endless(part(oversized)),
            flood,
            endless(b"--b\r\n\r\n" + jpegs[0][:-2], bytes(65_536)),
            endless(b"--b\r\n", b"X-Filler: " + b"x" * 60_000 + b"\r\n"),
            endless(part(jpegs[0]) + part(jpegs[1])[:-500]),
            endless(b"".join(part(jpeg[:200] + bytes(200) + jpeg[400:]) for jpeg in jpegs[:20])),
        ]
    )

    def answer(send: Send, ended: threading.Event) -> None:
        next(wrongs)(send, ended)

    return answer
