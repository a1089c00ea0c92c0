"""The rows of the files of incidents."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from monitor.domain.event import EvidenceFile
from monitor.storage.chain import ChainKind, append, file_payload, lock_chain
from monitor.storage.database import session_on
from monitor.storage.schema import FileRow


@dataclass(frozen=True, slots=True)
class FileRepository:
    """The rows of evidence files in one journal; safe to call from any thread. Methods raise `JournalError`."""

    engine: Engine

    def known(self, kind: str, names: Collection[str]) -> set[str]:
        """Return which of some names have a row."""
        with session_on(self.engine) as session:
            return set(session.scalars(select(FileRow.name).where(FileRow.kind == kind, FileRow.name.in_(names))))

    def add(self, incident: int, file: EvidenceFile) -> None:
        """Add a file that an incident got after it opened, and append its hash to the chain."""
        with session_on(self.engine) as session, session.begin():
            lock_chain(session)
            row = FileRow(
                incident=incident, kind=file.kind, name=file.name, bytes=file.bytes, sha256=file.sha256, removing=False
            )
            session.add(row)
            session.flush()
            append(session, ChainKind.FILE, incident, file_payload(row))

    def of_incident(self, incident: int) -> list[EvidenceFile]:
        """Return the files of an incident."""
        with session_on(self.engine) as session:
            return [EvidenceFile(row.kind, row.name, row.sha256, row.bytes) for row in files_of(session, incident)]


def files_of(session: Session, incident: int) -> list[FileRow]:
    """Return the rows of an incident's files that are not being removed."""
    query = select(FileRow).where(FileRow.incident == incident, FileRow.removing.is_(False)).order_by(FileRow.id)
    return list(session.scalars(query))
