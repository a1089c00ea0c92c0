"""An RTSP camera cannot send the monitor elsewhere: real servers on loopback, of which the second sees nothing."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.cause import Cause
from monitor.domain.clock import SystemClock
from monitor.domain.errors import SourceError
from monitor.sources.opening import make_camera_source

Answers = Callable[[bytes, int], bytes]

SDP = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=c\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


class Second:
    """A server of TCP and UDP at one port that remembers who came."""

    def __init__(self) -> None:
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))

    def came(self) -> list[str]:
        """Return who has come so far, "TCP" or "UDP"; connections and packets wait until they are looked at."""
        came = []
        for name, each in (("TCP", self._tcp), ("UDP", self._udp)):
            each.setblocking(False)
            with suppress(BlockingIOError):
                if each is self._tcp:
                    each.accept()[0].close()
                else:
                    each.recv(1)
                came.append(name)
        return came

    def close(self) -> None:
        self._tcp.close()
        self._udp.close()


@pytest.fixture
def second() -> Iterator[Second]:
    server = Second()
    yield server
    server.close()


@contextmanager
def camera(answers: Answers) -> Iterator[str]:
    """An RTSP server that answers each request; gives its address."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            while request := connection.recv(4096):
                number = re.search(rb"CSeq: (\d+)", request)
                assert number is not None
                status, _, rest = answers(request, port).partition(b"\r\n")
                connection.sendall(b"RTSP/1.0 %s\r\nCSeq: %s\r\n%s" % (status, number[1], rest))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=talk, args=(server.accept()[0],)))
                threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield f"rtsp://ann:hunter2@127.0.0.1:{port}/cam"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for thread in threads:
            thread.join()


def failure(address: str, **capture: object) -> SourceError:
    settings = {"source": address, "capture": {"open_timeout_s": 5, "read_timeout_s": 2} | capture}
    source = make_camera_source("door", CameraSettings.model_validate(settings), SystemClock(), time.sleep)

    def read() -> None:
        source.open()
        source.grab()

    try:
        with pytest.raises(SourceError) as caught:
            read()
    finally:
        source.close()
    assert "hunter2" not in str(caught.value)
    return caught.value


def redirecting(location: bytes | None, method: bytes = b"OPTIONS", status: bytes = b"302 Found") -> Answers:
    header = b"" if location is None else b"Location: " + location + b"\r\n"

    def answers(request: bytes, _: int) -> bytes:
        return (status + b"\r\n" + header if request.startswith(method) else b"200 OK\r\n") + b"\r\n"

    return answers


@pytest.mark.parametrize("status", [b"301 Moved Permanently", b"302 Found", b"305 Use Proxy", b"399 Other"])
@pytest.mark.parametrize("method", [b"OPTIONS", b"DESCRIBE"])
def test_a_redirect_to_another_server_is_refused(second: Second, method: bytes, status: bytes) -> None:
    with camera(redirecting(b"rtsp://127.0.0.1:%d/cam" % second.port, method, status)) as address:
        error = failure(address)
    assert error.cause is Cause.REFUSED
    assert f"redirects to another address (rtsp://127.0.0.1:{second.port}); if that is the camera" in str(error)
    assert second.came() == []


@pytest.mark.parametrize(
    "location",
    [
        b"rtsp://localhost:%d/",
        b"rtsp://127.0.0.1@127.0.0.1:%d/",
        b"rtsps://127.0.0.1:%d/",
        b"//127.0.0.1:%d/",
        b"",
        None,
    ],
)
def test_a_redirect_that_hides_its_target_is_refused(second: Second, location: bytes | None) -> None:
    target = location % second.port if location is not None and b"%d" in location else location
    with camera(redirecting(target)) as address:
        assert "redirects to" in str(failure(address))
    assert second.came() == []


def test_a_redirect_to_the_same_camera_is_followed() -> None:
    asked: list[bytes] = []

    def answers(request: bytes, port: int) -> bytes:
        asked.append(request.split()[1].rpartition(b"/")[2])
        if asked[-1] == b"cam":
            return b"302 Found\r\nLocation: rtsp://127.0.0.1:%d/other\r\n\r\n" % port
        return b"404 Not Found\r\n\r\n"

    with camera(answers) as address:
        assert failure(address).cause is Cause.NOT_FOUND
    assert asked[:2] == [b"cam", b"other"]


def described(second: Second, transport: bytes) -> Answers:
    """A camera whose description names the second server wherever one can be named."""
    elsewhere = b"rtsp://127.0.0.1:%d/" % second.port

    def answers(request: bytes, _: int) -> bytes:
        if request.startswith(b"DESCRIBE"):
            body = SDP + b"a=control:%strack\r\n" % elsewhere
            headers = b"Content-Type: application/sdp\r\nContent-Base: %s\r\nContent-Length: %d\r\n\r\n"
            return b"200 OK\r\n" + headers % (elsewhere, len(body)) + body
        if request.startswith(b"SETUP"):
            return b"200 OK\r\nSession: 1\r\n" + transport + b"\r\n\r\n"
        return b"200 OK\r\n\r\n"

    return answers


def test_addresses_in_a_description_are_no_reason_to_connect_to_them(second: Second) -> None:
    with camera(described(second, b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1")) as address:
        failure(address)
    assert second.came() == []


def test_pictures_over_udp_come_from_the_camera_itself(second: Second) -> None:
    ports = b"client_port=5000-5001;server_port=%d-%d" % (second.port, second.port + 1)
    transport = b"Transport: RTP/AVP;unicast;" + ports + b";source=localhost"
    with camera(described(second, transport)) as address:
        error = failure(address, transport="udp")
    assert "sends over UDP from another address (localhost)" in str(error)
    assert second.came() == []


def test_a_group_for_multicast_is_one(second: Second) -> None:
    transport = b"Transport: RTP/AVP;multicast;destination=127.0.0.1;port=%d-%d;ttl=1" % (second.port, second.port + 1)
    with camera(described(second, transport)) as address:
        error = failure(address, transport="multicast")
    assert "names no group for UDP multicast" in str(error)
    assert second.came() == []
