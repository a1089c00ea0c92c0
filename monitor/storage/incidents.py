"""Incidents and their reviews."""

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Engine, ScalarSelect, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from monitor.domain.clock import Clock
from monitor.domain.detection import MaskState
from monitor.domain.review import FalseAlarmReason, Review, ReviewDecision
from monitor.domain.visit import Segment
from monitor.storage.chain import ChainKind, append, lock_chain, review_payload
from monitor.storage.database import in_utc
from monitor.storage.schema import ChainRow, IncidentRow, ReviewRow, RunRow, VisitRow

#: The value of `ended` for an incident that was not closed before its run ended.
NOT_TOLD = "not_told"

#: A run without a heartbeat for this long counts as stopped.
STOPPED_AFTER = timedelta(seconds=60)


class ReviewStatus(StrEnum):
    """The review status to search for."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True)
class Search:
    """Which incidents to return, newest first; None means no condition.

    `cameras` are those that the account may see. `before` is the number of the last incident of the previous page.
    """

    cameras: frozenset[str] | None = None
    camera: str | None = None
    state: MaskState | None = None
    review: ReviewStatus | None = None
    open: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    most: int = 50


@dataclass(frozen=True, slots=True)
class Incident:
    """The current state of one incident; timestamps in UTC, None if unknown.

    `ended` is why it ended, or None while it is open; `decision` is the newest that was not withdrawn.
    """

    number: int
    incident_id: str
    camera: str
    state: MaskState
    since_at: datetime | None
    opened_at: datetime | None
    closed_at: datetime | None
    ended: str | None
    confidence: float
    acknowledged: bool
    decision: ReviewDecision | None
    false_alarm_reason: FalseAlarmReason | None


@dataclass(frozen=True, slots=True)
class IncidentDetail:
    """Everything that is known about an incident.

    `share` (0..1), `evidence_s` and `observations` are the evidence when it opened, None if an older version recorded
    it. `segments` are those of the person's visit, in seconds from its first observation; empty until the visit ends.
    `settings` are the camera's that decided it, by section.
    """

    incident: Incident
    box_px: tuple[float, float, float, float]
    share: float | None
    evidence_s: float | None
    observations: int | None
    first_seen_at: datetime | None
    segments: tuple[Segment, ...]
    reviews: tuple[Review, ...]
    model: str
    model_sha256: str
    settings_sha256: str
    settings: Mapping[str, Any] | None
    version: str


@dataclass(frozen=True, slots=True)
class IncidentRepository:
    """Reads incidents and adds reviews; safe to call from any thread.

    Several monitors may write to one journal: incidents that a run left open count as ended once the run has ended or
    has had no heartbeat for `STOPPED_AFTER`. `run_started_at` identifies this monitor's own run.
    """

    engine: Engine
    clock: Clock
    run_started_at: datetime

    def find(self, search: Search) -> list[Incident]:
        """Return one page of incidents, newest first."""
        with Session(self.engine) as session:
            query = self._chosen(session, _overview(), search)
            rows = session.execute(query.order_by(IncidentRow.id.desc()).limit(search.most)).all()
            alive = alive_runs(session)
            return [_incident(alive, *row) for row in rows]

    def count(self, search: Search) -> int:
        """Return how many incidents a search finds on all its pages."""
        with Session(self.engine) as session:
            query = self._chosen(session, select(func.count(IncidentRow.id)), search)
            return session.scalar(query) or 0

    def camera_of(self, number: int) -> str | None:
        """Return the camera of an incident, None for an unknown number."""
        with Session(self.engine) as session:
            return session.scalar(select(IncidentRow.source_id).where(IncidentRow.id == number))

    def is_erased(self, number: int) -> bool:
        """Return whether there was an incident that has been erased, or removed for its age."""
        with Session(self.engine) as session:
            gone = select(ChainRow.number).where(ChainRow.incident == number, ChainRow.payload.is_(None))
            return session.scalar(gone.limit(1)) is not None

    def by_incident_id(self, incident_id: str) -> Incident | None:
        """Return an incident of this monitor's own run, None for an unknown id."""
        with Session(self.engine) as session:
            query = _overview().where(IncidentRow.incident_id == incident_id, IncidentRow.run_id.in_(self._own()))
            row = session.execute(query.order_by(IncidentRow.id.desc())).first()
            return None if row is None else _incident(alive_runs(session), *row)

    def incident(self, number: int) -> Incident | None:
        """Return the current state of one incident, None for an unknown number."""
        with Session(self.engine) as session:
            row = session.execute(_overview().where(IncidentRow.id == number)).first()
            return None if row is None else _incident(alive_runs(session), *row)

    def detail(self, number: int) -> IncidentDetail | None:
        """Return everything that is known about an incident, None for an unknown number."""
        with Session(self.engine) as session:
            row = session.execute(_overview().where(IncidentRow.id == number)).first()
            if row is None:
                return None
            incident: IncidentRow = row[0]
            run = session.get_one(RunRow, incident.run_id)
            visit = session.scalar(
                select(VisitRow).where(
                    VisitRow.run_id.in_(runs_of(run)),
                    VisitRow.source_id == incident.source_id,
                    VisitRow.track_id == incident.track_id,
                    VisitRow.first_seen_s <= incident.opened_s,
                    VisitRow.last_seen_s >= incident.since_s,
                )
            )
            # More exact than the run: another detector's last frames may have come after its run.
            detector: dict[str, Any] = (incident.settings or {}).get("detector", {})
            reviews = session.scalars(
                select(ReviewRow).where(ReviewRow.incident == number).order_by(ReviewRow.id)
            ).all()
            return IncidentDetail(
                incident=_incident(alive_runs(session), *row),
                box_px=(incident.x1_px, incident.y1_px, incident.x2_px, incident.y2_px),
                share=incident.share,
                evidence_s=incident.evidence_s,
                observations=incident.observations,
                first_seen_at=None if visit is None or visit.first_seen_at is None else in_utc(visit.first_seen_at),
                segments=() if visit is None else _segments(visit),
                reviews=tuple(_review(row) for row in reviews),
                model=detector.get("model", run.model),
                model_sha256=detector.get("sha256", run.model_sha256),
                settings_sha256=run.settings_sha256,
                settings=incident.settings,
                version=run.version,
            )

    def newest_reviews(self, numbers: Collection[int]) -> dict[int, Review]:
        """Return the review that holds, by incident: the newest with a decision, else the newest acknowledgement."""
        query = select(ReviewRow).where(ReviewRow.incident.in_(numbers))
        with Session(self.engine) as session:
            rows = session.scalars(query.order_by(ReviewRow.decision.is_not(None), ReviewRow.id))
            return {row.incident: _review(row) for row in rows}

    def review(
        self,
        number: int,
        by: str,
        decision: ReviewDecision | None,
        false_alarm_reason: FalseAlarmReason | None,
        note: str,
    ) -> Review:
        """Add a review to an incident that exists, and to the chain; return it."""
        row = ReviewRow(
            incident=number,
            by=by,
            at=self.clock.utc_now(),
            decision=None if decision is None else decision.value,
            false_alarm_reason=None if false_alarm_reason is None else false_alarm_reason.value,
            note=note,
        )
        with Session(self.engine) as session, session.begin():
            lock_chain(session)
            session.add(row)
            session.flush()
            append(session, ChainKind.REVIEW, number, review_payload(row))
            return _review(row)

    def _own(self) -> Select[int]:
        """Return a query for the numbers of this monitor's runs: a reloaded configuration begins another one."""
        first = RunRow.started_at == self.run_started_at
        return select(RunRow.id).where(or_(first, RunRow.owner.in_(select(RunRow.owner).where(first))))

    def _chosen(self, session: Session, query: Select[Any], search: Search) -> Select[Any]:
        row, decision = IncidentRow, newest_decision()
        if search.cameras is not None:
            query = query.where(row.source_id.in_(search.cameras))
        if search.camera is not None:
            query = query.where(row.source_id == search.camera)
        if search.state is not None:
            query = query.where(row.state == search.state.value)
        if search.since is not None:
            query = query.where(row.opened_at >= search.since.astimezone(UTC))
        if search.until is not None:
            query = query.where(row.opened_at < search.until.astimezone(UTC))
        if search.before is not None:
            query = query.where(row.id < search.before)
        if search.open is not None:
            still = row.closed_s.is_(None) & row.run_id.in_(alive_runs(session))
            query = query.where(still if search.open else ~still)
        match search.review:
            case None:
                return query
            case ReviewStatus.PENDING:
                return query.where(decision.is_(None), ~_acknowledged())
            case ReviewStatus.ACKNOWLEDGED:
                return query.where(decision.is_(None), _acknowledged())
            case ReviewStatus.CONFIRMED | ReviewStatus.FALSE_ALARM:
                return query.where(decision == search.review.value)


def alive_runs(session: Session) -> frozenset[int]:
    """Return the active runs, by their heartbeats and the database's clock.

    A heartbeat in the future was recorded before the clock was set back, and is ignored.
    """
    now = in_utc(session.execute(select(func.now())).scalar_one())
    fresh = RunRow.beat_at.between(now - STOPPED_AFTER, now + STOPPED_AFTER)
    return frozenset(session.scalars(select(RunRow.id).where(RunRow.ended_at.is_(None), fresh)))


def runs_of(run: RunRow) -> Select[int]:
    """Return a query for the numbers of all runs of a run's process."""
    return select(RunRow.id).where(or_(RunRow.id == run.id, RunRow.owner == run.owner))


def _incident(
    alive: Set[int], row: IncidentRow, acknowledged: bool, decision: str | None, false_alarm_reason: str | None
) -> Incident:
    opened_at = None if row.opened_at is None else in_utc(row.opened_at)
    held = timedelta(seconds=row.opened_s - row.since_s)
    ended = row.close_reason
    if ended is None and row.run_id not in alive:
        ended = NOT_TOLD
    return Incident(
        number=row.id,
        incident_id=row.incident_id,
        camera=row.source_id,
        state=MaskState(row.state),
        since_at=None if opened_at is None else opened_at - held,
        opened_at=opened_at,
        closed_at=None if row.closed_at is None else in_utc(row.closed_at),
        ended=ended,
        confidence=row.confidence,
        acknowledged=bool(acknowledged),
        decision=None if decision is None else ReviewDecision(decision),
        false_alarm_reason=None if false_alarm_reason is None else FalseAlarmReason(false_alarm_reason),
    )


def _overview() -> Select[Any]:
    return select(IncidentRow, _acknowledged(), newest_decision(), _newest(ReviewRow.false_alarm_reason))


def _acknowledged() -> ColumnElement[bool]:
    """Return whether an incident has a review that was not withdrawn."""
    withdrawal = aliased(ReviewRow)
    last = (
        select(func.coalesce(func.max(withdrawal.id), 0))
        .where(withdrawal.incident == IncidentRow.id, withdrawal.decision == ReviewDecision.WITHDRAWN.value)
        .correlate(IncidentRow)  # SQLAlchemy does not correlate over two levels by itself
        .scalar_subquery()
    )
    return select(ReviewRow.id).where(ReviewRow.incident == IncidentRow.id, ReviewRow.id > last).exists()


def newest_decision() -> ScalarSelect[Any]:
    """Return an incident's current decision as part of a query on incidents; NULL if it was withdrawn."""
    return _newest(func.nullif(ReviewRow.decision, ReviewDecision.WITHDRAWN.value))


def _newest(column: Any) -> ScalarSelect[Any]:
    """Return a column of the newest review on an incident that has a decision."""
    return (
        select(column)
        .where(ReviewRow.incident == IncidentRow.id, ReviewRow.decision.is_not(None))
        .order_by(ReviewRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _segments(visit: VisitRow) -> tuple[Segment, ...]:
    """Return the segments of a visit, in seconds from its first observation."""
    start_s = visit.first_seen_s
    return tuple(Segment(MaskState(state), a - start_s, b - start_s) for state, a, b in visit.segments)


def _review(row: ReviewRow) -> Review:
    return Review(
        by=row.by,
        at=in_utc(row.at),
        decision=None if row.decision is None else ReviewDecision(row.decision),
        false_alarm_reason=None if row.false_alarm_reason is None else FalseAlarmReason(row.false_alarm_reason),
        note=row.note,
    )
