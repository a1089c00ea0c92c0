"""A PostgreSQL server that hangs ends no thread's work for ever, and no recent session."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from monitor.domain.account import Account, Role
from monitor.domain.errors import JournalError
from monitor.storage.accounts import AccountRepository
from monitor.storage.database import open_database
from monitor.storage.journal import Journal
from monitor.storage.run_info import CurrentRun
from monitor.storage.sessions import SessionRepository
from tests.fakes import FakeClock
from tests.integration.postgres import find_programs, hanging, running_server
from tests.integration.test_journal import RUN, incident


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    """A journal on a server of its own, since it is stopped."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed: pip install 'psycopg[binary]'")
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    with running_server(programs) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


def test_sessions_go_on_while_the_server_hangs_and_end_with_their_account(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.storage.postgresql.LimitedConnection.answer_s", 0.5)
    accounts = AccountRepository(own_engine, FakeClock())
    ada = Account("ada", Role.ADMIN)
    accounts.add(ada, "correct horse battery")
    found = accounts.log_in("ada", "correct horse battery")
    assert found is not None
    sessions = SessionRepository(own_engine, FakeClock(), 12)
    key = sessions.begin(*found)
    assert sessions.of_key(key) == ada
    with hanging(str(own_engine.url)):
        assert sessions.of_key(key) == ada
        started = time.monotonic()
        assert sessions.of_key(key) == ada
        assert time.monotonic() - started < 0.2, "the second one does not wait"
        with pytest.raises(JournalError, match=r"not answered|timeout"):
            sessions.of_key("another")
    accounts.remove("ada")
    assert SessionRepository(own_engine, FakeClock(), 12).of_key(key) is None


def test_a_write_to_a_server_that_hangs_fails_in_time_and_succeeds_afterwards(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.storage.postgresql.LimitedConnection.answer_s", 0.5)
    journal = Journal(own_engine, CurrentRun(RUN))
    journal.put(incident(1))
    with hanging(str(own_engine.url)):
        started = time.monotonic()
        with pytest.raises(JournalError, match=r"has not answered for 0\.5 s"):
            journal.put(incident(2))
        assert time.monotonic() - started < 3
    journal.put(incident(2))
    journal.put(incident(3))
    with own_engine.connect() as connection:
        stored = connection.execute(text("SELECT count(*) FROM incidents")).scalar_one()
    print(f"rows lost: {3 - stored}")
    assert stored == 3


def test_a_locked_table_is_an_error_that_names_the_remedy(own_engine: Engine, tmp_path: Path) -> None:
    journal = Journal(own_engine, CurrentRun(RUN))
    with own_engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE incidents IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(JournalError, match="keeps a table locked: end its transaction"):
            journal.put(incident(1))
    journal.put(incident(1))
