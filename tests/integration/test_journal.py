"""The journal on real databases: SQLite through crashes, full disks and versions, and PostgreSQL."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from monitor.domain.detection import MaskState
from monitor.domain.errors import JournalError, UnwritableError
from monitor.domain.event import (
    CloseReason,
    EndReason,
    Event,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
    VisitEnded,
)
from monitor.domain.geometry import Box
from monitor.domain.ports import Beating
from monitor.domain.visit import Outcome, Segment, Visit
from monitor.storage.database import open_database
from monitor.storage.journal import Journal
from monitor.storage.run_info import CurrentRun, RunInfo
from tests.conftest import PROJECT
from tests.integration.postgres import losing_proxy

EVENT_TABLES = ("incidents", "visits", "source_events")

RUN = RunInfo(
    kind="replay",
    started_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    version="0.1.0",
    model="SSD",
    model_sha256="a" * 64,
    settings_sha256="b" * 64,
)


def incident(number: int, source: str = "door") -> IncidentOpened:
    return IncidentOpened(
        incident_id=f"{source}-{number:06d}",
        source_id=source,
        track_id=number,
        state=MaskState.WITHOUT_MASK,
        time_s=number + 0.5,
        since_s=float(number),
        confidence=0.75,
        box=Box(1.5, 2.5, 30.25, 40.125),
        share=0.875,
        evidence_s=1.5,
        observations=12,
    )


def a_day(source: str = "door") -> list[Event]:
    """Return one event of every kind."""
    visit = Visit(
        source_id=source,
        track_id=1,
        first_seen_s=0.5,
        last_seen_s=9.5,
        segments=(
            Segment(MaskState.UNKNOWN, 0.5, 1.0),
            Segment(MaskState.WITHOUT_MASK, 1.0, 4.0),
            Segment(MaskState.WITH_MASK, 4.0, 9.5),
        ),
        outcome=Outcome.CORRECTED,
        time_to_comply_s=3.0,
        hits=200,
        median_face_px=88.5,
    )
    return [
        SourceOpened(source, 0.0, 1280, 720),
        incident(1, source),
        IncidentClosed(f"{source}-000001", source, 1, 4.0, 2.5, CloseReason.CORRECTED),
        incident(2, source),
        VisitEnded(source, 9.5, visit),
        SourceEnded(source, 10.0, EndReason.TRUNCATED, 250),
    ]


def write(url: str, events: list[Event]) -> None:
    journal = Journal(open_database(url), CurrentRun(RUN))
    try:
        for event in events:
            journal.put(event)
    finally:
        journal.close()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def rows(url: str, query: str) -> list[tuple]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]
    finally:
        engine.dispose()


def count(url: str, table: str) -> int:
    return rows(url, f"SELECT count(*) FROM {table}")[0][0]


def test_every_kind_of_event_is_kept(url: str) -> None:
    write(url, a_day())
    assert rows(url, "SELECT kind, time_s, reason, frames FROM source_events ORDER BY id") == [
        ("opened", 0.0, None, None),
        ("ended", 10.0, "truncated", 250),
    ]
    assert rows(
        url, "SELECT incident_id, state, since_s, opened_s, closed_s, close_reason FROM incidents ORDER BY id"
    ) == [
        ("door-000001", "without_mask", 1.0, 1.5, 4.0, "corrected"),
        ("door-000002", "without_mask", 2.0, 2.5, None, None),
    ]
    assert rows(url, "SELECT x1_px, y1_px, x2_px, y2_px, confidence FROM incidents WHERE id = 1") == [
        (1.5, 2.5, 30.25, 40.125, 0.75)
    ]
    visits = rows(url, "SELECT track_id, outcome, time_to_comply_s, hits, median_face_px FROM visits")
    assert visits == [(1, "corrected", 3.0, 200, 88.5)]
    assert rows(url, "SELECT kind, version, model, model_sha256, settings_sha256 FROM runs") == [
        ("replay", "0.1.0", "SSD", "a" * 64, "b" * 64)
    ]


def test_a_rerun_appends_a_run_and_closes_its_own_incidents(url: str) -> None:
    write(url, [incident(1)])
    write(url, a_day())
    assert rows(url, "SELECT run_id, closed_s FROM incidents WHERE incident_id = 'door-000001' ORDER BY run_id") == [
        (1, None),
        (2, 4.0),
    ]
    assert rows(url, "SELECT count(*) FROM runs") == [(2,)]


def test_names_of_any_script_and_the_longest_that_a_camera_may_have(url: str) -> None:
    for name in ("Eingang Süd 口罩 🎭", "x" * 64):
        write(url, a_day(name))
        assert rows(url, "SELECT max(source_id) FROM incidents WHERE run_id = (SELECT max(run_id) FROM incidents)") == [
            (name,)
        ]


def test_the_name_of_a_recording_may_be_as_long_as_a_file_name(url: str) -> None:
    """A replayed file gives its events its own name, and file names have up to 255 bytes."""
    write(url, a_day("gate " + "x" * 240))
    assert rows(url, "SELECT count(*) FROM incidents") == [(2,)]


def test_the_same_event_twice_is_stored_once(url: str) -> None:
    write(url, [event for event in a_day() for _ in range(2)] + a_day())
    assert [count(url, table) for table in EVENT_TABLES] == [2, 1, 2]


def test_another_event_under_a_stored_key_is_refused_and_the_rest_stays(url: str) -> None:
    """The answer to a lost answer must not hide a real loss."""
    journal = Journal(open_database(url), CurrentRun(RUN))
    for event in a_day():
        journal.put(event)
    *_, visit, ended = a_day()
    assert isinstance(visit, VisitEnded)
    assert isinstance(ended, SourceEnded)
    for other in (
        replace(incident(1), track_id=77),
        replace(visit, visit=replace(visit.visit, hits=201)),
        replace(ended, frames=251),
    ):
        with pytest.raises(UnwritableError, match="another record") as caught:
            journal.put(other)
        assert "\n" not in str(caught.value)
    journal.put(incident(3))
    journal.close()
    assert [count(url, table) for table in EVENT_TABLES] == [3, 1, 2]


class _LosesAnswers(sqlite3.Connection):
    """Commits, and then says that it could not, when `lose` is set."""

    lose = False

    def commit(self) -> None:
        super().commit()
        if _LosesAnswers.lose:
            _LosesAnswers.lose = False
            raise sqlite3.OperationalError("disk I/O error")


@contextmanager
def losing_answers(url: str) -> Iterator[tuple[Engine, Callable[[], None]]]:
    """Give an engine, and what makes the answer to its next commit get lost after the database has committed."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"factory": _LosesAnswers})
        yield engine, lambda: setattr(_LosesAnswers, "lose", True)
        engine.dispose()
        return
    with losing_proxy(url) as (proxied, lose):
        engine = create_engine(proxied)
        yield engine, lose
        engine.dispose()


def test_an_event_whose_commit_succeeded_but_whose_answer_was_lost_is_stored_once(url: str) -> None:
    open_database(url).dispose()
    with losing_answers(url) as (engine, lose):
        journal = Journal(engine, CurrentRun(RUN))
        for event in a_day():
            lose()
            with pytest.raises(JournalError) as caught:
                journal.put(event)
            assert not isinstance(caught.value, UnwritableError), "the recorder tries again"
            journal.put(event)
        journal.close()
    assert [count(url, table) for table in EVENT_TABLES] == [2, 1, 2]
    assert rows(url, "SELECT incident_id, close_reason FROM incidents ORDER BY id") == [
        ("door-000001", "corrected"),
        ("door-000002", None),
    ]


def test_a_run_says_whose_it_is_beats_and_ends(url: str) -> None:
    def run() -> tuple:
        (row,) = rows(url, "SELECT owner, beat_at, ended_at FROM runs")
        return row

    journal = Journal(open_database(url), CurrentRun(RUN))
    owner, began, ended = run()
    assert owner.startswith(f"{socket.gethostname()}:{os.getpid()}:")
    assert began is not None
    assert ended is None
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET beat_at = NULL"))
    engine.dispose()
    assert isinstance(journal, Beating), "or the recorder would pass it over"
    journal.beat()
    assert run()[1] >= began
    journal.close()
    assert run()[2] >= began


def test_the_tables_are_those_of_the_migrations(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from monitor.storage.schema import Base

    write(url, [])
    engine = create_engine(url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
        tables = set(inspect(connection).get_table_names())
    engine.dispose()
    assert differences == []
    assert {"runs", "incidents", "visits", "source_events", "alembic_version"} <= tables


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    write(url, a_day())
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(JournalError, match="newer version") as caught:
        Journal(open_database(url), CurrentRun(RUN))
    assert "\n" not in str(caught.value)
    assert rows(url, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert rows(url, "SELECT count(*) FROM runs") == [(1,)]


def test_a_server_that_does_not_answer_is_refused_in_one_line_without_its_password() -> None:
    with pytest.raises(JournalError) as caught:
        Journal(
            open_database("postgresql+psycopg://monitor:geheim@127.0.0.1:1/journal?connect_timeout=3"), CurrentRun(RUN)
        )
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)


WRITER = """
import sys
from monitor.storage.run_info import CurrentRun
from tests.integration.test_journal import RUN, incident
from monitor.domain.event import CloseReason, IncidentClosed
from monitor.storage.database import open_database
from monitor.storage.journal import Journal
journal = Journal(open_database(sys.argv[1]), CurrentRun(RUN))
for number in range(1, 1_000_000):
    journal.put(incident(number))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def start_writer(url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.parametrize("after", [1, 23, 77])
def test_a_killed_writer_loses_at_most_the_event_in_flight(url: str, after: int) -> None:
    writer = start_writer(url)
    assert writer.stdout is not None
    told = 0
    while told < after:
        told = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    told = max([told, *(int(line) for line in writer.stdout.read().splitlines() if line)])
    writer.stdout.close()
    assert writer.wait(10) == -signal.SIGKILL
    kept = rows(url, "SELECT incident_id FROM incidents ORDER BY id")
    assert told <= len(kept) <= told + 1
    assert [name for (name,) in kept] == [f"door-{number:06d}" for number in range(1, len(kept) + 1)]
    if url.startswith("sqlite"):
        assert rows(url, "PRAGMA integrity_check") == [("ok",)]
    write(url, a_day())  # and the next run goes on
    assert rows(url, "SELECT count(*) FROM runs") == [(2,)]


def test_sqlite_writes_ahead_and_syncs(tmp_path: Path) -> None:
    journal = Journal(open_database(sqlite_url(tmp_path / "journal.db")), CurrentRun(RUN))
    journal.put(incident(1))
    reader = sqlite3.connect(f"file:{tmp_path / 'journal.db'}?mode=ro", uri=True)
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert reader.execute("SELECT count(*) FROM incidents").fetchone() == (1,), "readers see what was committed"
    journal.put(incident(2))
    assert reader.execute("SELECT count(*) FROM incidents").fetchone() == (2,)
    reader.close()
    journal.close()


def test_a_full_disk_is_told_in_one_line_and_spares_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write(sqlite_url(path), a_day())
    limit = path.stat().st_size + 40_000
    code = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from monitor.domain.errors import JournalError
try:
    exec({WRITER!r})
except JournalError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, sqlite_url(path)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 6, done.stderr
    assert done.stderr.count("\n") == 1
    told = int(done.stdout.split()[-1])
    assert rows(sqlite_url(path), "PRAGMA integrity_check") == [("ok",)]
    assert rows(sqlite_url(path), "SELECT count(*) FROM incidents WHERE run_id = 1") == [(2,)]
    kept = rows(sqlite_url(path), "SELECT count(*) FROM incidents WHERE run_id = 2")[0][0]
    assert told <= kept <= told + 1
    write(sqlite_url(path), a_day())


def spoil_with_text(path: Path) -> None:
    path.write_text("This is no database.\n" * 1000)


def spoil_with_a_folder(path: Path) -> None:
    path.mkdir()


def spoil_the_middle(path: Path) -> None:
    write(sqlite_url(path), a_day())
    data = bytearray(path.read_bytes())
    data[100 : 2 * 4096] = b"\xff" * (2 * 4096 - 100)
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [spoil_with_text, spoil_with_a_folder, spoil_the_middle])
def test_what_is_no_database_is_refused_in_one_line(tmp_path: Path, spoil) -> None:
    path = tmp_path / "journal.db"
    spoil(path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(JournalError) as caught:
        Journal(open_database(sqlite_url(path)), CurrentRun(RUN))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert before is None or path.read_bytes() == before


def test_a_second_writer_is_told_not_to_wait_for_ever(tmp_path: Path) -> None:
    """A locked database is an error in one line after SQLite's own waiting time."""
    path = tmp_path / "journal.db"
    journal = Journal(open_database(sqlite_url(path)), CurrentRun(RUN))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="locked"):
        journal.put(incident(1))
    other.execute("ROLLBACK")
    other.close()
    journal.put(incident(1))
    journal.close()
    assert rows(sqlite_url(path), "SELECT count(*) FROM incidents") == [(1,)]


def test_nothing_stays_open_after_close(tmp_path: Path) -> None:
    before = psutil.Process().num_fds()
    write(sqlite_url(tmp_path / "journal.db"), a_day())
    assert psutil.Process().num_fds() <= before
    assert [path.name for path in tmp_path.iterdir()] == ["journal.db"], "the write-ahead log is folded in"
