"""`monitor run` with a PostgreSQL server that hangs, and with a table that another program keeps locked."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from scripts.bench.rows import Ask
from tests.integration.postgres import find_programs, hanging, running_server
from tests.live.running import EAGER, Run, no_row_lost, played
from tests.live.test_durability import healthz
from tests.live.watch import until


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a database on a server of its own, since it is stopped."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed: pip install 'psycopg[binary]'")
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    with running_server(programs) as url:
        yield url


def rows(url: str, query: str) -> list[tuple]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Keep a table locked, as a program that is being debugged might."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE incidents, visits, runs IN ACCESS EXCLUSIVE MODE"))
            yield
    finally:
        engine.dispose()


def asking(url: str) -> Ask:
    return lambda query: rows(url, query)


@pytest.mark.parametrize(
    ("faults", "fault"), [((), hanging), ((hanging,), locked)], ids=["hanging", "hanging for a while, then locked"]
)
def test_a_database_that_does_not_answer_is_a_fault_and_loses_nothing(
    runs: list[Run],
    server: str,
    sample: Path,
    tmp_path: Path,
    faults: Sequence[Callable[[str], AbstractContextManager[None]]],
    fault: Callable[[str], AbstractContextManager[None]],
) -> None:
    """Those in `faults` end while it runs, and the pages go on; in the midst of the last one it is stopped."""
    cameras = {"a": played(sample, **EAGER), "b": played(sample, **EAGER)}
    run = Run(tmp_path, cameras, journal={"url": server})
    runs.append(run)
    run.wait("a: live")
    run.wait("web pages: http")
    until(lambda: rows(server, "SELECT count(*) FROM incidents")[0][0] > 0, lambda: run.said)
    unwritten = run.journal.with_name("unwritten.jsonl")
    for short in faults:
        with short(server):
            run.wait(r"a: fault \(journal\)", 15)
        until(lambda: healthz(run) == 200, lambda: run.said, 20)
    with fault(server):
        run.wait(r"a: fault \(journal\)", 15, times=len(faults) + 1)
        assert healthz(run) == 503
        time.sleep(1)  # some more happens that cannot be written
        assert run.stop() < 6
        assert run.process.returncode == 0, run.said
        assert unwritten.stat().st_mode & 0o777 == 0o600
        waiting = len(unwritten.read_bytes().splitlines())
        assert waiting > 0
    again = Run(tmp_path, {"c": played(sample)}, journal={"url": server})
    runs.append(again)
    again.wait(f"{waiting} records of an earlier run are now in the journal")
    assert not unwritten.exists()
    again.wait("c: live")
    again.stop()
    print(f"records that waited: {waiting}")
    no_row_lost(run, asking(server))
    assert rows(server, "SELECT count(*) FROM runs WHERE ended_at IS NULL") == [(0,)]


def test_a_killed_monitor_loses_nothing_that_was_announced(
    runs: list[Run], server: str, sample: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path, {"a": played(sample, **EAGER)}, journal={"url": server})
    runs.append(run)
    log = run.journal.with_name("violations.log")
    until(lambda: log.exists() and "OPENED" in log.read_text("utf-8"), lambda: run.said, 45)
    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    again = Run(tmp_path, {"c": played(sample)}, journal={"url": server})
    runs.append(again)
    again.wait("c: live")
    again.stop()
    no_row_lost(again, asking(server), killed=True)
