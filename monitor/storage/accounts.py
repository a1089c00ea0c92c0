"""Accounts, API tokens and the audit log."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Engine, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from monitor.domain.account import Account, Role
from monitor.domain.address import is_unicode
from monitor.domain.clock import Clock
from monitor.domain.errors import ConfigError
from monitor.storage.database import in_utc, session_on
from monitor.storage.one_time_codes import is_secret, step_at, step_of
from monitor.storage.remembered import Remembered
from monitor.storage.schema import AccountRow, AuditRow, SessionRow, TokenRow

#: 19 MiB, two passes, one lane: the minimum of OWASP's Password Storage Cheat Sheet for argon2id, so that a login on a
#: small machine does not disturb the cameras.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

#: The minimum of NIST SP 800-63B-4 (3.1.1.2) for a password that is the only factor.
LEAST_PASSWORD = 15
_MOST_PASSWORD = 256

#: The most characters as typed: in some forms a letter and each of its accents are characters.
MOST_TYPED = 4 * _MOST_PASSWORD
_TOKEN_PREFIX = "mm_"

_MOST_NAME = 64
_TOKEN = "token "

#: Names that tokens, kiosks, the command line and the local user have in the audit log.
_RESERVED = re.compile(r"(?i)\s*(token|kiosk)(\s|$)|(console|local)$")
_OTHERS = "a token, a kiosk, the command line or the local user"


class CodeNeededError(Exception):
    """The password is correct, but the account needs a one-time code too."""


class WrongCodeError(Exception):
    """The password is correct, but the one-time code is wrong or was used before."""


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token without its key, which was shown once, when it was created."""

    account: Account
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log."""

    at: datetime
    who: str
    action: str
    detail: str
    address: str


class AccountRepository:
    """Accounts and tokens of one journal database; safe to call from any thread.

    Every method raises `JournalError` if the database fails; recently verified tokens go on meanwhile.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._nobody = _HASHER.hash(secrets.token_urlsafe())
        self._exist: Remembered[bool] = Remembered()
        self._tokens: Remembered[Account | None] = Remembered()

    def exist(self) -> bool:
        """Return whether there is an account."""
        return self._exist.get(None, self._any)

    def _any(self) -> bool:
        with session_on(self._engine) as session:
            return session.execute(select(AccountRow.id).limit(1)).first() is not None

    def all(self) -> list[Account]:
        """Return every account by name."""
        with session_on(self._engine) as session:
            return [account_of_row(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name))]

    def add(self, account: Account, password: str) -> None:
        """Create an account; raises `ConfigError` if the name is taken or the password too short or too long."""
        if _RESERVED.match(account.name):
            raise ConfigError(f"{account.name!r}: the audit log would not tell it from {_OTHERS}; choose another name")
        row = AccountRow(
            name=account.name,
            role=account.role.value,
            cameras=_listed(account),
            password_hash=_hashed(password),
            stamp=secrets.token_hex(8),
            created_at=self._clock.utc_now(),
        )
        self._insert(row, f"there is an account {account.name!r} already")

    def change_password(self, name: str, password: str) -> None:
        """Set a password and end the account's sessions; raises `ConfigError`."""
        hashed = _hashed(password)
        with session_on(self._engine) as session, session.begin():
            row = self._find(session, name)
            row.password_hash, row.stamp = hashed, secrets.token_hex(8)
            session.execute(delete(SessionRow).where(SessionRow.account == name))

    def remove(self, name: str) -> None:
        """Delete an account, and so end its sessions; raises `ConfigError`."""
        with session_on(self._engine) as session, session.begin():
            session.delete(self._find(session, name))
            session.execute(delete(SessionRow).where(SessionRow.account == name))

    def log_in(self, name: str, password: str, code: str | None = None) -> tuple[Account, str] | None:
        """Return the account and its stamp if the password is correct, else None.

        If the account needs one-time codes, raises `CodeNeededError` without one, and `WrongCodeError` for one that is
        wrong or was used before; both only after the correct password. An unknown name takes as much time as a wrong
        password, so that names cannot be guessed.
        """
        with session_on(self._engine) as session:
            row = session.scalar(select(AccountRow).where(AccountRow.name == name))
        correct = _verified(self._nobody if row is None else row.password_hash, password)
        if row is None or not correct:
            return None
        if row.totp_secret is not None:
            if code is None:
                raise CodeNeededError
            if not self._use(row.id, row.totp_secret, code):
                raise WrongCodeError
        return account_of_row(row), row.stamp

    def needs_code(self, name: str) -> bool:
        """Return whether an account's logins need one-time codes; raises `ConfigError`."""
        with session_on(self._engine) as session:
            return self._find(session, name).totp_secret is not None

    def require_codes(self, name: str, secret: str, code: str) -> None:
        """Require one-time codes of a secret; raises `ConfigError` if the code is not one of it now."""
        step = step_of(secret, code, self._clock.utc_now()) if is_secret(secret) else None
        if step is None:
            raise ConfigError("the code does not belong to this secret; wait for the next one, and check the clocks")
        with session_on(self._engine) as session, session.begin():
            row = self._find(session, name)
            row.totp_secret, row.totp_step = secret, step

    def require_no_codes(self, name: str) -> None:
        """Require no one-time codes any more; raises `ConfigError`."""
        with session_on(self._engine) as session, session.begin():
            row = self._find(session, name)
            row.totp_secret = row.totp_step = None

    def _use(self, number: int, secret: str, code: str) -> bool:
        """Return whether a code is correct, and make it and earlier ones useless: each is good for one login."""
        now = self._clock.utc_now()
        if (step := step_of(secret, code, now)) is None:
            return False
        # A last step that lies ahead is from before the clock was set back.
        unused = or_(
            AccountRow.totp_step.is_(None), AccountRow.totp_step < step, AccountRow.totp_step > step_at(now) + 1
        )
        using = update(AccountRow).where(AccountRow.id == number, AccountRow.totp_secret == secret, unused)
        with session_on(self._engine) as session, session.begin():
            return session.scalar(using.values(totp_step=step).returning(AccountRow.id)) is not None

    def add_token(self, account: Account, expires_at: datetime) -> str:
        """Create a token and return its key, which is not kept; raises `ConfigError` if the name is taken."""
        key = _TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = TokenRow(
            name=account.name,
            role=account.role.value,
            cameras=_listed(account),
            sha256=_sha256(key),
            created_at=self._clock.utc_now(),
            expires_at=expires_at,
        )
        self._insert(row, f"there is a token {account.name!r} already")
        return key

    def tokens(self) -> list[TokenInfo]:
        """Return every token by name, including expired ones."""
        with session_on(self._engine) as session:
            rows = session.scalars(select(TokenRow).order_by(TokenRow.name))
            return [TokenInfo(account_of_row(row), in_utc(row.created_at), in_utc(row.expires_at)) for row in rows]

    def remove_token(self, name: str) -> None:
        """Delete a token; raises `ConfigError` if there is none of that name."""
        with session_on(self._engine) as session, session.begin():
            found = session.execute(delete(TokenRow).where(TokenRow.name == name).returning(TokenRow.id)).first()
            if found is None:
                raise ConfigError(f"there is no token {name!r}")

    def of_token(self, key: str) -> Account | None:
        """Return the account of a token's key, None if it is unknown or has expired.

        Its name begins with "token ", as no name of a person does.
        """
        sha256 = _sha256(key)
        return self._tokens.get(sha256, lambda: self._of_token(sha256))

    def _of_token(self, sha256: str) -> Account | None:
        with session_on(self._engine) as session:
            row = session.scalar(select(TokenRow).where(TokenRow.sha256 == sha256))
            if row is None or in_utc(row.expires_at) <= self._clock.utc_now():
                return None
            return replace(account_of_row(row), name=f"{_TOKEN}{row.name}"[:_MOST_NAME])

    def note(self, who: str, action: str, detail: str = "", address: str = "") -> None:
        """Add a line to the audit log."""
        row = AuditRow(
            at=self._clock.utc_now(), who=who[:_MOST_NAME], action=action, detail=detail[:500], address=address[:64]
        )
        with session_on(self._engine) as session, session.begin():
            session.add(row)

    def audit(self, most: int) -> Sequence[AuditEntry]:
        """Return the newest lines of the audit log, newest first."""
        with session_on(self._engine) as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.id.desc()).limit(most))
            return [AuditEntry(in_utc(row.at), row.who, row.action, row.detail, row.address) for row in rows]

    def _insert(self, row: AccountRow | TokenRow, taken: str) -> None:
        try:
            with session_on(self._engine) as session, session.begin():
                session.add(row)
        except IntegrityError as error:
            raise ConfigError(taken) from error

    def _find(self, session: Session, name: str) -> AccountRow:
        row = session.scalar(select(AccountRow).where(AccountRow.name == name))
        if row is None:
            raise ConfigError(f"there is no account {name!r}")
        return row


def account_of_row(row: AccountRow | TokenRow) -> Account:
    """Return the account of a row."""
    return Account(row.name, Role(row.role), None if row.cameras is None else frozenset(row.cameras))


def _listed(account: Account) -> list[str] | None:
    return None if account.cameras is None else sorted(account.cameras)


def _hashed(password: str) -> str:
    password = _normal(password)
    if not is_unicode(password):
        raise ConfigError("the password is not UTF-8")
    if not LEAST_PASSWORD <= len(password) <= _MOST_PASSWORD:
        raise ConfigError(
            f"a password needs {LEAST_PASSWORD} to {_MOST_PASSWORD} characters; a few words are a good choice"
        )
    return _HASHER.hash(password)


def _verified(password_hash: str, password: str) -> bool:
    if len(password) > MOST_TYPED or not is_unicode(password):
        return False
    typed = [_normal(password), password]  # earlier versions hashed what was typed
    return any(_matches(password_hash, each) for each in dict.fromkeys(typed) if len(each) <= _MOST_PASSWORD)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """Return the password in one form (NFKC), whatever keyboard it was typed on: NIST SP 800-63B-4, 3.1.1.2."""
    return unicodedata.normalize("NFKC", password)


def _sha256(key: str) -> str:
    """Return the hash of a key of 256 random bits, which needs no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()
