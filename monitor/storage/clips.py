"""The rows of clips of incidents."""

from collections.abc import Sequence

from sqlalchemy import Engine, select

from monitor.storage.chain import lock_chain, sha256_of_text
from monitor.storage.clip_folder import Clip
from monitor.storage.clip_rows import link
from monitor.storage.database import in_utc, session_on
from monitor.storage.schema import ClipIncidentRow, ClipRow, ErasedRow, IncidentRow


class ClipRepository:
    """The rows of clips in one journal; safe to call from any thread. Every method raises `JournalError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, clip: Clip, incident_ids: Sequence[str]) -> bool:
        """Add a clip whose files are complete, unless it has been added before, and append their hashes to the chain.

        Returns False if it shows an incident that has been removed meanwhile; its files must then be deleted.
        """
        ids = list(dict.fromkeys(incident_ids))
        with session_on(self._engine) as session, session.begin():
            lock_chain(session)
            if session.scalar(select(ClipRow.id).where(ClipRow.name == clip.name)) is not None:
                return True
            hashes = [sha256_of_text(each) for each in ids]
            if session.scalar(select(ErasedRow).where(ErasedRow.sha256.in_(hashes)).limit(1)) is not None:
                return False
            row = ClipRow(
                name=clip.name,
                source_id=clip.camera,
                started_at=clip.started_at,
                duration_s=clip.duration_s,
                width_px=clip.width_px,
                height_px=clip.height_px,
                codec=clip.codec,
                bytes=clip.bytes,
                sha256=clip.sha256,
                notes_bytes=clip.notes_bytes,
                notes_sha256=clip.notes_sha256,
            )
            session.add(row)
            session.flush()
            session.add_all(ClipIncidentRow(clip=row.id, incident_id=each) for each in ids)
            known = select(IncidentRow.id).where(IncidentRow.incident_id.in_(ids)).order_by(IncidentRow.id)
            for incident in session.scalars(known).all():
                link(session, row, incident)
        return True

    def of_incident(self, incident_id: str) -> list[Clip]:
        """Return the clips that show an incident, in the order of time."""
        query = (
            select(ClipRow)
            .join(ClipIncidentRow, ClipIncidentRow.clip == ClipRow.id)
            .where(ClipIncidentRow.incident_id == incident_id)
            .order_by(ClipRow.started_at, ClipRow.id)
        )
        with session_on(self._engine) as session:
            return [_clip(row) for row in session.scalars(query)]


def _clip(row: ClipRow) -> Clip:
    return Clip(
        name=row.name,
        camera=row.source_id,
        started_at=in_utc(row.started_at),
        duration_s=row.duration_s,
        width_px=row.width_px,
        height_px=row.height_px,
        codec=row.codec,
        bytes=row.bytes,
        sha256=row.sha256,
        notes_bytes=row.notes_bytes,
        notes_sha256=row.notes_sha256,
    )
