"""The rows of clips of incidents."""

from collections.abc import Sequence

from sqlalchemy import Engine, select

from monitor.storage.clip_folder import Clip
from monitor.storage.database import in_utc, session_on
from monitor.storage.schema import ClipIncidentRow, ClipRow


class ClipRepository:
    """The rows of clips in one journal; safe to call from any thread. Every method raises `JournalError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, clip: Clip, incident_ids: Sequence[str]) -> None:
        """Add a clip whose file is complete, unless it has been added before."""
        with session_on(self._engine) as session, session.begin():
            if session.scalar(select(ClipRow.id).where(ClipRow.name == clip.name)) is not None:
                return
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
            )
            session.add(row)
            session.flush()
            session.add_all(ClipIncidentRow(clip=row.id, incident_id=each) for each in dict.fromkeys(incident_ids))

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
    )
