"""Completes what runs that were killed left in the journal."""

import os
import socket
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from monitor.domain.detection import MaskState
from monitor.domain.event import CloseReason
from monitor.domain.visit import Outcome
from monitor.storage.database import session_on
from monitor.storage.incidents import alive_runs, runs_of
from monitor.storage.run_info import HOST_CHARACTERS
from monitor.storage.schema import IncidentRow, RunRow, VisitRow


def finish_visits(engine: Engine) -> int:
    """Add the visits of incidents whose live run was killed before the person left; return how many.

    Without them, statistics would count only the people who had left: a killed run would seem to comply better. Such a
    visit has what its incidents tell. Raises `JournalError`.
    """
    with session_on(engine) as session, session.begin():
        alive = alive_runs(session)
        unfinished = select(RunRow).where(RunRow.ended_at.is_(None), RunRow.kind == "live")
        visits = [
            visit
            for run in session.scalars(unfinished).all()
            if run.id not in alive or _was_of_this_machine(run.owner)
            for visit in _missing(session, run)
        ]
        session.add_all(visits)
        return len(visits)


def _was_of_this_machine(owner: str | None) -> bool:
    """Return whether a run's process was on this machine and has ended: a restart comes before its beats are old."""
    host, _, rest = (owner or "").rpartition(":")[0].rpartition(":")
    if host != socket.gethostname()[:HOST_CHARACTERS] or not rest.isdecimal():
        return False
    if int(rest) == os.getpid():  # in a container, each start has the same number
        return True
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _missing(session: Session, run: RunRow) -> list[VisitRow]:
    has_visit = (
        select(VisitRow.id)
        .where(
            VisitRow.run_id.in_(runs_of(run)),
            VisitRow.source_id == IncidentRow.source_id,
            VisitRow.track_id == IncidentRow.track_id,
            VisitRow.first_seen_s <= IncidentRow.opened_s,
            VisitRow.last_seen_s >= IncidentRow.since_s,
        )
        .exists()
    )
    query = select(IncidentRow).where(IncidentRow.run_id == run.id, ~has_visit)
    rows = session.scalars(query.order_by(IncidentRow.source_id, IncidentRow.track_id, IncidentRow.opened_s)).all()
    return [_visit(list(own)) for _, own in groupby(rows, lambda row: (row.source_id, row.track_id))]


def _visit(incidents: Sequence[IncidentRow]) -> VisitRow:
    """Return the visit of one person, from its incidents in their order."""
    first, last = incidents[0], incidents[-1]
    ends_s = [row.opened_s if row.closed_s is None else row.closed_s for row in incidents]
    corrected = last.close_reason == CloseReason.CORRECTED.value
    violation = Outcome.VIOLATION if last.state == MaskState.WITHOUT_MASK.value else Outcome.INCORRECT
    return VisitRow(
        run_id=first.run_id,
        source_id=first.source_id,
        track_id=first.track_id,
        first_seen_s=first.since_s,
        last_seen_s=ends_s[-1],
        first_seen_at=_moved(first.opened_at, first.since_s - first.opened_s),
        last_seen_at=_moved(last.opened_at, ends_s[-1] - last.opened_s),
        outcome=(Outcome.CORRECTED if corrected else violation).value,
        time_to_comply_s=ends_s[-1] - first.since_s if corrected else None,
        hits=max(row.observations or 1 for row in incidents),
        median_face_px=last.y2_px - last.y1_px,
        segments=[[row.state, row.since_s, end_s] for row, end_s in zip(incidents, ends_s, strict=True)],
    )


def _moved(at: datetime | None, seconds: float) -> datetime | None:
    return None if at is None else at + timedelta(seconds=seconds)
