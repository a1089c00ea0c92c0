"""Sessions of people who have logged in to the pages."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, delete, or_, select, update

from monitor.domain.account import Account
from monitor.domain.clock import Clock
from monitor.storage.accounts import account_of_row
from monitor.storage.database import in_utc, session_on
from monitor.storage.remembered import Remembered
from monitor.storage.schema import AccountRow, SessionRow

#: When a session ends however often it is renewed: NIST SP 800-63B-4, 2.1.3, for a password as the only factor.
SESSION_LASTS = timedelta(days=30)

#: The most sessions of one account; a further one ends that which was not renewed for the longest time.
MOST_SESSIONS = 20

#: A renewal is recorded at most so often, so that pages that are loaded often write little.
_RECORD_EVERY = timedelta(minutes=5)


class SessionRepository:
    """Sessions of one journal database; safe to call from any thread.

    A session ends `hours` after its last renewal, `SESSION_LASTS` after the login, and with its account, its password
    or its role. Only the hash of its key is kept. Every method raises `JournalError` if the database fails; recently
    verified sessions go on meanwhile.
    """

    def __init__(self, engine: Engine, clock: Clock, hours: float) -> None:
        self._engine = engine
        self._clock = clock
        self._idle = timedelta(hours=hours)
        self._known: Remembered[Account | None] = Remembered()

    def begin(self, account: Account, stamp: str) -> str:
        """Create a session for an account with this stamp; return its key. Sessions that have ended are deleted."""
        now, key = self._clock.utc_now(), secrets.token_urlsafe(32)
        row = SessionRow(
            sha256=_sha256(key),
            account=account.name,
            stamp=stamp,
            role=account.role.value,
            created_at=now,
            renewed_at=now,
        )
        newest = (SessionRow.renewed_at.desc(), SessionRow.id.desc())
        of_account = select(SessionRow.id).where(SessionRow.account == account.name).order_by(*newest)
        with session_on(self._engine) as session, session.begin():
            session.execute(delete(SessionRow).where(self._has_ended(now)))
            session.add(row)
            session.flush()
            if too_many := session.scalars(of_account.offset(MOST_SESSIONS)).all():
                session.execute(delete(SessionRow).where(SessionRow.id.in_(too_many)))
        return key

    def of_key(self, key: str) -> Account | None:
        """Return the account of a session's key, None if it is unknown or has ended."""
        sha256 = _sha256(key)
        return self._known.get(sha256, lambda: self._of_key(sha256))

    def _of_key(self, sha256: str) -> Account | None:
        now = self._clock.utc_now()
        query = select(SessionRow, AccountRow).where(
            SessionRow.sha256 == sha256,
            SessionRow.account == AccountRow.name,
            SessionRow.stamp == AccountRow.stamp,
            SessionRow.role == AccountRow.role,
            ~self._has_ended(now),
        )
        with session_on(self._engine) as session:
            found = session.execute(query).first()
            if found is None:
                return None
            account, renewed_at = account_of_row(found[1]), in_utc(found[0].renewed_at)
        if renewed_at > now:  # the clock was set back: the session must not gain that time
            self._record(sha256, now)
        return account

    def renew(self, key: str) -> None:
        """Extend a valid session to its full time from now."""
        sha256, now = _sha256(key), self._clock.utc_now()
        with session_on(self._engine) as session:
            renewed_at = session.scalar(select(SessionRow.renewed_at).where(SessionRow.sha256 == sha256))
        if renewed_at is not None and now - in_utc(renewed_at) >= min(_RECORD_EVERY, self._idle / 20):
            self._record(sha256, now)

    def end(self, key: str) -> None:
        """End a session, if there is one of that key."""
        sha256 = _sha256(key)
        self._known.forget(sha256)
        with session_on(self._engine) as session, session.begin():
            session.execute(delete(SessionRow).where(SessionRow.sha256 == sha256))
        self._known.forget(sha256)  # another request may just have verified it

    def _record(self, sha256: str, now: datetime) -> None:
        of_key = SessionRow.sha256 == sha256
        with session_on(self._engine) as session, session.begin():
            session.execute(update(SessionRow).where(of_key).values(renewed_at=now))
            session.execute(update(SessionRow).where(of_key, SessionRow.created_at > now).values(created_at=now))

    def _has_ended(self, now: datetime) -> ColumnElement[bool]:
        return or_(SessionRow.renewed_at <= now - self._idle, SessionRow.created_at <= now - SESSION_LASTS)


def _sha256(key: str) -> str:
    """Return the hash of a key of 256 random bits, which needs no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
