"""Somebody at one address, or with one account, takes all that there is: the others are served."""

import base64
import contextlib
import io
import json
import resource
import select
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from websockets.sync.client import connect

from tests.integration.web.desk import ADMIN, VIEWER, Desk, Socket, serving
from tests.integration.web.test_hostile import head_of, status_of
from tests.live.watch import until

ATTACKER = "127.0.0.2"
TRY_LATER = 1013


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """Let this process have both ends of all connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 4096:
        pytest.skip(f"only {before[1]} file descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def attack(desk: Desk, data: bytes = b"") -> socket.socket:
    """Connect from the attacker's address, and send something."""
    connection = socket.create_connection(desk.address, 5, (ATTACKER, 0))
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)
    return connection


def assert_login_is_served(client: httpx.Client) -> None:
    started = time.monotonic()
    assert client.get("/login").status_code == 200
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: local"], ids=["silent", "half a head"])
def test_hundreds_of_slow_connections_of_one_address_leave_the_login_page_to_others(desk: Desk, data: bytes):
    with contextlib.ExitStack() as slow:
        for _ in range(650):
            slow.enter_context(attack(desk, data))
        with desk.client() as anybody:
            assert_login_is_served(anybody)


def test_silent_tls_handshakes_leave_the_login_page_to_others_and_end_soon(tmp_path: Path):
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    make += ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    files = {"tls_certificate": str(tmp_path / "certificate.pem"), "tls_key": str(tmp_path / "key.pem")}
    with (
        serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, wait=False, **files) as desk,
        httpx.Client(base_url=desk.url, verify=False, timeout=20) as anybody,
        contextlib.ExitStack() as silent,
    ):
        until(lambda: is_served(anybody))
        started = time.monotonic()
        first = silent.enter_context(attack(desk))
        for _ in range(650):
            silent.enter_context(attack(desk))
        with httpx.Client(base_url=desk.url, verify=False, timeout=20) as newcomer:
            assert_login_is_served(newcomer)
        first.settimeout(20)
        with contextlib.suppress(ConnectionResetError):
            assert first.recv(1) == b""
        assert 4 < time.monotonic() - started < 10


def is_served(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/login").status_code == 200
    return False


def test_one_viewer_does_not_get_all_live_sockets(desk: Desk):
    def opened(source: str, headers: dict[str, str]) -> Socket:
        address = desk.url.replace("http", "ws", 1) + "/api/v1/live"
        return Socket(connect(address, additional_headers=headers, source_address=(source, 0)))

    own = desk.token(VIEWER)
    with contextlib.ExitStack() as sockets:
        for number in range(96):
            sockets.enter_context(opened(ATTACKER if number % 2 else "127.0.0.3", own)).wait("cameras")
        with opened(ATTACKER, own) as refused:
            assert refused.ended() == TRY_LATER
        with desk.socket(**desk.token(ADMIN)) as other:
            other.watch("door")
            other.wait("picture")
    with desk.socket(**own) as again:
        again.wait("cameras")


def test_one_viewer_does_not_get_all_streams(desk: Desk):
    stream, codes = "/api/v1/cameras/door/stream.mjpg", Counter[int]()
    own, other = (
        head_of("GET", stream, f"Authorization: {desk.token(who)['Authorization']}") for who in (VIEWER, ADMIN)
    )
    with contextlib.ExitStack() as streams:
        for _ in range(40):
            codes[status_of(streams.enter_context(attack(desk, own)))] += 1
        assert codes == {200: 32, 503: 8}
        with socket.create_connection(desk.address) as connection:
            connection.sendall(other)
            assert status_of(connection) == 200


def test_one_viewer_does_not_get_all_places_of_photographs(desk: Desk):
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    picture = base64.b64encode(file.getvalue()).decode()
    lines = [
        "Content-Type: application/json",
        "Content-Length: 1000",
        f"Authorization: {desk.token(VIEWER)['Authorization']}",
    ]
    begun = head_of("POST", "/predict", *lines) + b'{"image": "'
    with contextlib.ExitStack() as uploads, desk.client(**desk.token(VIEWER)) as viewer:
        begun_ones = [uploads.enter_context(attack(desk, begun)) for _ in range(8)]
        until(lambda: sum(is_answered(each) for each in begun_ones) == 5, "five uploads are not refused", 10)
        assert viewer.post("/predict", json={"image": picture}).status_code == 503
        with desk.client(**desk.token(ADMIN)) as client:
            answer = client.post("/predict", json={"image": picture})
            assert answer.status_code == 200, answer.text
    assert json.loads(answer.text)["detections"] == []


def is_answered(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])
