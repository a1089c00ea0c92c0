"""Cameras on the network, and machines that only look like one."""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2

from tests.fakes import noise

SYSTEM_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_NEEDED = """
import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
missing = [name for name in ("x264enc", "rtph264pay", "h264parse", "videotestsrc", "breakmydata")
           if Gst.ElementFactory.find(name) is None]
raise SystemExit(f"GStreamer lacks {', '.join(missing)}" if missing else 0)
"""


def why_no_rtsp_server() -> str | None:
    """Return what GStreamer's RTSP server wants for, None where it can run."""
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-c", _NEEDED], capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it cannot be started"])[-1]


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RtspServer:
    """A real camera's software on a process of its own, which can be killed, frozen and started again."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    def url(self, user: str = "", path: str = "cam") -> str:
        """Return the stream's address; `user` is "name:password"."""
        return f"rtsp://{f'{user}@' if user else ''}127.0.0.1:{self.port}/{path}"

    def start(self, *options: str) -> None:
        """Start, with other options where some are given; returns once it listens."""
        command = [SYSTEM_PYTHON, str(_SCRIPT), str(self.port), *(options or self._options)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def freeze(self) -> None:
        """Keep it from doing anything; its connections stay open."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """End it in the middle of everything."""
        if self._process is not None:
            self._send(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def rtsp(*options: str) -> Iterator[RtspServer]:
    """A running server."""
    server = RtspServer(*options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def listening(greeting: bytes = b"", *, endless: bool = False) -> Iterator[int]:
    """A port that accepts and says nothing, or says something that no camera says; gives its number."""
    ended = threading.Event()
    talks: list[threading.Thread] = []
    server = socket.create_server(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                while greeting:
                    connection.sendall(greeting)
                    if not endless:
                        break
            except OSError:
                pass
            else:
                ended.wait()

    def accept() -> None:
        try:
            while True:
                connection = server.accept()[0]
                talks.append(threading.Thread(target=talk, args=(connection,)))
                talks[-1].start()
        except OSError:
            pass

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for each in [thread, *talks]:
            each.join()


class HttpCamera:
    """Motion JPEG over HTTP, `fps` pictures a second; `hang` holds all connections up, `hang_up` ends them."""

    def __init__(self, fps: float = 10.0, size: tuple[int, int] = (320, 240)) -> None:
        self.fps = fps
        self._size = size
        self.go = threading.Event()
        self.go.set()
        self._ended = threading.Event()
        self._round = 0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Send pictures."""
                camera.serve(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/stream.mjpg"

    def __enter__(self) -> "HttpCamera":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hang(self) -> None:
        """Say nothing more, and keep the connections."""
        self.go.clear()

    def hang_up(self) -> None:
        """End all connections; new ones are welcome."""
        self._round += 1

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one viewer."""
        mine = self._round
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        number = 0
        try:
            while not self._ended.wait(1 / self.fps) and mine == self._round:
                self.go.wait()
                jpeg = cv2.imencode(".jpg", noise(*self._size[::-1], number := number + 1))[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                handler.wfile.write(head.encode() + jpeg + b"\r\n")
        except OSError:
            pass
