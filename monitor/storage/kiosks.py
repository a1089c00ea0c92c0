"""Kiosk tokens: a browser that may show one camera's kiosk page, and nothing else."""

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select, update

from monitor.domain.account import Account, Role
from monitor.domain.clock import Clock
from monitor.domain.errors import ConfigError
from monitor.storage.database import in_utc, session_on
from monitor.storage.remembered import Remembered
from monitor.storage.schema import KioskRow

#: How long a pairing link can be opened, and how long a paired browser may stay unused before it must be paired again.
PAIRING_LASTS = timedelta(hours=24)
KIOSK_LASTS = timedelta(days=90)

#: How often the use of a token is recorded; the page sends a request every few seconds.
_RECORD_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class KioskToken:
    """A kiosk token without its secret; `last_seen_at` is None until its link has been opened.

    `expires_at` is when an unopened link, or an unused paired browser, loses its access.
    """

    number: int
    camera: str
    language: str | None
    created_by: str
    created_at: datetime
    last_seen_at: datetime | None
    expires_at: datetime

    @property
    def account(self) -> Account:
        """The account with the kiosk's rights: a viewer of one camera."""
        return Account(f"kiosk {self.number}", Role.VIEWER, frozenset({self.camera}))


class KioskRepository:
    """Kiosk tokens of one journal database; safe to call from any thread.

    Only hashes of secrets are kept: of the link's until it is opened, then of the browser's. Every method raises
    `JournalError` if the database fails; recently seen kiosks go on meanwhile.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._paired: Remembered[KioskToken | None] = Remembered()

    def add(self, camera: str, language: str | None, created_by: str) -> tuple[KioskToken, str]:
        """Create a token; return it with the secret of its pairing link, which is not kept.

        Tokens that have expired are deleted.
        """
        now, secret = self._clock.utc_now(), secrets.token_urlsafe(32)
        row = KioskRow(
            camera=camera,
            language=language,
            created_by=created_by[:64],
            created_at=now,
            last_seen_at=None,
            sha256=_sha256(secret),
            expires_at=now + PAIRING_LASTS,
        )
        with session_on(self._engine) as session, session.begin():
            session.execute(delete(KioskRow).where(KioskRow.expires_at <= now))
            session.add(row)
            session.flush()
            return _token(row), secret

    def pair(self, secret: str) -> tuple[KioskToken, str] | None:
        """Exchange a pairing link's secret, once, for the key of a browser; return the token and that key.

        Return None for a secret that is unknown, used or expired.
        """
        now, key = self._clock.utc_now(), secrets.token_urlsafe(32)
        with session_on(self._engine) as session, session.begin():
            number = session.scalar(
                update(KioskRow)
                .where(KioskRow.sha256 == _sha256(secret), KioskRow.last_seen_at.is_(None), KioskRow.expires_at > now)
                .values(sha256=_sha256(key), last_seen_at=now, expires_at=now + KIOSK_LASTS)
                .returning(KioskRow.id)
            )
            return None if number is None else (_token(session.get_one(KioskRow, number)), key)

    def of_key(self, key: str) -> KioskToken | None:
        """Return the token of a paired browser's key, None if it is unknown, removed or expired.

        Each use extends the token to `KIOSK_LASTS` from now.
        """
        sha256 = _sha256(key)
        return self._paired.get(sha256, lambda: self._of_key(sha256))

    def _of_key(self, sha256: str) -> KioskToken | None:
        now = self._clock.utc_now()
        with session_on(self._engine) as session:
            row = session.scalar(select(KioskRow).where(KioskRow.sha256 == sha256))
            if row is None or row.last_seen_at is None or in_utc(row.expires_at) <= now:
                return None
            token = _token(row)
        if now - (token.last_seen_at or now) < _RECORD_EVERY:
            return token
        with session_on(self._engine) as session, session.begin():
            changed = update(KioskRow).where(KioskRow.id == token.number)
            session.execute(changed.values(last_seen_at=now, expires_at=now + KIOSK_LASTS))
        return replace(token, last_seen_at=now, expires_at=now + KIOSK_LASTS)

    def all(self) -> list[KioskToken]:
        """Return every token that has not expired, oldest first."""
        query = select(KioskRow).where(KioskRow.expires_at > self._clock.utc_now()).order_by(KioskRow.id)
        with session_on(self._engine) as session:
            return [_token(row) for row in session.scalars(query)]

    def find(self, number: int) -> KioskToken | None:
        """Return one token, None for an unknown number."""
        with session_on(self._engine) as session:
            row = session.get(KioskRow, number)
            return None if row is None else _token(row)

    def remove(self, number: int) -> None:
        """Delete a token, which ends its kiosk; raises `ConfigError` if there is none of that number."""
        with session_on(self._engine) as session, session.begin():
            sha256 = session.scalar(delete(KioskRow).where(KioskRow.id == number).returning(KioskRow.sha256))
            if sha256 is None:
                raise ConfigError(f"there is no kiosk token {number}")
        self._paired.forget(sha256)


def _token(row: KioskRow) -> KioskToken:
    return KioskToken(
        number=row.id,
        camera=row.camera,
        language=row.language,
        created_by=row.created_by,
        created_at=in_utc(row.created_at),
        last_seen_at=None if row.last_seen_at is None else in_utc(row.last_seen_at),
        expires_at=in_utc(row.expires_at),
    )


def _sha256(secret: str) -> str:
    """Return the hash of a secret of 256 random bits, which needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
