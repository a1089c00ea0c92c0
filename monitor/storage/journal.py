"""The journal: every event in a database, each in a transaction of its own."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from sqlalchemy import Engine, update
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from monitor.domain.errors import JournalError, UnwritableError
from monitor.domain.event import (
    CameraLost,
    CameraRestored,
    Event,
    IncidentClosed,
    IncidentOpened,
    SourceEnded,
    SourceOpened,
    VisitEnded,
)
from monitor.storage.database import reason
from monitor.storage.run_info import RunInfo
from monitor.storage.schema import Base, IncidentRow, RunRow, SourceEventRow, VisitRow


def _no_utc(_: float) -> None:
    return None


class Journal:
    """The only writer of events into a database that is open; used and closed on one thread.

    `put` returns once the event is committed, so a crash loses at most the event in flight. `hour` turns a `time_s`
    into UTC, or None where the hour is not known, as in a replay.
    """

    def __init__(self, engine: Engine, run: RunInfo, to_utc: Callable[[float], datetime | None] = _no_utc) -> None:
        self._to_utc = to_utc
        self._engine = engine
        row = RunRow(
            kind=run.kind,
            started_at=run.started_at,
            version=run.version,
            model=run.model,
            model_sha256=run.model_sha256,
            settings_sha256=run.settings_sha256,
        )
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
                session.flush()
                self._run_id = row.id
        except SQLAlchemyError as error:
            self.close()
            raise JournalError(f"journal: {reason(error)}") from error

    def put(self, event: Event) -> None:
        """Commit one event; raises `JournalError`, and what was committed before stays."""
        try:
            with Session(self._engine) as session, session.begin():
                if isinstance(event, IncidentClosed):
                    session.execute(
                        update(IncidentRow)
                        .where(IncidentRow.run_id == self._run_id, IncidentRow.incident_id == event.incident_id)
                        .values(
                            closed_s=event.time_s,
                            closed_at=self._to_utc(event.time_s),
                            close_reason=event.reason.value,
                        )
                    )
                else:
                    session.add(self._row(event))
        except (IntegrityError, DataError) as error:
            raise UnwritableError(f"journal: {reason(error)}: {event}") from error
        except SQLAlchemyError as error:
            raise JournalError(f"journal: {reason(error)}") from error

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _row(
        self, event: SourceOpened | SourceEnded | CameraLost | CameraRestored | IncidentOpened | VisitEnded
    ) -> Base:
        match event:
            case SourceOpened():
                return self._source_row(event, "opened")
            case SourceEnded():
                return self._source_row(event, "ended", reason=event.reason.value, frames=event.frames)
            case CameraLost():
                return self._source_row(event, "lost", reason=event.cause.value, detail=event.detail[:500])
            case CameraRestored():
                return self._source_row(event, "restored")
            case IncidentOpened():
                return IncidentRow(
                    run_id=self._run_id,
                    incident_id=event.incident_id,
                    source_id=event.source_id,
                    track_id=event.track_id,
                    state=event.state.value,
                    since_s=event.since_s,
                    opened_s=event.time_s,
                    opened_at=self._to_utc(event.time_s),
                    confidence=event.confidence,
                    x1_px=event.box.x1_px,
                    y1_px=event.box.y1_px,
                    x2_px=event.box.x2_px,
                    y2_px=event.box.y2_px,
                    share=event.share,
                    evidence_s=event.evidence_s,
                    observations=event.observations,
                    settings=dict(event.settings) or None,
                )
            case VisitEnded():
                visit = event.visit
                return VisitRow(
                    run_id=self._run_id,
                    source_id=event.source_id,
                    track_id=visit.track_id,
                    first_seen_s=visit.first_seen_s,
                    last_seen_s=visit.last_seen_s,
                    first_seen_at=self._to_utc(visit.first_seen_s),
                    last_seen_at=self._to_utc(visit.last_seen_s),
                    outcome=visit.outcome.value,
                    time_to_comply_s=visit.time_to_comply_s,
                    hits=visit.hits,
                    median_face_px=visit.median_face_px,
                    segments=[[s.state.value, s.start_s, s.end_s] for s in visit.segments],
                )
            case _:
                assert_never(event)

    def _source_row(
        self,
        event: SourceOpened | SourceEnded | CameraLost | CameraRestored,
        kind: str,
        *,
        reason: str | None = None,
        detail: str | None = None,
        frames: int | None = None,
    ) -> SourceEventRow:
        return SourceEventRow(
            run_id=self._run_id,
            source_id=event.source_id,
            kind=kind,
            time_s=event.time_s,
            at=self._to_utc(event.time_s),
            reason=reason,
            detail=detail,
            frames=frames,
        )
