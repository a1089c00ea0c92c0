"""Those who mean no good: the monitor answers them shortly, forgets them, and watches on."""

import base64
import contextlib
import json
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

from monitor.web import timeouts
from scripts.bench.bodies import bomb
from scripts.bench.hostile import frame_of
from tests.integration.web.desk import ADMIN, Desk
from tests.live.watch import until

#: What a test may leave in memory, in MB: libraries loaded late, and buffers that Python keeps.
GROWTH_MB = 60


def memory_mb() -> float:
    return psutil.Process().memory_info().rss / 2**20


def connections(desk: Desk) -> int:
    """Return how many connections the server holds."""
    port = desk.address[1]
    return sum(
        each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
        for each in psutil.Process().net_connections("tcp")
    )


@pytest.fixture
def undisturbed(desk: Desk) -> Iterator[None]:
    """Hold the cameras' analyses per second after a test against those before it."""
    before = desk.analyses_per_s(1.0)
    yield
    until(
        lambda: desk.analyses_per_s(1.0) > 0.7 * min(before, 20.0), lambda: f"{before:.1f} analyses per second before"
    )


def head_of(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def status_of(connection: socket.socket) -> int:
    """Return the status of the answer that comes."""
    connection.settimeout(20)
    data = b""
    while b"\r\n" not in data:
        more = connection.recv(4096)
        assert more, "no answer"
        data += more
    return int(data.split()[1])


@pytest.mark.usefixtures("undisturbed")
def test_a_hundred_who_never_read_slow_nobody_down_and_fill_nothing(desk: Desk, own_token: dict[str, str]):
    with desk.socket(**own_token) as normal:
        normal.watch("door", "yard")
        normal.wait("picture")
        alone = sum(each["type"] == "picture" for each in normal.during(2.0))
        before_mb = memory_mb()
        with contextlib.ExitStack() as slow_ones:
            for number in range(100):
                slow = slow_ones.enter_context(socket.create_connection(desk.address))
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                request = head_of(
                    "GET",
                    "/api/v1/live",
                    "Upgrade: websocket",
                    "Connection: Upgrade",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode(),
                    f"Authorization: {own_token['Authorization']}",
                )
                if number % 4 == 3:
                    slow.sendall(request[:-10])
                    continue
                slow.sendall(request)
                slow.sendall(
                    frame_of(json.dumps({"watch": {"door": {"width": 1280}, "yard": {"width": 1280}}}).encode())
                )
            until(lambda: connections(desk) >= 100)
            beside = sum(each["type"] == "picture" for each in normal.during(4.0)) / 2
            assert beside > 0.6 * alone, (beside, alone)
            assert memory_mb() - before_mb < GROWTH_MB
        until(lambda: connections(desk) <= 3, lambda: f"{connections(desk)} connections are left")


@pytest.fixture(scope="module")
def own_token(desk: Desk) -> dict[str, str]:
    return desk.token(ADMIN)


def test_who_stays_silent_is_let_go(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Half a head, none at all, and a second head that does not come whole on a connection that was in use."""
    assert timeouts.HEAD_WITHIN_S <= 15
    monkeypatch.setattr(timeouts, "HEAD_WITHIN_S", 3.0)
    with contextlib.ExitStack() as silent:
        begun = [silent.enter_context(socket.create_connection(desk.address)) for _ in range(3)]
        begun[1].sendall(b"GET / HTTP/1.1\r\nHost: local")
        begun[2].sendall(head_of("GET", "/healthz"))
        assert status_of(begun[2]) == 200
        begun[2].sendall(b"GET /healthz HTTP/1.1\r\nHo")
        started = time.monotonic()
        for each in begun:
            each.settimeout(40)
            with contextlib.suppress(ConnectionResetError):
                while each.recv(65536):
                    pass
        assert time.monotonic() - started < 40


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("undisturbed")
def test_ten_thousand_tries_to_log_in_are_answered_before_anything_is_hashed(desk: Desk):
    body = json.dumps({"name": "ada", "password": "wrong password, and long"}).encode()
    request = (
        head_of("POST", "/api/v1/session", "Content-Type: application/json", f"Content-Length: {len(body)}") + body
    )
    codes: Counter[int] = Counter()
    lock = threading.Lock()

    def try_often(count: int) -> None:
        own: Counter[int] = Counter()
        with socket.create_connection(desk.address) as connection, connection.makefile("rb") as answers:
            for _ in range(count // 50):
                connection.sendall(50 * request)  # without waiting for an answer, as fast as it goes
                own.update(_read_answer(answers) for _ in range(50))
        with lock:
            codes.update(own)

    before_mb, started = memory_mb(), time.process_time()
    tries = [threading.Thread(target=try_often, args=(2_500,)) for _ in range(4)]
    for each in tries:
        each.start()
    for each in tries:
        each.join()
    assert codes.total() == 10_000
    assert set(codes) == {401, 429}
    assert codes[401] <= 40, "ten a minute are looked at"
    assert time.process_time() - started < 60
    assert memory_mb() - before_mb < GROWTH_MB
    refused = [entry for entry in desk.accounts.audit(1000) if entry.action == "log in refused"]
    assert len(refused) <= 50, "the audit log is not flooded"


def _read_answer(answers: object) -> int:
    """Return the status of one answer, and read it to its end."""
    status, length = 0, 0
    while (line := answers.readline()) not in (b"\r\n", b""):  # type: ignore[attr-defined]
        if line.startswith(b"HTTP/"):
            status = int(line.split()[1])
        elif line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    answers.read(length)  # type: ignore[attr-defined]
    return status


@pytest.mark.usefixtures("undisturbed")
def test_bombs_do_not_go_off(desk: Desk, own_token: dict[str, str]):
    text = base64.b64encode(bomb()).decode()
    with desk.client(**own_token) as client:
        client.post("/predict", json={"image": text})
        before_mb = memory_mb()
        for _ in range(20):
            answer = client.post("/predict", json={"image": text})
            assert answer.status_code == 422
            assert "60000 x 60000" in answer.json()["detail"]
    assert memory_mb() - before_mb < GROWTH_MB


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("path", ["/predict", "/api/v1/session"])
@pytest.mark.parametrize("how", ["stated", "chunked"])
def test_two_hundred_megabytes_are_refused_and_not_held(desk: Desk, own_token: dict[str, str], path: str, how: str):
    lines = [f"Authorization: {own_token['Authorization']}", "Content-Type: application/json"]
    lines += ["Content-Length: 200000000"] if how == "stated" else ["Transfer-Encoding: chunked"]
    part = b"a" * 65_536
    part = part if how == "stated" else b"10000\r\n" + part + b"\r\n"
    before_mb, most_mb, sent, status = memory_mb(), 0.0, 0, 0
    with socket.create_connection(desk.address) as connection:
        connection.sendall(head_of("POST", path, *lines))
        with contextlib.suppress(ConnectionError):
            while sent < 200_000_000:
                if select.select([connection], [], [], 0)[0]:
                    break
                connection.sendall(part)
                sent += 65_536
                most_mb = max(most_mb, memory_mb() - before_mb)
            status = status_of(connection)
    assert status in (0, 413), "an answer, or the end of the connection"
    assert sent < 50_000_000
    assert most_mb < GROWTH_MB
    with desk.client() as anybody:
        assert anybody.get("/healthz").status_code == 200


def test_a_head_without_an_end_is_refused(desk: Desk):
    before_mb = memory_mb()
    with socket.create_connection(desk.address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(100_000):
                connection.sendall(f"X-{number}: {'a' * 200}\r\n".encode())
    assert number < 99_999
    assert memory_mb() - before_mb < GROWTH_MB


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\x00" * 5000,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_rubbish_is_a_bad_request(desk: Desk, rubbish: bytes):
    with socket.create_connection(desk.address) as connection:
        connection.sendall(rubbish)
        status = status_of(connection)
    assert 400 <= status < 500


def test_a_flood_of_wishes_on_one_socket_holds_nobody_up(desk: Desk, own_token: dict[str, str]):
    """A page that asks without end and never reads is let go; the others hear as before."""
    with desk.socket(**own_token) as normal, socket.create_connection(desk.address) as flood:
        flood.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        flood.sendall(
            head_of(
                "GET",
                "/api/v1/live",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: " + base64.b64encode(bytes(16)).decode(),
                f"Authorization: {own_token['Authorization']}",
            )
        )
        request = frame_of(b'{"ping":1}') * 100
        before_mb = memory_mb()
        flood.settimeout(0.5)
        deadline = time.monotonic() + 3
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                flood.sendall(request)
        started = time.monotonic()
        normal.send(ping=7)
        normal.wait("pong", ping=7.0)
        assert time.monotonic() - started < 5
        assert memory_mb() - before_mb < GROWTH_MB
