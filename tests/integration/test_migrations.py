"""A journal of an older version is brought up to date with all that is in it, and back."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from monitor.domain.account import Account, Role
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.storage import migrations
from monitor.storage.accounts import AccountRepository
from monitor.storage.database import migrating, open_database
from monitor.storage.incidents import IncidentRepository, Search
from tests.conftest import PROJECT
from tests.fakes import FakeClock

FOLDER = Path(migrations.__file__).parent
NEW_TABLES = {"reviews", "accounts", "tokens", "audit", "kiosks", "sessions"}
EVIDENCE = {"share", "evidence_s", "observations", "settings"}


def migrate(engine: Engine, to: Callable[[Config, str], None], revision: str) -> None:
    with engine.begin() as connection:
        to(config_of(connection), revision)


def config_of(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def columns(engine: Engine, table: str) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns(table)}


def indexes(engine: Engine, table: str) -> set[str]:
    return {str(index["name"]) for index in inspect(engine).get_indexes(table)}


@pytest.fixture
def old(url: str) -> Engine:
    """A journal of the version before, with one incident."""
    engine = create_engine(url)
    migrate(engine, command.upgrade, "0002")
    with engine.begin() as connection:
        at = {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
        connection.execute(
            text("INSERT INTO runs VALUES (1, :at, 'live', '0.0.9', 'SSD', 'a', 'b')"),
            at,
        )
        connection.execute(
            text(
                "INSERT INTO incidents (id, run_id, incident_id, source_id, track_id, state, since_s, opened_s, "
                "confidence, x1_px, y1_px, x2_px, y2_px, opened_at) VALUES "
                "(7, 1, 'old-1', 'door', 1, 'without_mask', 1.0, 3.0, 0.75, 1, 2, 3, 4, :at)"
            ),
            at,
        )
    yield engine
    engine.dispose()


def test_what_was_there_stays_and_can_be_judged(old: Engine, url: str):
    engine = open_database(url)
    assert tables(engine) > NEW_TABLES
    assert columns(engine, "incidents") > EVIDENCE
    repository = IncidentRepository(engine, FakeClock(), datetime(2026, 2, 1, tzinfo=UTC))
    (incident,) = repository.find(Search())
    assert (incident.number, incident.incident_id, incident.confidence) == (7, "old-1", 0.75)
    detail = repository.detail(7)
    assert (detail.share, detail.evidence_s, detail.observations, detail.settings) == (None, None, None, None)
    repository.review(7, "ada", ReviewDecision.CONFIRMED, None, "")
    assert repository.incident(7).decision is ReviewDecision.CONFIRMED
    AccountRepository(engine, FakeClock()).add(Account("ada", Role.ADMIN), "correct horse battery")
    engine.dispose()


def test_the_way_back_takes_the_new_and_leaves_the_old(old: Engine, url: str):
    before = columns(old, "incidents"), indexes(old, "incidents"), tables(old)
    open_database(url).dispose()
    migrate(old, command.downgrade, "0002")
    assert (columns(old, "incidents"), indexes(old, "incidents"), tables(old)) == before
    with old.connect() as connection:
        assert connection.execute(text("SELECT id, incident_id FROM incidents")).all() == [(7, "old-1")]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0002"
    open_database(url).dispose()
    assert tables(old) > NEW_TABLES


def test_up_and_down_all_the_way(url: str):
    engine = create_engine(url)
    for _ in range(2):
        migrate(engine, command.upgrade, "head")
        assert tables(engine) > NEW_TABLES
        migrate(engine, command.downgrade, "base")
        assert tables(engine) == {"alembic_version"}
    engine.dispose()


def test_events_that_were_written_twice_become_one(url: str):
    """An older version wrote a visit or a source event again when the answer to its commit was lost."""
    engine = create_engine(url)
    migrate(engine, command.upgrade, "0005")
    visit = "(:id, 1, 'door', :track, :first, 9.5, 'corrected', 3, 200, 88.5, '[]')"
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO runs VALUES (1, :at, 'live', '0', 'SSD', 'a', 'b')"),
            {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
        )
        for number, (track, first_s) in enumerate([(1, 0.1), (2, 0.1), (1, 0.1), (1, 7.7), (1, 0.1)], start=1):
            connection.execute(
                text(
                    "INSERT INTO visits (id, run_id, source_id, track_id, first_seen_s, last_seen_s, outcome, "
                    f"time_to_comply_s, hits, median_face_px, segments) VALUES {visit}"
                ),
                {"id": number, "track": track, "first": first_s},
            )
        for number, kind in enumerate(["opened", "opened", "lost"], start=1):
            connection.execute(
                text(
                    "INSERT INTO source_events (id, run_id, source_id, kind, time_s) VALUES (:id, 1, 'door', :k, 0.1)"
                ),
                {"id": number, "k": kind},
            )
    open_database(url).dispose()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM visits ORDER BY id")).scalars().all() == [1, 2, 4]
        assert connection.execute(text("SELECT id FROM source_events ORDER BY id")).scalars().all() == [1, 3]
        assert connection.execute(text("SELECT owner, beat_at, ended_at FROM runs")).all() == [(None, None, None)]
    engine.dispose()


KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from monitor.storage.database import open_database

done = []

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    done.append(statement.startswith(("CREATE", "ALTER", "INSERT", "UPDATE")))
    if sum(done) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

open_database(sys.argv[1]).dispose()
"""


def killed_after(changes: int, url: str) -> bool:
    """Open a database in a process that dies after so many changes of it; return whether it came to that."""
    done = subprocess.run([sys.executable, "-c", KILLED, url, str(changes)], cwd=PROJECT, check=False)
    return done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("changes", [1, 4, 20])
def test_a_first_start_that_is_killed_leaves_nothing_behind(url: str, changes: int):
    assert killed_after(changes, url)
    engine = create_engine(url)
    assert tables(engine) == set()
    open_database(url).dispose()
    assert tables(engine) > NEW_TABLES
    engine.dispose()


@pytest.mark.parametrize("changes", [1, 10])
def test_an_upgrade_that_is_killed_leaves_the_old_as_it_was(old: Engine, url: str, changes: int):
    before = columns(old, "incidents"), tables(old)
    assert killed_after(changes, url)
    assert (columns(old, "incidents"), tables(old)) == before
    open_database(url).dispose()
    assert tables(old) > NEW_TABLES
    with old.connect() as connection:
        assert connection.execute(text("SELECT id, incident_id FROM incidents")).all() == [(7, "old-1")]


def test_a_table_that_is_copied_is_changed_whole_or_not_at_all(old: Engine, url: str):
    """SQLite takes a column away by copying the table, here one that others refer to."""
    engine = open_database(url)
    IncidentRepository(engine, FakeClock(), datetime(2026, 2, 1, tzinfo=UTC)).review(
        7, "ada", ReviewDecision.CONFIRMED, None, ""
    )
    before = columns(engine, "incidents"), indexes(engine, "incidents"), tables(engine)
    with contextlib.suppress(InterruptedError), migrating(engine) as connection:
        command.downgrade(config_of(connection), "0003")
        raise InterruptedError
    assert (columns(engine, "incidents"), indexes(engine, "incidents"), tables(engine)) == before
    with migrating(engine) as connection:
        command.downgrade(config_of(connection), "0003")
    assert columns(engine, "incidents") == before[0] - {"settings", "observations"} | {"looks"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT incident, opinion FROM remarks")).all() == [(7, "right")]
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1, "for whoever comes after"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
    engine.dispose()


OPENER = """
import sys
from monitor.storage.database import open_database
print(flush=True)
sys.stdin.readline()
open_database(sys.argv[1]).dispose()
"""


def test_first_openings_at_the_same_time_wait_for_each_other(url: str):
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, url],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for opener in openers:
        opener.stdout.readline()
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    assert [(opener.communicate(timeout=60)[1], opener.returncode) for opener in openers] == [("", 0)] * 2
    engine = create_engine(url)
    assert tables(engine) > NEW_TABLES
    engine.dispose()


def test_a_new_database_is_waited_for_while_another_program_holds_it(tmp_path: Path):
    path = tmp_path / "journal.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    letting_go = threading.Timer(0.5, other.execute, ["ROLLBACK"])
    letting_go.start()
    open_database(f"sqlite:///{path}").dispose()
    letting_go.join()
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_what_is_up_to_date_is_opened_while_another_program_writes(migrated: Path):
    other = sqlite3.connect(migrated, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine = open_database(f"sqlite:///{migrated}")
    assert not AccountRepository(engine, FakeClock()).exist()
    engine.dispose()
    other.close()


def test_a_longer_reason_fits_and_is_shortened_on_the_way_back(old: Engine, url: str):
    engine = open_database(url)
    repository = IncidentRepository(engine, FakeClock(), datetime(2026, 2, 1, tzinfo=UTC))
    repository.review(7, "ada", ReviewDecision.CONFIRMED, None, "")
    repository.review(7, "ada", ReviewDecision.WITHDRAWN, None, "")
    repository.review(7, "ada", ReviewDecision.FALSE_ALARM, FalseAlarmReason.MASK_WORN_CORRECTLY, "")
    with engine.connect() as connection:
        (column,) = [
            each for each in inspect(connection).get_columns("reviews") if each["name"] == "false_alarm_reason"
        ]
    assert column["type"].length == 32
    engine.dispose()
    migrate(old, command.downgrade, "0005")
    with old.connect() as connection:
        rows = connection.execute(text("SELECT decision, false_alarm_reason FROM reviews")).all()
    assert rows == [("false_alarm", "other")]
