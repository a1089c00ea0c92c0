"""Cameras that send too much: what they state is refused before memory is reserved for it."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.sources.opening import make_camera_source
from scripts.bench.hostile_cameras import HOSTILE, attacker
from scripts.bench.memory import Peak
from tests.integration.clips import quadrants, write_clip

#: The most memory in MB that a camera may cost, with the process that reads it.
MOST_MB = 150

DIGEST = 'Digest realm="c", nonce="1"'


pytestmark = pytest.mark.usefixtures("readers")


def read(address: str, time_out_s: float = 3, seconds: float = 2) -> tuple[float, str]:
    """Read a camera for so many seconds; return by how many MB the peak of memory rose, and the error."""
    settings = {"source": address, "capture": {"open_timeout_s": time_out_s, "read_timeout_s": time_out_s}}
    words = "nothing"
    with Peak(HOSTILE) as peak:
        source = make_camera_source("door", CameraSettings.model_validate(settings), SystemClock(), time.sleep)
        try:
            source.open()
            until_s = time.monotonic() + seconds
            while time.monotonic() < until_s:
                source.grab()
                source.retrieve()
        except SourceError as error:
            words = str(error)
        finally:
            source.close()
    return peak.rise_mb, words


@contextmanager
def sending(first: bytes, then: bytes = b"") -> Iterator[int]:
    """A server that answers with `first`, and then with `then` for as long as it is read; gives its port.

    With CSEQ in it, which stands for the number of the request, every request is answered.
    """
    server = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            while request := connection.recv(4096):
                number = re.search(rb"CSeq: (\d+)", request)
                connection.sendall(first.replace(b"CSEQ", number[1]) if number else first)
                if b"CSEQ" not in first:
                    break
            while then and not ended.is_set():
                connection.sendall(then)

    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=talk, args=(server.accept()[0],)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield server.getsockname()[1]
    finally:
        ended.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for thread in [accepting, *threads]:
            thread.join()


@pytest.mark.parametrize(
    ("challenges", "words"),
    [
        (['Digest realm="c", nonce="1", algorithm="SHA-256"'], "SHA-256 only, which is not supported over RTSP"),
        (
            ['Digest realm="c", nonce="1", algorithm="SHA-256"', 'Digest realm="c", nonce="1", algorithm=MD5'],
            "check both",
        ),
        ([DIGEST], "check both"),
        (['Basic realm="c"'], "check both"),
    ],
)
def test_a_way_of_logging_in_that_is_not_known_is_named(challenges: list[str], words: str) -> None:
    lines = ["RTSP/1.0 401 Unauthorized", "CSeq: CSEQ", *(f"WWW-Authenticate: {each}" for each in challenges), "", ""]
    with sending("\r\n".join(lines).encode()) as port:
        assert words in read(f"rtsp://ann:hunter2@127.0.0.1:{port}/")[1]


def huge_jpeg(width: int, height: int) -> bytes:
    """A JPEG that states this size, with the data of a small one."""
    import cv2
    import numpy as np

    data = bytearray(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def test_a_picture_that_states_a_huge_size() -> None:
    header = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
    picture = huge_jpeg(16_000, 16_000)
    with sending(header, b"--b\r\n\r\n" + picture) as port:
        rise_mb, words = read(f"http://127.0.0.1:{port}/")
    assert "its pictures are 16000 x 16000, more than 16 million pixels" in words
    assert rise_mb < MOST_MB


def test_a_picture_without_an_end() -> None:
    header = b"HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + huge_jpeg(640, 480)[:-2]
    with sending(header, bytes(1 << 20)) as port:
        rise_mb, words = read(f"http://127.0.0.1:{port}/")
    assert "more than 32 MB" in words
    assert rise_mb < MOST_MB


def test_an_http_header_without_an_end() -> None:
    with sending(b"HTTP/1.0 200 OK\r\n", b"X-Filler: " + b"x" * 60_000 + b"\r\n") as port:
        rise_mb, words = read(f"http://127.0.0.1:{port}/")
    assert "not over HTTP" in words
    assert rise_mb < MOST_MB


def test_an_rtsp_answer_that_states_two_gigabytes() -> None:
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\nContent-Length: 2000000000\r\n\r\n"
    with sending(answer, bytes(1 << 20)) as port:
        rise_mb, words = read(f"rtsp://127.0.0.1:{port}/")
    assert words != "nothing"
    assert rise_mb < MOST_MB


@pytest.mark.parametrize("name", ["a.ts", "a.mkv"])
def test_a_video_that_states_a_huge_size(tmp_path: Path, name: str) -> None:
    clip = write_clip(tmp_path / name, 2, (5000, 5000), encoder={"preset": "ultrafast"}, paint=quadrants)
    with sending(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + clip.read_bytes()) as port:
        rise_mb, words = read(f"http://127.0.0.1:{port}/")
    assert "5000 x 5000" in words or "no picture that can be decoded" in words
    assert rise_mb < MOST_MB


@pytest.mark.parametrize(
    ("name", "words", "time_out_s"),
    [
        ("references", "need more than", 20),
        ("jpegs", "", 20),
        ("sizes", "", 20),
        ("packet", "", 1),
        ("fragments", "", 1),
        ("media", "", 1),
    ],
)
def test_what_a_camera_sends_is_read_within_a_limit_of_memory(name: str, words: str, time_out_s: float) -> None:
    with attacker(name) as address:
        rise_mb, said = read(address, time_out_s, 60 if words else 2)  # 60 s: until the error
    print(f"{name}: {rise_mb:.0f} MB, {said}")
    assert words in said
    assert rise_mb < MOST_MB
