"""The journal: events in a database, each in its own transaction."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import JSON, DateTime, Engine, Select, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
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
from monitor.storage.chain import ChainKind, append, closed_payload, lock_chain, opened_payload
from monitor.storage.clip_rows import link_earlier
from monitor.storage.database import files_of, make_again, reason
from monitor.storage.files import identity
from monitor.storage.run_info import CurrentRun, RunInfo, new_owner
from monitor.storage.schema import Base, FileRow, IncidentRow, RunRow, SourceEventRow, VisitRow

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _no_utc(_: float) -> None:
    return None


class Journal:
    """Writes the events of the current run to an open database; used and closed on one thread.

    `put` returns once the event is committed, so a crash loses at most the event in flight. `to_utc` converts a
    `time_s` to UTC, or returns None if it is unknown, as in a replay. The opening and the end of an incident are
    appended to the chain in the same transaction. `beat` must be called at intervals shorter than
    `monitor.storage.incidents.STOPPED_AFTER`, so that other programs see that this run is active.

    If the file of a SQLite database is deleted or replaced while in use, `put` and `beat` raise `JournalError`; the
    next call makes it again, with this run and its open incidents.
    """

    def __init__(self, engine: Engine, run: CurrentRun, to_utc: Callable[[float], datetime | None] = _no_utc) -> None:
        self._to_utc = to_utc
        self._engine = engine
        self._current = run
        self._run = run.info
        self._owner = run.info.owner or new_owner()
        self._open: dict[str, IncidentOpened] = {}
        self._is_gone = False
        try:
            self._begin(self._run)
        except JournalError:
            self._engine.dispose()
            raise

    @property
    def run_number(self) -> int:
        """The number of the current run's row."""
        return self._run_id

    def put(self, event: Event) -> None:
        """Commit one event; raises `JournalError`, and earlier events stay committed.

        An event that is already stored is not changed, so that `put` can be repeated if a commit succeeded but its
        confirmation was lost. Raises `UnwritableError` if the database refuses this event, or stores another under its
        key.
        """
        self._make_again_if_gone()
        if self._current.info != self._run:
            self._begin(self._current.info)
        with self._in_place():
            self._put(event)
        if isinstance(event, IncidentOpened):
            self._open[event.incident_id] = event
        elif isinstance(event, IncidentClosed):
            self._open.pop(event.incident_id, None)

    def beat(self) -> None:
        """Record a heartbeat of this run, and check that its database is in place; raises `JournalError`."""
        self._make_again_if_gone()
        with self._in_place():
            self._set_now("beat_at")

    def close(self) -> None:
        """Record the end of this run, and close the database; raises `JournalError`."""
        try:
            self.end()
        finally:
            self._engine.dispose()

    def end(self) -> None:
        """Record the end of this run; raises `JournalError`."""
        self._make_again_if_gone()
        self._set_now("ended_at")

    def _begin(self, run: RunInfo) -> None:
        row = RunRow(
            owner=self._owner,
            beat_at=func.now(),
            kind=run.kind,
            started_at=run.started_at,
            version=run.version,
            model=run.model,
            model_sha256=run.model_sha256,
            settings_sha256=run.settings_sha256,
        )
        try:
            with Session(self._engine) as session, session.begin():
                known = select(RunRow.id).where(RunRow.owner == self._owner, RunRow.started_at == run.started_at)
                run_id = session.scalar(known)
                if run_id is None:
                    session.add(row)
                    session.flush()
                    run_id = row.id
                self._run_id = run_id
        except SQLAlchemyError as error:
            raise JournalError(f"journal: {reason(error)}") from error
        self._run = run
        self._files = {file: identity(file) for file in files_of(self._engine)}

    @contextlib.contextmanager
    def _in_place(self) -> Iterator[None]:
        """Raise `JournalError` if what is written meanwhile goes into a file that is no longer at its path.

        Depending on the moment SQLite writes into the deleted file, or refuses to, for reasons that name no deletion.
        """
        try:
            yield
        except JournalError:
            self._check_files()
            raise
        self._check_files()

    def _check_files(self) -> None:
        for file, opened in self._files.items():
            if identity(file) != opened:
                self._is_gone = True
                raise JournalError(f"journal {file}: was deleted or replaced while in use; it is made again")

    def _make_again_if_gone(self) -> None:
        if self._is_gone:
            make_again(self._engine)
            self._begin(self._run)
            for event in self._open.values():
                self._put(event)
            self._is_gone = False

    def _put(self, event: Event) -> None:
        try:
            with Session(self._engine) as session, session.begin():
                match event:
                    case IncidentClosed():
                        self._close_incident(session, event)
                    case IncidentOpened():
                        self._open_incident(session, event)
                    case _:
                        self._insert_once(session, self._row(event))
        except (IntegrityError, DataError) as error:
            raise UnwritableError(f"journal: {reason(error)}: {event}") from error
        except SQLAlchemyError as error:
            raise JournalError(f"journal: {reason(error)}") from error

    def _open_incident(self, session: Session, event: IncidentOpened) -> None:
        lock_chain(session)
        number = self._insert_once(session, self._row(event))
        if number is None:
            return
        files = [
            FileRow(
                incident=number, kind=file.kind, name=file.name, bytes=file.bytes, sha256=file.sha256, removing=False
            )
            for file in event.files
        ]
        session.add_all(files)
        incident, run = session.get_one(IncidentRow, number), session.get_one(RunRow, self._run_id)
        append(session, ChainKind.OPENED, number, opened_payload(incident, run, files))
        link_earlier(session, number, event.incident_id)

    def _close_incident(self, session: Session, event: IncidentClosed) -> None:
        lock_chain(session)
        still_open = select(IncidentRow).where(
            IncidentRow.incident_id == event.incident_id,
            IncidentRow.run_id.in_(self._own_runs()),
            IncidentRow.closed_s.is_(None),
        )
        for incident in session.scalars(still_open).all():
            incident.closed_s = event.time_s
            incident.closed_at = self._to_utc(event.time_s)
            incident.close_reason = event.reason.value
            session.flush()
            append(session, ChainKind.CLOSED, incident.id, closed_payload(incident))

    def _set_now(self, column: str) -> None:
        """Set a column of the runs to the time of the database's clock, which all readers share."""
        try:
            with Session(self._engine) as session, session.begin():
                session.execute(update(RunRow).where(RunRow.owner == self._owner).values({column: func.now()}))
        except SQLAlchemyError as error:
            raise JournalError(f"journal: {reason(error)}") from error

    def _own_runs(self) -> Select[int]:
        return select(RunRow.id).where(RunRow.owner == self._owner)

    def _insert_once(self, session: Session, row: Base) -> int | None:
        """Insert a row and return its number, None if it is stored already; raises `UnwritableError`."""
        table = row.__table__
        assert isinstance(table, Table)
        values = {column.name: getattr(row, column.name) for column in table.columns if not column.primary_key}
        insert = _INSERT[self._engine.dialect.name](table).values(values).on_conflict_do_nothing()
        if (inserted := session.execute(insert.returning(table.c.id)).first()) is not None:
            return int(inserted.id)
        (key,) = (index for index in table.indexes if index.unique)
        found = select(table).where(*(column == values[column.name] for column in key.columns))
        stored = session.execute(found).mappings().one()
        if any(stored[name] != value for name, value in _exact(table, values).items()):
            raise UnwritableError(f"journal: {table.name}: another record is stored under the key of {values}")
        return None

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


def _exact(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that distinguish a record from another one under its key.

    Timestamps are computed again at each attempt, JSON is not read back as the same types, and values that are empty at
    first, such as the end of an incident, may have been set since.
    """
    inexact = {column.name for column in table.columns if isinstance(column.type, JSON | DateTime)}
    return {name: value for name, value in values.items() if value is not None and name not in inexact}
