"""Removes rows and files of evidence; what was removed stays counted, and the chain says so."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Engine, Select, delete, select, update
from sqlalchemy.orm import Session

from monitor.domain.clock import Clock
from monitor.domain.errors import KeptError
from monitor.storage.chain import ChainKind, append, erase_payloads, lock_chain
from monitor.storage.clip_rows import forget_clips, sharing, take_clips, with_siblings
from monitor.storage.database import in_utc, session_on
from monitor.storage.evidence_kinds import CLIP, clip_of, delete_file
from monitor.storage.incidents import newest_decision, runs_of
from monitor.storage.schema import (
    FileRow,
    IncidentCountRow,
    IncidentRow,
    KeptRow,
    ReviewRow,
    RunRow,
    VisitCountRow,
    VisitRow,
)

_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Removal:
    """Why something is removed, for the chain: by whom, and the reason in words."""

    why: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Remover:
    """Removes incidents, visits and files of one journal; safe to call from any thread.

    `folder` is that of the journal. A file is deleted once the removal is committed; after a crash between the two,
    `finish` deletes it. Methods raise `JournalError`, and `OutputError` if a file cannot be deleted.
    """

    engine: Engine
    folder: Path
    clock: Clock

    def incidents(self, numbers: Sequence[int], removal: Removal) -> int:
        """Remove incidents with their reviews and files, unless they are kept; return how many are removed.

        A clip that also shows other incidents is removed for them too; if one of them is kept, all are.
        """
        with self._transaction() as session:
            wanted = IncidentRow.id.in_(numbers), IncidentRow.id.not_in(self._kept())
            found = session.execute(select(IncidentRow, newest_decision()).where(*wanted)).all()
            gone = {row.id: row.incident_id for row, _ in found}
            if not gone:
                return 0
            for row, decision in found:
                if row.opened_at is not None:
                    _count_incident(session, row, decision or "")
            session.execute(delete(ReviewRow).where(ReviewRow.incident.in_(gone)))
            session.execute(delete(KeptRow).where(KeptRow.incident.in_(gone)))
            session.execute(update(FileRow).where(FileRow.incident.in_(gone)).values(removing=True))
            shared = take_clips(session, gone)
            _forget_clips_of(session, FileRow.incident.in_(gone))
            session.execute(delete(IncidentRow).where(IncidentRow.id.in_(gone)))
            erase_payloads(session, list(gone))
            append(session, ChainKind.REMOVED, None, _payload(removal, incidents=list(gone), files=shared))
        self.finish()
        return len(gone)

    def erase_incident(self, number: int, removal: Removal) -> bool:
        """Remove an incident; return False if there is none, and raise `KeptError` if somebody keeps it."""
        self._require_unkept([number])
        return self.incidents([number], removal) == 1

    def erase_visit(self, number: int, removal: Removal) -> bool:
        """Remove a visit and its incidents; return False if there is none, and raise `KeptError` if one is kept."""
        with session_on(self.engine) as session:
            visit = session.get(VisitRow, number)
            if visit is None:
                return False
            found = list(session.scalars(_incidents_of(visit, session.get_one(RunRow, visit.run_id))))
        self._require_unkept(found)
        self.incidents(found, removal)
        return self.visits([number]) == 1

    def files(self, ids: Sequence[int], removal: Removal) -> int:
        """Remove files by the numbers of their rows, unless their incidents are kept; return the bytes freed.

        A clip that also shows other incidents stays for them.
        """
        with self._transaction() as session:
            wanted = FileRow.id.in_(ids), FileRow.removing.is_(False), FileRow.incident.not_in(self._kept())
            found = with_siblings(session, session.scalars(select(FileRow).where(*wanted)).all())
            if not found:
                return 0
            for row in found:
                row.removing = True
            session.flush()
            _forget_clips_of(session, FileRow.id.in_([row.id for row in found]))
            living = _living(session, {row.name for row in found})
            sizes = {(row.kind, row.name): row.bytes for row in found}
            size = sum(size for key, size in sizes.items() if key not in living)
            append(session, ChainKind.REMOVED, None, _payload(removal, files=found))
        self.finish()
        return size

    def visits(self, numbers: Sequence[int]) -> int:
        """Remove visits, which are not in the chain; return how many are removed."""
        with self._transaction() as session:
            rows = session.scalars(select(VisitRow).where(VisitRow.id.in_(numbers))).all()
            _count_visits(session, rows)
            session.execute(delete(VisitRow).where(VisitRow.id.in_(numbers)))
        return len(rows)

    def finish(self) -> None:
        """Delete the files whose removal is committed, and their rows."""
        with session_on(self.engine) as session:
            query = select(FileRow.id, FileRow.kind, FileRow.name).where(FileRow.removing).order_by(FileRow.id)
            rows = session.execute(query).all()
            living = _living(session, {name for _, _, name in rows})
        if not rows:
            return
        for kind, name in dict.fromkeys((kind, name) for _, kind, name in rows):
            if (kind, name) not in living:
                delete_file(self.folder, kind, name)
        with self._transaction() as session:
            session.execute(delete(FileRow).where(FileRow.id.in_([number for number, *_ in rows])))

    def _require_unkept(self, numbers: Sequence[int]) -> None:
        with session_on(self.engine) as session:
            until_later = KeptRow.until > self.clock.utc_now()
            query = select(KeptRow).where(KeptRow.incident.in_(sharing(numbers)), until_later)
            if (row := session.scalar(query)) is not None:
                until = f"{in_utc(row.until):%Y-%m-%d}"
                raise KeptError(f"{row.by} keeps incident {row.incident} until {until}: {row.reason}")

    def _kept(self) -> CompoundSelect[int]:
        return sharing(select(KeptRow.incident).where(KeptRow.until > self.clock.utc_now()))

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with session_on(self.engine) as session, session.begin():
            lock_chain(session)
            yield session


def _incidents_of(visit: VisitRow, run: RunRow) -> Select[int]:
    """Return a query for the incidents of a visit."""
    return select(IncidentRow.id).where(
        IncidentRow.run_id.in_(runs_of(run)),
        IncidentRow.source_id == visit.source_id,
        IncidentRow.track_id == visit.track_id,
        IncidentRow.opened_s >= visit.first_seen_s,
        IncidentRow.since_s <= visit.last_seen_s,
    )


def _forget_clips_of(session: Session, files: ColumnElement[bool]) -> None:
    names = session.scalars(select(FileRow.name).where(FileRow.kind == CLIP, files).distinct()).all()
    forget_clips(session, [clip_of(name) for name in names])


def _living(session: Session, names: Collection[str]) -> set[tuple[str, str]]:
    """Return which files, by kind and name, belong to an incident that has not lost them."""
    query = select(FileRow.kind, FileRow.name).where(FileRow.name.in_(names), ~FileRow.removing)
    return {(kind, name) for kind, name in session.execute(query)}


def _payload(removal: Removal, incidents: Sequence[int] = (), files: Sequence[FileRow] = ()) -> dict[str, Any]:
    """Return the payload of a tombstone; files are named by their hashes, as their names tell of incidents."""
    said = {"why": removal.why, "by": removal.by, "reason": removal.reason}
    which = sorted({(row.incident, row.kind, row.sha256) for row in files})
    return said | {"incidents": list(incidents), "files": [list(each) for each in which]}


def quarter_of(at: datetime) -> datetime:
    """Return the start of a timestamp's quarter of an hour, in UTC."""
    at = in_utc(at)
    return at - (at - at.replace(minute=0, second=0, microsecond=0)) % _QUARTER


def _count_incident(session: Session, row: IncidentRow, decision: str) -> None:
    assert row.opened_at is not None
    key = {
        "start": quarter_of(row.opened_at),
        "source_id": row.source_id,
        "state": row.state,
        "decision": decision,
    }
    counted = session.scalar(select(IncidentCountRow).filter_by(**key))
    if counted is None:
        session.add(IncidentCountRow(**key, incidents=1))
        session.flush()
    else:
        counted.incidents += 1


def _count_visits(session: Session, rows: Iterable[VisitRow]) -> None:
    for row in rows:
        if row.first_seen_at is None:
            continue
        key = {"start": quarter_of(row.first_seen_at), "source_id": row.source_id, "outcome": row.outcome}
        counted = session.scalar(select(VisitCountRow).filter_by(**key))
        if counted is None:
            counted = VisitCountRow(**key, visits=0, comply_times_s=[])
            session.add(counted)
        counted.visits += 1
        if row.time_to_comply_s is not None:
            counted.comply_times_s = [*counted.comply_times_s, round(row.time_to_comply_s, 1)]
        session.flush()
