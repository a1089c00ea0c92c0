"""Incidents that somebody keeps: with a reason, an author and an end."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete

from monitor.domain.clock import Clock
from monitor.storage.database import in_utc, session_on
from monitor.storage.schema import KeptRow


@dataclass(frozen=True, slots=True)
class Kept:
    """Who keeps an incident, since when and until when (UTC), and why."""

    by: str
    at: datetime
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class KeptRepository:
    """The kept incidents of one journal; safe to call from any thread. Methods raise `JournalError`."""

    engine: Engine
    clock: Clock

    def of(self, incident: int) -> Kept | None:
        """Return who keeps an incident now, None if nobody does."""
        with session_on(self.engine) as session:
            row = session.get(KeptRow, incident)
            if row is None or in_utc(row.until) <= self.clock.utc_now():
                return None
            return Kept(row.by, in_utc(row.at), row.reason, in_utc(row.until))

    def keep(self, incident: int, by: str, reason: str, until: datetime) -> None:
        """Keep an incident until a moment, in place of an earlier one."""
        with session_on(self.engine) as session, session.begin():
            now = self.clock.utc_now()
            session.merge(KeptRow(incident=incident, by=by, at=now, reason=reason, until=until))

    def release(self, incident: int) -> bool:
        """Keep an incident no longer; return whether it was kept."""
        with session_on(self.engine) as session, session.begin():
            query = delete(KeptRow).where(KeptRow.incident == incident).returning(KeptRow.incident)
            return session.execute(query).first() is not None

    def release_ended(self) -> list[int]:
        """Forget those whose end has come; return their numbers."""
        with session_on(self.engine) as session, session.begin():
            query = delete(KeptRow).where(KeptRow.until <= self.clock.utc_now()).returning(KeptRow.incident)
            return list(session.scalars(query))
