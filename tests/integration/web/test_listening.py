"""The listening socket where file descriptors run out: the server goes on, and says so in few lines."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from monitor.web.listening import Listener
from tests.conftest import PROJECT
from tests.live.watch import until

#: Serves with a limit of files that a few connections exhaust, and logs to standard error.
SERVER = """
import os, resource, sys
from monitor.commands.logs import log_to_stderr
from monitor.config.web import WebSettings
from monitor.web.listening import Listener
from monitor.web.server import Server

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        print(listener.getsockname()[1], flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 5, hard))
        await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})

log_to_stderr()
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
listener = Listener(2, 1000, 1000, ())
listener.bind(("127.0.0.1", 0))
Server(WebSettings(), listener).run(app)
"""


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def test_a_process_without_free_descriptors_closes_the_surplus_and_says_so_in_few_lines(server: subprocess.Popen[str]):
    assert server.stdout is not None
    port = int(server.stdout.readline())
    until(lambda: is_served(port), "the server does not start")
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    for connection in connections:
        connection.close()
    until(lambda: is_served(port), "the server does not answer", 5)
    server.kill()
    _, log = server.communicate()
    assert "connections are closed at once: Too many open files" in log
    assert len(log) < 20_000


def is_served(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(12) == b"HTTP/1.1 200"
    return False


def accepted(listener: Listener) -> bool:
    """Return whether a connection that waits is accepted; a refused one is closed."""
    try:
        kept.append(listener.accept()[0])
    except BlockingIOError:
        return False
    return True


kept: list[socket.socket] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while kept:
        kept.pop().close()


def connect(listener: Listener, source: str) -> socket.socket:
    connection = socket.socket()
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", listener.getsockname()[1]))
    kept.append(connection)
    return connection


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(socket.AF_INET, 5, 2, ("127.0.0.9",)) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        bound.setblocking(False)
        yield bound


def test_what_is_over_the_share_of_an_address_is_closed_at_once(listener: Listener):
    results = []
    for source in ("127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.3"):
        connect(listener, source)
        results.append(accepted(listener))
    assert results == [True, True, False, True]
    refused = [each for each in kept if each.getsockname()[0] == "127.0.0.2"][-1]
    refused.settimeout(5)
    assert refused.recv(1) == b""


def test_a_proxy_has_no_share_but_the_total_holds_for_it_too(listener: Listener):
    results = []
    for _ in range(6):
        connect(listener, "127.0.0.9")
        results.append(accepted(listener))
    assert results == [True] * 5 + [False]


def test_a_closed_connection_makes_room(listener: Listener):
    for _ in range(2):
        connect(listener, "127.0.0.2")
        assert accepted(listener)
    kept[1].close()  # the accepted end of the first
    connect(listener, "127.0.0.2")
    assert accepted(listener)
