"""The chain of evidence: unbroken as it is written, and broken by whatever is changed afterwards."""

import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from monitor.domain.errors import EvidenceError
from monitor.domain.event import EvidenceFile
from monitor.evidence.signing import KEY_NAME
from monitor.evidence.verifying import verify_journal
from monitor.storage.database import open_database, read_database, sqlite_url
from monitor.storage.evidence_files import FileRepository
from monitor.storage.incidents import IncidentRepository
from monitor.storage.journal import Journal
from monitor.storage.run_info import CurrentRun, RunInfo
from monitor.storage.schema import ChainRow
from tests.integration.evidence import START, Case, case_in, opened, to_utc

#: Columns that are no evidence: numbers that nothing refers to, and the signs of life of a process.
NOT_EVIDENCE = {
    ("evidence_files", "id"),
    ("chain_signatures", "id"),
    ("runs", "owner"),
    ("runs", "beat_at"),
    ("runs", "ended_at"),
}
TABLES = ("incidents", "reviews", "runs", "evidence_files", "chain", "chain_signatures")


@pytest.fixture
def case(engine: Engine, tmp_path: Path) -> Case:
    """Two incidents, one of them closed and reviewed."""
    case = case_in(engine, tmp_path)
    first = case.open(1)
    case.close(1)
    case.open(2)
    case.review(first)
    case.sign()
    return case


def test_what_is_recorded_is_unbroken_and_signed(case: Case) -> None:
    found = verify_journal(case.engine, case.live, case.key)
    assert (found.records, found.incidents, found.files, found.signed, found.older) == (5, 2, 2, 5, 0)
    assert found.public_keys == [case.key]
    assert (case.folder / KEY_NAME).stat().st_mode & 0o777 == 0o600


def test_an_event_that_is_put_twice_is_in_the_chain_once(case: Case) -> None:
    files = tuple(FileRepository(case.engine).of_incident(1))
    case.journal.put(replace(opened(1), files=files))
    case.close(1)
    assert verify_journal(case.engine, case.live, case.key).records == 5


def test_a_file_that_comes_later_is_in_the_chain(case: Case) -> None:
    FileRepository(case.engine).add(2, EvidenceFile("picture", "late.jpg", "0" * 64, 3))
    with pytest.raises(EvidenceError, match=r"record 6, incident 2: the file .*late\.jpg is missing"):
        verify_journal(case.engine, case.live, case.key)


def test_several_runs_and_a_desk_write_one_chain(case: Case) -> None:
    """Each appends from a thread of its own, through connections of its own."""
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            if name == "desk":
                repository = IncidentRepository(case.engine, case.clock, START)
                for _ in range(8):
                    repository.review(2, "ada", None, None, "")
                return
            run = RunInfo("live", START, "0.1.0", "SSD", "a" * 64, "b" * 64)
            journal = Journal(case.engine, CurrentRun(run), to_utc)
            for number in range(8):
                journal.put(opened(number, name))
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("hall", "yard", "desk")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert verify_journal(case.engine, case.live, case.key).records == 5 + 24


def test_a_file_that_is_changed_or_removed_is_named(case: Case) -> None:
    picture = case.picture(2)
    data = bytearray(picture.read_bytes())
    data[len(data) // 2] ^= 1
    picture.write_bytes(data)
    with pytest.raises(EvidenceError, match=rf"record 4, incident 2: the file .*{picture.name} has been changed"):
        verify_journal(case.engine, case.live, case.key)
    picture.unlink()
    with pytest.raises(EvidenceError, match=rf"record 4, incident 2: the file .*{picture.name} is missing"):
        verify_journal(case.engine, case.live, case.key)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM chain WHERE number = 5", "signature .* is of record 5, but the chain ends with record 4"),
        ("DELETE FROM chain WHERE number = 3", "record 3 of the chain is missing"),
        ("DELETE FROM reviews", "review 1 is missing"),
        ("DELETE FROM evidence_files WHERE incident = 2", "evidence_files has no row of picture"),
        ("DELETE FROM chain_signatures", "no record is signed with the key of this folder"),
        ("UPDATE chain SET payload = NULL WHERE number = 3", "record 3, incident 1: its payload is missing"),
        (
            "INSERT INTO reviews (incident, by, at, note) VALUES (2, 'x', '2026-01-02 03:04:05', '')",
            "review 2 is not in",
        ),
    ],
)
def test_what_is_removed_or_added_is_named(case: Case, statement: str, named: str) -> None:
    with case.engine.begin() as connection:
        connection.execute(text(statement))
    with pytest.raises(EvidenceError, match=named):
        verify_journal(case.engine, case.live, case.key)


def test_a_chain_that_is_written_anew_lacks_the_signature(case: Case) -> None:
    other = case_in(case.engine, case.folder / "live")
    with case.engine.begin() as connection:
        connection.execute(text("DELETE FROM chain_signatures"))
    other.sign()
    assert verify_journal(case.engine, case.live, None).public_keys == [other.key]
    with pytest.raises(EvidenceError, match="no record is signed with the key"):
        verify_journal(case.engine, case.live, case.key)


def _changed(value: Any) -> Any:
    """Return another value of the same kind."""
    if value is None:
        return 1
    if isinstance(value, int | float):
        return value + 100
    assert isinstance(value, str)
    at = next((index for index, sign in enumerate(value) if sign.isdigit()), 0)
    return f"{value[:at]}{(int(value[at]) + 1) % 10 if value[at].isdigit() else 'x'}{value[at + 1 :]}"


def test_any_value_that_is_changed_is_noticed(migrated: Path, tmp_path: Path) -> None:
    """Each value of each row of each table in turn: the chain names the table and the column, or the record."""
    engine = open_database(sqlite_url(Path(shutil.copy(migrated, tmp_path / "journal.db"))))
    case = case_in(engine, tmp_path)
    number = case.open(1)
    case.close(1)
    case.review(number)
    case.journal.close()
    case.sign()
    engine.dispose()
    reader = read_database(sqlite_url(tmp_path / "journal.db"))
    writer = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    changed = 0
    for table in TABLES:
        names = [name for _, name, *_ in writer.execute(f"PRAGMA table_info({table})")]
        for row_id, *values in writer.execute(f"SELECT rowid, {', '.join(names)} FROM {table}").fetchall():
            for name, value in zip(names, values, strict=True):
                if (table, name) in NOT_EVIDENCE:
                    continue
                key = "number" if table == "chain" else "id"
                where = f"WHERE {key} = {row_id}"
                writer.execute(f"UPDATE {table} SET {name} = ? {where}", (_changed(value),))
                with pytest.raises(EvidenceError) as caught:
                    verify_journal(reader, case.live, case.key)
                said = str(caught.value)
                if not table.startswith("chain") and name not in ("id", "incident", "kind"):
                    assert f"{table}.{name}" in said or "evidence_files has no row" in said, (table, name, said)
                back = f"WHERE {key} = {_changed(value)}" if name == key else where
                writer.execute(f"UPDATE {table} SET {name} = ? {back}", (value,))
                changed += 1
    verify_journal(reader, case.live, case.key)
    writer.close()
    reader.dispose()
    assert changed > 70
    print(f"{changed} values changed, each noticed")


def test_a_replays_chain_is_the_same_each_time(migrated: Path, tmp_path: Path) -> None:
    chains = []
    for number in range(2):
        engine = open_database(sqlite_url(Path(shutil.copy(migrated, tmp_path / f"{number}.db"))))
        started_at = START.replace(year=2026 + number)
        journal = Journal(engine, CurrentRun(RunInfo("replay", started_at, "0.1.0", "SSD", "a" * 64, "b" * 64)))
        journal.put(replace(opened(1), files=(EvidenceFile("picture", "run-1/door-000001.jpg", "0" * 64, 3),)))
        with Session(engine) as session:
            chains.append([row.hash for row in session.query(ChainRow).order_by(ChainRow.number)])
        journal.close()
    assert chains[0] == chains[1]
