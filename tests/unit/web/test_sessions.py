"""Sessions in cookies, against a register of accounts in memory."""

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.responses import Response

from monitor.domain.account import Account, Role
from monitor.domain.errors import OutputError
from monitor.storage.accounts import AccountRepository
from monitor.storage.database import open_database
from monitor.web.sessions import Sessions, session_key
from tests.fakes import FakeClock

KEY = b"k" * 32
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountRepository]:
    """One register for all; hashing passwords takes its time."""
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('accounts') / 'journal.db'}")
    accounts = AccountRepository(engine, FakeClock())
    accounts.add(Account("ada", Role.ADMIN), PASSWORD)
    yield accounts
    engine.dispose()


def begun(sessions: Sessions, accounts: AccountRepository, name: str = "ada", password: str = PASSWORD) -> str:
    """Log in, and return the cookie as the browser is told to set it."""
    found = accounts.log_in(name, password)
    assert found is not None
    response = Response()
    sessions.begin(response, name, found[1])
    return response.headers["set-cookie"]


def value(cookie: str) -> str:
    return cookie.partition(";")[0].partition("=")[2]


def test_a_session_names_its_account(accounts: AccountRepository):
    sessions = Sessions(KEY, 12, tls=False)
    cookie = begun(sessions, accounts)
    found = sessions.account({sessions.cookie: value(cookie)}, accounts)
    assert found is not None
    assert found[0] == Account("ada", Role.ADMIN)


@pytest.mark.parametrize("tls", [False, True])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(accounts: AccountRepository, tls: bool):
    cookie = begun(Sessions(KEY, 12, tls=tls), accounts).lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "max-age=43200" in cookie
    assert "domain" not in cookie
    assert ("; secure" in cookie) is tls
    assert cookie.startswith("__host-") is tls


def signed_at(at_s: float, values: object) -> str:
    """Sign as somebody did at another time."""

    class Then(URLSafeTimedSerializer):
        class default_signer(URLSafeTimedSerializer.default_signer):  # noqa: N801 - itsdangerous' own name
            def get_timestamp(self) -> int:
                return round(at_s)

    return Then(KEY, salt="session").dumps(values)


def test_a_session_ends_with_its_time(accounts: AccountRepository):
    stamp = accounts.log_in("ada", PASSWORD)[1]
    sessions = Sessions(KEY, 12, tls=False)
    young, old = (signed_at(time.time() - hours * 3600, ["ada", stamp]) for hours in (11.9, 12.1))
    assert sessions.account({sessions.cookie: young}, accounts) is not None
    assert sessions.account({sessions.cookie: old}, accounts) is None


def test_no_changed_cookie_is_good(accounts: AccountRepository):
    sessions = Sessions(KEY, 12, tls=False)
    cookie = value(begun(sessions, accounts))
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        changed = f"{cookie[:place]}{other}{cookie[place + 1 :]}"
        found = sessions.account({sessions.cookie: changed}, accounts)
        # The last sign of a base64 number holds bits that say nothing.
        assert found is None or place == len(cookie) - 1, place


@pytest.mark.parametrize("cookie", ["", ".", "..", "a.b.c", "\x00", "ä.ö.ü", "." * 4000, "eyJhIjoxfQ" * 400])
def test_rubbish_is_no_session(accounts: AccountRepository, cookie: str):
    sessions = Sessions(KEY, 12, tls=False)
    assert sessions.account({sessions.cookie: cookie}, accounts) is None
    assert sessions.account({"other": cookie}, accounts) is None


@pytest.mark.parametrize("said", [[], ["ada"], ["ada", 1], [None, None], {"ada": 1}, "ad", 7, [["ada"], "x"]])
def test_what_we_signed_but_is_no_session_is_none(accounts: AccountRepository, said: object):
    sessions = Sessions(KEY, 12, tls=False)
    signed = URLSafeTimedSerializer(KEY, salt="session").dumps(said)
    assert sessions.account({sessions.cookie: signed}, accounts) is None


def test_another_key_or_purpose_signs_no_session(accounts: AccountRepository):
    sessions = Sessions(KEY, 12, tls=False)
    stamp = accounts.log_in("ada", PASSWORD)[1]
    for key, salt in ((b"x" * 32, "session"), (KEY, "other"), (b"", "session")):
        forged = URLSafeTimedSerializer(key, salt=salt).dumps(["ada", stamp])
        assert sessions.account({sessions.cookie: forged}, accounts) is None


def test_a_changed_password_ends_sessions_and_so_does_losing_the_account(accounts: AccountRepository):
    sessions = Sessions(KEY, 12, tls=False)
    accounts.add(Account("bob", Role.VIEWER), "a first long password")
    cookie = value(begun(sessions, accounts, "bob", "a first long password"))
    accounts.change_password("bob", PASSWORD)
    assert sessions.account({sessions.cookie: cookie}, accounts) is None
    again = value(begun(sessions, accounts, "bob"))
    assert sessions.account({sessions.cookie: again}, accounts) is not None
    accounts.remove("bob")
    assert sessions.account({sessions.cookie: again}, accounts) is None
    accounts.add(Account("bob", Role.VIEWER), PASSWORD)
    assert sessions.account({sessions.cookie: again}, accounts) is None


def test_a_session_of_plain_http_is_none_under_tls(accounts: AccountRepository):
    cookie = value(begun(Sessions(KEY, 12, tls=False), accounts))
    tls = Sessions(KEY, 12, tls=True)
    assert tls.account({"mask_monitor": cookie}, accounts) is None


def test_ending_a_session_takes_the_cookie_back():
    sessions, response = Sessions(KEY, 12, tls=True), Response()
    sessions.end(response)
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith('__host-mask_monitor=""')
    assert "max-age=0" in cookie


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path):
    key = session_key(tmp_path)
    assert len(key) == 32
    assert session_key(tmp_path) == key
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert session_key(tmp_path / ".." / tmp_path.name) == key


@pytest.mark.parametrize("left", [b"", b"short", b"x" * 31])
def test_a_key_that_was_cut_off_signs_nothing(tmp_path: Path, left: bytes):
    """An empty one would let anybody sign."""
    (tmp_path / "session.key").write_bytes(left)
    key = session_key(tmp_path)
    assert len(key) == 32
    assert key != left
    assert session_key(tmp_path) == key


def test_a_folder_that_takes_no_key_is_said_in_words(tmp_path: Path):
    with pytest.raises(OutputError, match=r"session\.key"):
        session_key(tmp_path / "missing")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing at all
