"""AccountRepository, tokens and the audit log on real databases."""

import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import argon2
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DataError

from monitor.domain.account import Account, Role
from monitor.domain.errors import ConfigError, JournalError
from monitor.storage.accounts import LEAST_PASSWORD, AccountRepository
from tests.fakes import FakeClock

PASSWORD = "correct horse battery"
ADA = Account("ada", Role.ADMIN)
DORIS = Account("doris", Role.VIEWER, frozenset({"yard", "door"}))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def accounts(engine: Engine, clock: FakeClock) -> AccountRepository:
    return AccountRepository(engine, clock)


def everything_in(engine: Engine) -> Iterator[str]:
    """Return all that is written in the tables of accounts and tokens."""
    with engine.connect() as connection:
        for table in ("accounts", "tokens", "audit"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                yield from map(str, row)


def test_at_first_there_is_nobody(accounts: AccountRepository):
    assert not accounts.exist()
    assert accounts.all() == []
    assert accounts.tokens() == []
    assert accounts.audit(10) == []
    assert accounts.log_in("ada", PASSWORD) is None


def test_an_account_is_kept_with_its_role_and_its_cameras(accounts: AccountRepository):
    accounts.add(DORIS, PASSWORD)
    accounts.add(ADA, PASSWORD)
    assert accounts.exist()
    assert accounts.all() == [ADA, DORIS]
    found = accounts.log_in("doris", PASSWORD)
    assert found is not None
    assert found[0] == DORIS


def test_an_account_for_no_camera_sees_none_and_not_all(accounts: AccountRepository):
    nowhere = Account("nils", Role.VIEWER, frozenset())
    accounts.add(nowhere, PASSWORD)
    assert accounts.all() == [nowhere]
    assert not accounts.all()[0].sees("door")


def test_only_the_right_password_logs_in(accounts: AccountRepository):
    accounts.add(ADA, PASSWORD)
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "x" * 256, "x" * 100_000, "\0"):
        assert accounts.log_in("ada", wrong) is None
    for name in ("Ada", "ada ", "", "ada'--", "%", "x" * 64):
        assert accounts.log_in(name, PASSWORD) is None
    assert accounts.log_in("ada", PASSWORD) is not None


def test_names_and_passwords_may_be_of_any_script(accounts: AccountRepository):
    accounts.add(Account("José Ñandú 管理员", Role.OPERATOR), "contraseña muy larga ✓")
    assert accounts.log_in("José Ñandú 管理员", "contraseña muy larga ✓") is not None


def test_a_password_is_the_same_on_every_keyboard(accounts: AccountRepository, engine: Engine):
    composed, apart = (unicodedata.normalize(form, "señora contraseña Ⅷ ﬁn") for form in ("NFC", "NFD"))
    accounts.add(ADA, composed)
    for typed in (composed, apart, unicodedata.normalize("NFKC", composed)):
        assert accounts.log_in("ada", typed) is not None
    assert accounts.log_in("ada", "senora contrasena VIII fin") is None
    with engine.begin() as connection:  # as earlier versions wrote it
        as_typed = {"hash": argon2.PasswordHasher(time_cost=1, memory_cost=64).hash(apart)}
        connection.execute(text("UPDATE accounts SET password_hash = :hash"), as_typed)
    assert accounts.log_in("ada", apart) is not None


@pytest.mark.parametrize("sign", ["x", "é", "e\u0301", "管", "\U0001f511", "a\u0323\u0302"])
def test_the_longest_passwords_of_every_script_work(accounts: AccountRepository, sign: str):
    longest = sign * 256
    accounts.add(ADA, longest)
    assert accounts.log_in("ada", longest) is not None
    assert accounts.log_in("ada", longest[:-1]) is None
    with pytest.raises(ConfigError, match="15 to 256"):
        accounts.change_password("ada", longest + sign)
    with pytest.raises(ConfigError, match="UTF-8"):
        accounts.change_password("ada", "\udcff" * 20)
    assert accounts.log_in("ada", "\udcff" * 20) is None


@pytest.mark.parametrize("password", ["", "short", "x" * (LEAST_PASSWORD - 1), "x" * 257])
def test_a_password_has_a_least_and_a_most_length(accounts: AccountRepository, password: str):
    with pytest.raises(ConfigError, match="15 to 256"):
        accounts.add(ADA, password)
    assert not accounts.exist()
    accounts.add(ADA, PASSWORD)
    with pytest.raises(ConfigError, match="15 to 256"):
        accounts.change_password("ada", password)
    assert accounts.log_in("ada", PASSWORD) is not None


def test_a_name_is_taken_once(accounts: AccountRepository):
    accounts.add(ADA, PASSWORD)
    with pytest.raises(ConfigError, match="already"):
        accounts.add(Account("ada", Role.VIEWER), "another long password")
    assert accounts.log_in("ada", PASSWORD) is not None
    assert accounts.all() == [ADA]


def test_another_password_changes_the_stamp_and_a_removed_account_is_gone(accounts: AccountRepository):
    accounts.add(ADA, PASSWORD)
    found = accounts.log_in("ada", PASSWORD)
    accounts.change_password("ada", "another long password")
    assert accounts.log_in("ada", PASSWORD) is None
    assert accounts.log_in("ada", "another long password")[1] != found[1]
    accounts.remove("ada")
    assert accounts.log_in("ada", "another long password") is None
    assert not accounts.exist()
    for change in (lambda: accounts.remove("ada"), lambda: accounts.change_password("ada", PASSWORD)):
        with pytest.raises(ConfigError, match="no account"):
            change()


def test_a_name_that_nobody_has_costs_the_time_of_a_wrong_password(accounts: AccountRepository):
    accounts.add(ADA, PASSWORD)

    def took_s(name: str) -> float:
        started = time.process_time()
        accounts.log_in(name, "wrong password, and long")
        return time.process_time() - started

    known, unknown = (statistics.median(took_s(name) for _ in range(7)) for name in ("ada", "nobody"))
    assert 0.6 < known / unknown < 1.7


def test_a_token_is_good_until_its_hour_and_no_longer(accounts: AccountRepository, clock: FakeClock):
    script = Account("grafana", Role.VIEWER, frozenset({"door"}))
    key = accounts.add_token(script, clock.utc_now() + timedelta(hours=1))
    signed = Account("token grafana", Role.VIEWER, frozenset({"door"}))
    assert accounts.of_token(key) == signed
    clock.advance(3599)
    assert accounts.of_token(key) == signed
    clock.advance(1)
    assert accounts.of_token(key) is None
    (info,) = accounts.tokens()
    assert info.account == script
    assert info.expires_at == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_a_token_is_good_for_its_whole_key_alone(accounts: AccountRepository, clock: FakeClock):
    key = accounts.add_token(ADA, clock.utc_now() + timedelta(hours=1))
    for wrong in ("", key[:-1], key + "x", key.upper(), "mm_", "ada", "%", key.encode().hex(), "\0", "ä" * 50):
        assert accounts.of_token(wrong) is None
    with pytest.raises(ConfigError, match="already"):
        accounts.add_token(ADA, clock.utc_now() + timedelta(hours=1))
    accounts.remove_token("ada")
    assert accounts.of_token(key) is None
    with pytest.raises(ConfigError, match="no token"):
        accounts.remove_token("ada")


def test_a_token_signs_as_nobody_else_can(accounts: AccountRepository, clock: FakeClock):
    accounts.add(ADA, PASSWORD)
    key = accounts.add_token(ADA, clock.utc_now() + timedelta(hours=1))
    long = accounts.add_token(Account("n" * 64, Role.VIEWER), clock.utc_now() + timedelta(hours=1))
    assert accounts.of_token(key).name == "token ada"
    assert accounts.of_token(long).name == f"token {'n' * 58}", "as long as the tables hold"
    for name in ("token ada", "Token ada", " token ada", "kiosk 3", "token", "kiosk", "console", "Local"):
        with pytest.raises(ConfigError, match="audit log"):
            accounts.add(Account(name, Role.VIEWER), PASSWORD)
    accounts.add(Account("tokenia", Role.VIEWER), PASSWORD)
    assert accounts.all() == [ADA, Account("tokenia", Role.VIEWER)]


def test_tokens_are_no_accounts(accounts: AccountRepository, clock: FakeClock):
    """The pages stay open to the local user, who alone could have made the token."""
    accounts.add_token(ADA, clock.utc_now() + timedelta(hours=1))
    assert not accounts.exist()


def test_no_password_and_no_key_is_kept(accounts: AccountRepository, engine: Engine, clock: FakeClock):
    accounts.add(ADA, PASSWORD)
    key = accounts.add_token(DORIS, clock.utc_now() + timedelta(hours=1))
    accounts.note("ada", "log in")
    kept = " ".join(everything_in(engine))
    assert PASSWORD not in kept
    assert key not in kept
    assert key.removeprefix("mm_") not in kept
    assert "$argon2id$" in kept


def test_the_audit_log_is_read_newest_first_and_takes_any_length(accounts: AccountRepository, clock: FakeClock):
    for number in range(5):
        accounts.note("ada", "export", f"{number}")
        clock.advance(1)
    assert [entry.detail for entry in accounts.audit(3)] == ["4", "3", "2"]
    accounts.note("n" * 1000, "log in refused", "d" * 1000, "a" * 1000)
    entry = accounts.audit(1)[0]
    assert (len(entry.who), len(entry.detail), len(entry.address)) == (64, 500, 64)
    assert entry.at == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)


CHANGES: list[Callable[[AccountRepository], object]] = [
    lambda accounts: accounts.add(DORIS, PASSWORD),
    lambda accounts: accounts.change_password("ada", "another long password"),
    lambda accounts: accounts.remove("ada"),
    lambda accounts: accounts.add_token(ADA, datetime(2027, 1, 1, tzinfo=UTC)),
    lambda accounts: accounts.remove_token("grafana"),
    lambda accounts: accounts.note("ada", "export"),
]
STYLES: list[Callable[[AccountRepository], object]] = [
    AccountRepository.exist,
    AccountRepository.all,
    AccountRepository.tokens,
    lambda accounts: accounts.log_in("ada", PASSWORD),
    lambda accounts: accounts.of_token("x"),
    lambda accounts: accounts.audit(1),
]


def test_a_database_that_may_only_be_read_refuses_changes_in_one_line(migrated: Path, clock: FakeClock):
    engine = create_engine(f"sqlite:///file:{migrated}?mode=ro&uri=true")
    accounts = AccountRepository(engine, clock)
    for look in STYLES:
        look(accounts)
    for change in CHANGES[:1] + CHANGES[3:]:
        with pytest.raises(JournalError, match=r"journal\.db.*: attempt to write a readonly database") as caught:
            change(accounts)
        assert "\n" not in str(caught.value)
    engine.dispose()


def test_a_database_without_its_tables_refuses_everything_in_one_line(tmp_path: Path, clock: FakeClock):
    engine = create_engine(f"sqlite:///{tmp_path / 'journal.db'}")
    accounts = AccountRepository(engine, clock)
    for asked in CHANGES + STYLES:
        with pytest.raises(JournalError, match=r"journal\.db: no such table") as caught:
            asked(accounts)
        assert "\n" not in str(caught.value)
    engine.dispose()


def test_a_value_that_a_database_cannot_hold_is_no_failure_of_the_database(accounts: AccountRepository, engine: Engine):
    """The pages answer the one with "wrong request", and the other with "not now"."""
    if engine.dialect.name == "postgresql":
        with pytest.raises(DataError):
            accounts.log_in("a\0da", PASSWORD)
    else:
        assert accounts.log_in("a\0da", PASSWORD) is None
