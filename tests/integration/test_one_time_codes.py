"""One-time codes as a second factor, on real databases."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import Engine

from monitor.domain.account import Account, Role
from monitor.domain.errors import ConfigError
from monitor.storage.accounts import AccountRepository, CodeNeededError, WrongCodeError
from monitor.storage.one_time_codes import new_secret, uri_of
from tests.fakes import FakeClock

PASSWORD = "correct horse battery"
ADA = Account("ada", Role.ADMIN)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def accounts(engine: Engine, clock: FakeClock) -> AccountRepository:
    accounts = AccountRepository(engine, clock)
    accounts.add(ADA, PASSWORD)
    return accounts


@pytest.fixture
def secret(accounts: AccountRepository, clock: FakeClock) -> str:
    """The secret of an account that needs codes; the code of now has been used."""
    secret = new_secret()
    accounts.require_codes("ada", secret, shown(secret, clock))
    return secret


def shown(secret: str, clock: FakeClock, ahead_s: float = 0) -> str:
    """Return what an authenticator app shows."""
    return pyotp.TOTP(secret).at(clock.utc + timedelta(seconds=ahead_s))


def test_an_account_that_needs_codes_logs_in_with_one_and_with_each_once(
    accounts: AccountRepository, clock: FakeClock, secret: str
):
    assert accounts.needs_code("ada")
    with pytest.raises(CodeNeededError):
        accounts.log_in("ada", PASSWORD)
    with pytest.raises(WrongCodeError):
        accounts.log_in("ada", PASSWORD, shown(secret, clock))
    clock.advance(30)
    code = shown(secret, clock)
    assert accounts.log_in("ada", "a wrong password", code) is None
    found = accounts.log_in("ada", PASSWORD, f"{code[:3]} {code[3:]} ")
    assert found is not None
    assert found[0] == ADA
    for used in (code, shown(secret, clock, -30)):
        with pytest.raises(WrongCodeError):
            accounts.log_in("ada", PASSWORD, used)


@pytest.mark.parametrize(("ahead_s", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_differ_by_one_step(
    accounts: AccountRepository, clock: FakeClock, secret: str, ahead_s: float, accepted: bool
):
    clock.advance(600)
    code = shown(secret, clock, ahead_s)
    if accepted:
        assert accounts.log_in("ada", PASSWORD, code) is not None
    else:
        with pytest.raises(WrongCodeError):
            accounts.log_in("ada", PASSWORD, code)


def test_a_clock_that_is_set_back_locks_nobody_out(accounts: AccountRepository, clock: FakeClock, secret: str):
    clock.utc -= timedelta(days=400)
    code = shown(secret, clock)
    assert accounts.log_in("ada", PASSWORD, code) is not None
    with pytest.raises(WrongCodeError):
        accounts.log_in("ada", PASSWORD, code)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "\u0661" * 6, "000000000000", "-12345"])
def test_what_is_no_code_is_refused(accounts: AccountRepository, clock: FakeClock, secret: str, code: str):
    clock.advance(600)
    with pytest.raises(WrongCodeError):
        accounts.log_in("ada", PASSWORD, code)


def test_codes_are_required_only_after_one_of_the_secret_was_shown(accounts: AccountRepository, clock: FakeClock):
    secret = new_secret()
    for wrong, code in ((secret, shown(new_secret(), clock)), ("short", "000000"), ("1" * 32, "000000")):
        with pytest.raises(ConfigError, match="does not belong"):
            accounts.require_codes("ada", wrong, code)
    assert accounts.log_in("ada", PASSWORD) is not None


def test_codes_can_be_taken_off_again(accounts: AccountRepository, secret: str):
    accounts.require_no_codes("ada")
    assert not accounts.needs_code("ada")
    assert accounts.log_in("ada", PASSWORD) is not None
    with pytest.raises(ConfigError, match="no account"):
        accounts.require_no_codes("nobody")


def test_an_app_reads_the_secret_from_its_address():
    secret = new_secret()
    read = pyotp.parse_uri(uri_of(secret, "Ada Löwe"))
    assert (read.secret, read.name, read.issuer) == (secret, "Ada Löwe", "Mask Monitor")
