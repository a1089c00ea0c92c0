"""A journal and a log whose files are deleted or replaced while they are written."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.domain.errors import JournalError, OutputError
from monitor.domain.event import CloseReason, IncidentClosed
from monitor.storage.database import open_database, sqlite_url
from monitor.storage.journal import Journal
from monitor.storage.lines import ViolationLog
from monitor.storage.run_info import CurrentRun
from monitor.storage.snapshots import SnapshotFolder
from tests.e2e.commands import ask
from tests.fakes import noise
from tests.integration.test_journal import RUN, incident


def delete_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def delete_file(file: Path) -> None:
    file.unlink()


def delete_log_ahead(file: Path) -> None:
    Path(f"{file}-wal").unlink()


def delete_all_three(file: Path) -> None:
    for each in file.parent.glob("journal.db*"):
        each.unlink()


def replace_file(file: Path) -> None:
    """As when a backup is restored under the running monitor."""
    other = file.with_name("backup.db")
    open_database(sqlite_url(other)).dispose()
    delete_all_three(file)
    other.rename(file)


def closed(number: int) -> IncidentClosed:
    return IncidentClosed(f"door-{number:06d}", "door", number, number + 5.0, 4.5, CloseReason.GONE)


def test_a_deleted_file_is_named_when_the_next_connection_finds_it(tmp_path: Path) -> None:
    """SQLite itself then says only that it cannot open a file, or that a table is missing."""
    file = tmp_path / "live" / "journal.db"
    file.parent.mkdir()
    engine = open_database(sqlite_url(file))
    journal = Journal(engine, CurrentRun(RUN))
    engine.dispose()
    delete_folder(file)
    with pytest.raises(JournalError, match="deleted or replaced"):
        journal.beat()
    journal.put(incident(1))
    journal.close()
    assert ask(file, "SELECT count(*) FROM incidents") == [(1,)]


@pytest.mark.parametrize(
    "spoil", [delete_folder, delete_file, delete_log_ahead, delete_all_three, replace_file], ids=lambda f: f.__name__
)
def test_a_journal_that_loses_its_file_says_so_and_stores_what_is_open_and_what_follows(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    file = tmp_path / "live" / "journal.db"
    file.parent.mkdir()
    journal = Journal(open_database(sqlite_url(file)), CurrentRun(RUN))
    journal.put(incident(1))
    journal.put(closed(1))
    journal.put(incident(2))  # still open when the file goes
    spoil(file)
    with pytest.raises(JournalError, match="deleted or replaced"):
        journal.put(incident(3))
    journal.put(incident(3))
    journal.put(closed(2))
    journal.beat()
    journal.close()
    stored = ask(file, "SELECT incident_id FROM incidents WHERE incident_id > 'door-000001' ORDER BY id")
    lost = {"door-000002", "door-000003"} - {name for (name,) in stored}
    print(f"rows lost: {len(lost)}")
    assert not lost
    assert len(stored) == 2, "and nothing twice"
    assert ask(file, "SELECT closed_s FROM incidents WHERE incident_id = 'door-000002'") == [(7.0,)]
    assert ask(file, "PRAGMA integrity_check") == [("ok",)]


def test_a_heartbeat_finds_a_deleted_file_and_the_next_makes_it_again(tmp_path: Path) -> None:
    file = tmp_path / "live" / "journal.db"
    file.parent.mkdir()
    journal = Journal(open_database(sqlite_url(file)), CurrentRun(replace(RUN, owner="here:1:ab")))
    delete_folder(file)
    with pytest.raises(JournalError, match=r"journal\.db: was deleted or replaced"):
        journal.beat()
    journal.beat()
    assert ask(file, "SELECT owner, beat_at IS NULL FROM runs") == [("here:1:ab", 0)]
    journal.close()


def test_a_folder_that_cannot_be_made_again_stays_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "live" / "journal.db"
    file.parent.mkdir()
    journal = Journal(open_database(sqlite_url(file)), CurrentRun(RUN))
    delete_folder(file)
    file.parent.write_text("a file where the folder was")
    for _ in range(2):
        with pytest.raises(OutputError, match=r"journal|live"):
            journal.put(incident(1))
    file.parent.unlink()
    journal.put(incident(1))
    journal.close()
    assert ask(file, "SELECT count(*) FROM incidents") == [(1,)]


@pytest.mark.parametrize("spoil", [delete_folder, delete_file, lambda file: file.rename(file.with_name("old.log"))])
def test_a_log_that_loses_its_file_says_so_and_writes_a_new_one(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    file = tmp_path / "live" / "violations.log"
    file.parent.mkdir()
    log = ViolationLog(file, 10_000, 1)
    log.put(incident(1))
    spoil(file)
    with pytest.raises(OutputError, match="deleted or replaced"):
        log.put(incident(2))
    log.put(incident(2))
    log.put(incident(3))
    spoil(file)
    with pytest.raises(OutputError, match="deleted or replaced"):
        log.beat()
    log.beat()
    log.put(incident(4))
    log.close()
    assert [line.split()[2] for line in file.read_text("utf-8").splitlines()] == ["door-000004"]


def test_new_files_are_private(tmp_path: Path) -> None:
    """They hold password hashes and name people's violations; the log ahead and its index follow the database."""
    journal = Journal(open_database(sqlite_url(tmp_path / "journal.db")), CurrentRun(RUN))
    journal.put(incident(1))
    log = ViolationLog(tmp_path / "violations.log", 10_000, 1)
    pictures = SnapshotFolder(tmp_path / "incidents")
    name = pictures.write("door-000001", noise(240, 180), "2026-01-02").name
    pictures.complete(name)
    picture = tmp_path / "incidents" / name
    assert [path.stat().st_mode & 0o777 for path in (picture, *picture.parents[:2])] == [0o600, 0o700, 0o700]
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_file()}
    log.close()
    journal.close()
    assert modes == dict.fromkeys(["journal.db", "journal.db-wal", "journal.db-shm", "violations.log"], 0o600)
