"""What a journal lacks."""

import sqlite3
from collections.abc import Iterator

import pytest

from scripts.bench.rows import lost_rows

LOG = (
    "10:00:00  door  door-1-000001  OPENED  person 1: x (90%)\n10:00:05  door  door-1-000001  CLOSED  person 1: gone\n"
)


@pytest.fixture
def journal() -> Iterator[sqlite3.Connection]:
    """One camera, and two people who were incidents."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(
            """
            CREATE TABLE incidents (incident_id, source_id, track_id, since_s, opened_s, closed_s);
            CREATE TABLE visits (source_id, track_id, first_seen_s, last_seen_s);
            CREATE TABLE source_events (source_id, kind);
            INSERT INTO incidents VALUES ('door-1-000001', 'door', 1, 1, 2, 5), ('door-1-000002', 'door', 2, 6, 7, 9);
            INSERT INTO visits VALUES ('door', 1, 0, 5), ('door', 2, 6, 9);
            INSERT INTO source_events VALUES ('door', 'opened'), ('door', 'lost'), ('door', 'ended');
            """
        )
    yield connection
    connection.close()


def lost(journal: sqlite3.Connection, log: str = LOG, **how: bool) -> list[str]:
    return lost_rows(lambda query: journal.execute(query).fetchall(), log, **how)


def test_a_whole_journal_lacks_nothing(journal: sqlite3.Connection) -> None:
    assert lost(journal) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM incidents WHERE track_id = 1", "door-1-000001: no incident"),
        ("INSERT INTO incidents SELECT * FROM incidents WHERE track_id = 2", "door-1-000002: 2 incidents"),
        ("UPDATE incidents SET closed_s = NULL WHERE track_id = 1", "door-1-000001: no end"),
        ("DELETE FROM visits WHERE track_id = 2", "door-1-000002: no visit"),
        ("UPDATE visits SET last_seen_s = 5.5, first_seen_s = 4 WHERE track_id = 2", "door-1-000002: no visit"),
        ("DELETE FROM source_events WHERE kind = 'ended'", "door: its openings are not as many as its ends"),
    ],
)
def test_each_row_that_is_missing_is_named(journal: sqlite3.Connection, change: str, words: str) -> None:
    journal.execute(change)
    assert lost(journal) == [words]


def test_what_the_log_has_must_be_stored(journal: sqlite3.Connection) -> None:
    more = LOG.replace("-000001", "-000003") + LOG.replace("door-1", "hall-2")
    assert lost(journal, more) == ["door-1-000003: no incident", "hall-2-000001: no incident"]


def test_after_a_deletion_only_what_came_later_counts(journal: sqlite3.Connection) -> None:
    journal.execute("DELETE FROM incidents WHERE track_id = 1")
    journal.execute("DELETE FROM source_events WHERE kind = 'opened'")
    assert lost(journal, deleted=True) == []
    assert lost(journal, LOG.replace("-000001", "-000003"), deleted=True) == ["door-1-000003: no incident"]


def test_after_a_kill_an_end_is_missing_only_if_it_was_told(journal: sqlite3.Connection) -> None:
    journal.execute("DELETE FROM source_events WHERE kind = 'ended'")
    journal.execute("UPDATE incidents SET closed_s = NULL")
    assert lost(journal, killed=True) == ["door-1-000001: no end"]
