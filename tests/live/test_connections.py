"""`monitor run` beside thousands of connections that say nothing."""

import contextlib
import resource
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.live.running import EAGER, Run, no_row_lost, played
from tests.live.watch import until

#: The log that such an attack may cause, in bytes.
MOST_LOG = 50_000


@contextlib.contextmanager
def few_files(soft: int) -> Iterator[None]:
    """Limit the file descriptors of processes that start meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """Let this process have the other ends of all connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 4096:
        pytest.skip(f"only {before[1]} file descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_silent_connections_of_one_address_and_of_many_end_nothing(runs: list[Run], sample: Path, tmp_path: Path):
    with few_files(1024):
        run = Run(tmp_path, {"door": played(sample, **EAGER)})
    runs.append(run)
    run.wait("web pages: http")
    run.wait("door: live")
    port = int(run.said.split("web pages: http://127.0.0.1:")[1].split("/")[0])
    lines = len(run.said)

    def answers_within_s() -> float:
        started = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.status == 200
        return time.monotonic() - started

    process = psutil.Process(run.process.pid)
    before = process.num_fds()
    with contextlib.ExitStack() as silent:
        for number in range(1200):
            silent.enter_context(connected(port, "127.0.0.2"))
            if number % 200 == 0:
                assert answers_within_s() < 2
        assert answers_within_s() < 2
        assert process.num_fds() < before + 200
        for number in range(1200):
            silent.enter_context(connected(port, f"127.0.1.{1 + number % 20}"))
        assert process.num_fds() < before + 600

    def is_well() -> bool:
        """The kernel's queue may hold connections that have ended, which take all places once more."""
        try:
            return process.num_fds() < before + 50 and answers_within_s() < 2
        except ConnectionError:
            return False

    until(is_well, lambda: f"{process.num_fds()} file descriptors are open")
    assert run.process.poll() is None
    assert "127.0.0.2 has 128 open, which is the limit for one address" in run.said
    assert len(run.said) - lines < MOST_LOG
    until(lambda: run.ask("SELECT count(*) FROM incidents") > [(0,)], lambda: run.said)
    run.stop()
    assert run.process.returncode == 0
    no_row_lost(run)


def connected(port: int, source: str) -> socket.socket:
    """Connect from one of this machine's addresses, and say nothing."""
    connection = socket.socket()
    try:
        connection.bind((source, 0))
        connection.connect(("127.0.0.1", port))
    except OSError:
        connection.close()
        raise
    return connection
