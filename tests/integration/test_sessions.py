"""SessionRepository on real databases."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from monitor.domain.account import Account, Role
from monitor.domain.errors import JournalError
from monitor.storage.accounts import AccountRepository
from monitor.storage.sessions import MOST_SESSIONS, SESSION_LASTS, SessionRepository
from tests.fakes import FakeClock

PASSWORD = "correct horse battery"
ADA = Account("ada", Role.ADMIN)
DORIS = Account("doris", Role.VIEWER, frozenset({"door"}))
HOUR_S = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def accounts(engine: Engine, clock: FakeClock) -> AccountRepository:
    accounts = AccountRepository(engine, clock)
    for account in (ADA, DORIS):
        accounts.add(account, PASSWORD)
    return accounts


@pytest.fixture
def sessions(engine: Engine, clock: FakeClock) -> SessionRepository:
    return SessionRepository(engine, clock, 12)


def begun(accounts: AccountRepository, sessions: SessionRepository, name: str = "ada", password: str = PASSWORD) -> str:
    found = accounts.log_in(name, password)
    assert found is not None
    return sessions.begin(*found)


def test_a_session_is_that_of_its_account_until_it_is_ended(accounts: AccountRepository, sessions: SessionRepository):
    first, other, doris = (begun(accounts, sessions, name) for name in ("ada", "ada", "doris"))
    assert [sessions.of_key(key) for key in (first, other, doris)] == [ADA, ADA, DORIS]
    sessions.end(first)
    sessions.renew(first)
    assert [sessions.of_key(key) for key in (first, other, doris)] == [None, ADA, DORIS]
    for wrong in ("", other[:-1], other + "x", "%", "\0", "\udcff"):
        assert sessions.of_key(wrong) is None
        sessions.end(wrong)


def test_no_key_is_kept(accounts: AccountRepository, sessions: SessionRepository, engine: Engine):
    key = begun(accounts, sessions)
    with engine.connect() as connection:
        assert key not in str(connection.execute(text("SELECT * FROM sessions")).all())


def test_a_session_ends_when_it_is_not_renewed_and_at_last_in_any_case(
    accounts: AccountRepository, sessions: SessionRepository, clock: FakeClock
):
    kept, left = begun(accounts, sessions), begun(accounts, sessions)
    clock.advance(11.9 * HOUR_S)
    assert sessions.of_key(left) == ADA, "and asking renews nothing"
    sessions.renew(kept)
    clock.advance(0.2 * HOUR_S)
    assert sessions.of_key(left) is None
    while clock.utc - FakeClock().utc < SESSION_LASTS:
        assert sessions.of_key(kept) == ADA
        sessions.renew(kept)
        clock.advance(11 * HOUR_S)
    assert sessions.of_key(kept) is None


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(hours=20), timedelta(days=4000)])
def test_a_clock_that_is_set_back_ends_no_session_and_lengthens_none(
    accounts: AccountRepository, sessions: SessionRepository, clock: FakeClock, back: timedelta
):
    key = begun(accounts, sessions)
    clock.utc -= back
    assert sessions.of_key(key) == ADA
    clock.advance(11.9 * HOUR_S)
    assert sessions.of_key(key) == ADA
    clock.advance(0.2 * HOUR_S)
    assert sessions.of_key(key) is None


def test_the_absolute_end_is_not_moved_by_a_clock_that_is_set_back(
    accounts: AccountRepository, sessions: SessionRepository, clock: FakeClock
):
    key = begun(accounts, sessions)
    clock.utc -= timedelta(days=4000)
    for _ in range(24 * 30 // 10):
        assert sessions.of_key(key) == ADA
        sessions.renew(key)
        clock.advance(10 * HOUR_S)
    assert sessions.of_key(key) is None


def test_an_account_has_a_bounded_number_of_sessions(
    accounts: AccountRepository, sessions: SessionRepository, clock: FakeClock, engine: Engine
):
    used, unused, doris = begun(accounts, sessions), begun(accounts, sessions), begun(accounts, sessions, "doris")
    clock.advance(HOUR_S)
    sessions.renew(used)
    more = [begun(accounts, sessions) for _ in range(MOST_SESSIONS - 1)]
    assert all(sessions.of_key(key) == ADA for key in (used, *more))
    assert sessions.of_key(unused) is None, "which was not renewed for the longest time"
    assert sessions.of_key(doris) == DORIS
    clock.advance(13 * HOUR_S)
    begun(accounts, sessions, "doris")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 1, "ended ones are deleted"


def test_a_password_a_role_and_an_account_end_their_sessions(
    accounts: AccountRepository, sessions: SessionRepository, engine: Engine
):
    found = accounts.log_in("ada", PASSWORD)
    key, doris = sessions.begin(*found), begun(accounts, sessions, "doris")
    accounts.change_password("ada", "another long password")
    late = sessions.begin(*found)
    assert [sessions.of_key(each) for each in (key, late)] == [None, None], "also one that began meanwhile"
    key = begun(accounts, sessions, "ada", "another long password")
    assert sessions.of_key(key) == ADA
    with engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET role = 'operator' WHERE name = 'ada'"))
    assert sessions.of_key(key) is None
    accounts.remove("doris")
    accounts.add(DORIS, PASSWORD)
    assert sessions.of_key(doris) is None


def test_with_the_database_away_recent_sessions_go_on_but_not_those_that_were_ended(
    accounts: AccountRepository, sessions: SessionRepository, engine: Engine
):
    key, ended = begun(accounts, sessions), begun(accounts, sessions)
    assert (sessions.of_key(key), sessions.of_key(ended)) == (ADA, ADA)
    sessions.end(ended)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO away"))
    try:
        assert sessions.of_key(key) == ADA
        with pytest.raises(JournalError):
            sessions.of_key(ended)
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO sessions"))
    assert sessions.of_key(ended) is None
