"""Statistics over time, counted in the database."""

import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Integer, Select, cast, func, literal_column, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from monitor.domain.errors import JournalError
from monitor.domain.review import ReviewDecision
from monitor.domain.visit import Outcome
from monitor.storage.database import in_utc
from monitor.storage.incidents import newest_decision
from monitor.storage.schema import IncidentCountRow, IncidentRow, ReviewRow, VisitCountRow, VisitRow

#: The most times to comply that are read for their median; of a busier period only the newest are used.
_MOST_TIMES = 20_000

#: Seconds after which SQLite abandons a query, and how many of its instructions pass between two looks at the clock.
#: PostgreSQL has a limit of its own.
_QUERY_S, _INSTRUCTIONS = 20.0, 20_000


class SlowQueryError(JournalError):
    """A query took too long and was abandoned."""


@dataclass(frozen=True, slots=True)
class Span:
    """A period, for the cameras that the account may see (None: all)."""

    since: datetime
    until: datetime
    cameras: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class TimeCount:
    """The number of visits with one outcome at one camera that began in one hour or quarter (from `start`, UTC)."""

    start: datetime
    camera: str
    outcome: Outcome
    visits: int


@dataclass(frozen=True, slots=True)
class ComplyTimes:
    """How long people took to correct a violation, in seconds; None if nobody did."""

    people: int
    median_s: float | None
    p90_s: float | None


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """The incidents of one camera, and their reviews."""

    camera: str
    incidents: int
    confirmed: int
    false_alarms: int


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit, for a list or an export; timestamps in UTC."""

    number: int
    camera: str
    first_seen_at: datetime
    last_seen_at: datetime | None
    duration_s: float
    outcome: Outcome
    time_to_comply_s: float | None
    observations: int
    median_face_px: float


@dataclass(frozen=True, slots=True)
class StatisticsRepository:
    """Reads figures of one journal; safe to call from any thread. Visits without a timestamp are ignored.

    What has been removed is counted by quarters of an hour, of which those that begin in a span count.
    Every method raises `SlowQueryError` if SQLite needs longer than `query_s`.
    """

    engine: Engine
    query_s: float = _QUERY_S

    def version(self) -> tuple[int, ...]:
        """Return numbers of which one changes whenever figures may change."""
        numbers: list[Any] = [func.max(row.id) for row in (VisitRow, IncidentRow, ReviewRow)]
        numbers += [func.sum(VisitCountRow.visits), func.sum(IncidentCountRow.incidents)]
        with self._session() as session:
            return tuple(session.scalar(select(number)) or 0 for number in numbers)

    def quarters(self, span: Span) -> list[TimeCount]:
        """Return the visits by quarter of an hour (the unit of all time zones), camera and outcome."""
        hour, quarter = self._hour_and_quarter(VisitRow.first_seen_at)
        return self._counts(span, hour, quarter)

    def hours(self, span: Span) -> list[TimeCount]:
        """Return the visits by hour in UTC, camera and outcome: a fourth of the rows of `quarters`."""
        hour, _ = self._hour_and_quarter(VisitRow.first_seen_at)
        return self._counts(span, hour)

    def comply_times(self, span: Span) -> ComplyTimes:
        """Return how long people took to comply, over all cameras of the span."""
        query = _visits_in(select(VisitRow.time_to_comply_s), span).where(VisitRow.time_to_comply_s.is_not(None))
        removed = _within(select(VisitCountRow.comply_times_s), VisitCountRow.start, VisitCountRow.source_id, span)
        with self._session() as session:
            times = list(session.scalars(query.order_by(VisitRow.id.desc()).limit(_MOST_TIMES)))
            for each in session.scalars(removed.order_by(VisitCountRow.start.desc())):
                if len(times) >= _MOST_TIMES:
                    break
                times += each
        if not times:
            return ComplyTimes(0, None, None)
        ninth = statistics.quantiles(times, n=10, method="inclusive")[-1] if len(times) > 1 else times[0]
        return ComplyTimes(len(times), statistics.median(times), ninth)

    def alarms(self, span: Span) -> list[ReviewCounts]:
        """Return the counts of reviews by camera."""
        decision = newest_decision()
        query = select(IncidentRow.source_id, decision, func.count()).group_by(IncidentRow.source_id, decision)
        query = _within(query, IncidentRow.opened_at, IncidentRow.source_id, span)
        row = IncidentCountRow
        key: list[Any] = [row.source_id, row.decision]
        removed: Select[Any] = select(*key, func.sum(row.incidents)).group_by(*key)
        with self._session() as session:
            rows = [*session.execute(query), *session.execute(_within(removed, row.start, row.source_id, span))]
        counts: dict[str, Counter[str]] = {}
        for camera, decision_value, count in rows:
            counts.setdefault(camera, Counter())[decision_value or ""] += count
        return [
            ReviewCounts(
                camera,
                sum(decisions.values()),
                decisions[ReviewDecision.CONFIRMED],
                decisions[ReviewDecision.FALSE_ALARM],
            )
            for camera, decisions in sorted(counts.items())
        ]

    def incident_counts(self) -> dict[tuple[str, str], int]:
        """Return how many incidents there have been by camera and state."""
        query = select(IncidentRow.source_id, IncidentRow.state, func.count())
        row, counts = IncidentCountRow, Counter[tuple[str, str]]()
        removed = select(row.source_id, row.state, func.sum(row.incidents)).group_by(row.source_id, row.state)
        with self._session() as session:
            there = session.execute(query.group_by(IncidentRow.source_id, IncidentRow.state))
            for camera, state, count in [*there, *session.execute(removed)]:
                counts[camera, state] += count
        return dict(counts)

    def visits(self, span: Span, outcome: Outcome | None, before: int | None, most: int) -> list[VisitLine]:
        """Return one page of visits, newest first."""
        query = _visits_in(select(VisitRow), span)
        if outcome is not None:
            query = query.where(VisitRow.outcome == outcome.value)
        if before is not None:
            query = query.where(VisitRow.id < before)
        with self._session() as session:
            return list(_visit_lines(session.scalars(query.order_by(VisitRow.id.desc()).limit(most))))

    def _counts(self, span: Span, hour: ColumnElement[Any], *quarter: ColumnElement[Any]) -> list[TimeCount]:
        columns: list[Any] = [hour, *quarter, VisitRow.source_id, VisitRow.outcome]
        query: Select[Any] = select(*columns, func.count()).group_by(*columns)
        removed = _within(select(VisitCountRow), VisitCountRow.start, VisitCountRow.source_id, span)
        with self._session() as session:
            rows = session.execute(_visits_in(query, span)).all()
            gone = [(in_utc(row.start), row.source_id, row.outcome, row.visits) for row in session.scalars(removed)]
        starts = {at: _start(*at) for at in {tuple(row[:-3]) for row in rows}}
        found = [(starts[tuple(at)], camera, outcome, visits) for *at, camera, outcome, visits in rows]
        if gone:
            counts = Counter[tuple[datetime, str, str]]()
            for start, camera, outcome, visits in found + gone:
                counts[start if quarter else start.replace(minute=0), camera, outcome] += visits
            found = [(*key, visits) for key, visits in counts.items()]
        return [TimeCount(start, camera, Outcome(outcome), visits) for start, camera, outcome, visits in sorted(found)]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self.engine) as session:
            driver = session.connection().connection.driver_connection
            if not isinstance(driver, sqlite3.Connection):
                yield session
                return
            until_s = time.monotonic() + self.query_s
            driver.set_progress_handler(lambda: time.monotonic() > until_s, _INSTRUCTIONS)
            try:
                yield session
            except OperationalError as error:
                if time.monotonic() <= until_s:
                    raise
                raise SlowQueryError(f"journal: a query for statistics took longer than {self.query_s:g} s") from error
            finally:
                driver.set_progress_handler(None, 0)

    def _hour_and_quarter(self, column: Any) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Return the hour (UTC) as text, and which of its quarters it is: 0 to 3."""
        if self.engine.dialect.name == "sqlite":
            hour, minute = func.strftime("%Y-%m-%d %H", column), func.strftime("%M", column)
        else:
            in_utc_zone = func.timezone("UTC", column)
            hour, minute = func.to_char(in_utc_zone, "YYYY-MM-DD HH24"), func.to_char(in_utc_zone, "MI")
        return hour, cast(minute, Integer) // literal_column("15", Integer)


def _start(hour: str, quarter: int = 0) -> datetime:
    return datetime.fromisoformat(f"{hour}:{15 * quarter:02}+00:00")


def _visits_in(query: Select[Any], span: Span) -> Select[Any]:
    return _within(query, VisitRow.first_seen_at, VisitRow.source_id, span)


def _within(query: Select[Any], at: Any, camera: Any, span: Span) -> Select[Any]:
    query = query.where(at >= span.since.astimezone(UTC), at < span.until.astimezone(UTC))
    return query if span.cameras is None else query.where(camera.in_(span.cameras))


def _visit_lines(rows: Iterable[VisitRow]) -> Iterable[VisitLine]:
    for row in rows:
        assert row.first_seen_at is not None  # the span excludes the others
        yield VisitLine(
            number=row.id,
            camera=row.source_id,
            first_seen_at=in_utc(row.first_seen_at),
            last_seen_at=None if row.last_seen_at is None else in_utc(row.last_seen_at),
            duration_s=row.last_seen_s - row.first_seen_s,
            outcome=Outcome(row.outcome),
            time_to_comply_s=row.time_to_comply_s,
            observations=row.hits,
            median_face_px=row.median_face_px,
        )
