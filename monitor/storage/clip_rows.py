"""The rows of the files of clips, in the transactions of others."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import CompoundSelect, Select, delete, func, select, union
from sqlalchemy.orm import Session, aliased

from monitor.storage.chain import ChainKind, append, file_payload, sha256_of_text
from monitor.storage.evidence_kinds import CLIP, CLIP_NOTES, CLIP_SUFFIXES, clip_of
from monitor.storage.schema import ClipIncidentRow, ClipRow, ErasedRow, FileRow, IncidentRow

_KINDS = tuple(CLIP_SUFFIXES)


def link(session: Session, clip: ClipRow, incident: int) -> None:
    """Make the files of a clip evidence of an incident, and append their hashes to the chain, after `lock_chain`."""
    values = {CLIP: (clip.bytes, clip.sha256), CLIP_NOTES: (clip.notes_bytes, clip.notes_sha256)}
    for kind, (size, sha256) in values.items():
        name = clip.name + CLIP_SUFFIXES[kind]
        row = FileRow(incident=incident, kind=kind, name=name, bytes=size, sha256=sha256, removing=False)
        session.add(row)
        session.flush()
        append(session, ChainKind.FILE, incident, file_payload(row))


def link_earlier(session: Session, incident: int, incident_id: str) -> None:
    """Do so for the clips that were complete before the journal got their incident, after `lock_chain`."""
    query = select(ClipRow).join(ClipIncidentRow).where(ClipIncidentRow.incident_id == incident_id)
    for clip in session.scalars(query.order_by(ClipRow.id)).all():
        link(session, clip, incident)


def sharing(incidents: Select[int] | Collection[int]) -> CompoundSelect[int]:
    """Return a query for some incidents, and those that share a clip with one of them."""
    incident, own, other = aliased(IncidentRow), aliased(FileRow), aliased(FileRow)
    return union(
        select(incident.id).where(incident.id.in_(incidents)),
        select(other.incident)
        .join(own, (own.name == other.name) & (own.kind == other.kind))
        .where(own.kind == CLIP, own.incident.in_(incidents)),
    )


def with_siblings(session: Session, rows: Iterable[FileRow]) -> list[FileRow]:
    """Return rows of files, with those of the other file of each clip: neither is of use alone."""
    found = {row.id: row for row in rows}
    for row in [row for row in found.values() if row.kind in _KINDS]:
        names = [clip_of(row.name) + suffix for suffix in CLIP_SUFFIXES.values()]
        query = select(FileRow).where(
            FileRow.incident == row.incident, FileRow.name.in_(names), FileRow.kind.in_(_KINDS), ~FileRow.removing
        )
        found |= {each.id: each for each in session.scalars(query)}
    return list(found.values())


def take_clips(session: Session, gone: Mapping[int, str]) -> list[FileRow]:
    """Mark the files of every clip that shows one of some incidents, and return the rows of other incidents.

    `gone` has the `incident_id` of each number. A clip shows its people to whoever may see any of its incidents, so it
    goes for all of them; one that is still being recorded is never added.
    """
    hashes = {sha256_of_text(incident_id) for incident_id in gone.values()}
    hashes -= set(session.scalars(select(ErasedRow.sha256).where(ErasedRow.sha256.in_(hashes))))
    session.add_all(ErasedRow(sha256=sha256) for sha256 in sorted(hashes))
    shown = select(ClipIncidentRow.clip).where(ClipIncidentRow.incident_id.in_(gone.values()))
    others: list[FileRow] = []
    for clip in session.scalars(select(ClipRow).where(ClipRow.id.in_(shown)).order_by(ClipRow.id)).all():
        names = {kind: clip.name + suffix for kind, suffix in CLIP_SUFFIXES.items()}
        query = select(FileRow).where(FileRow.name.in_(names.values()), FileRow.kind.in_(_KINDS))
        rows = session.scalars(query.order_by(FileRow.id)).all()
        others += [row for row in rows if row.incident not in gone and not row.removing]
        for row in rows:
            row.removing = True
        for kind in names.keys() - {row.kind for row in rows}:  # recorded by a version that kept no rows of them
            row = FileRow(incident=min(gone), kind=kind, name=names[kind], bytes=0, sha256="", removing=True)
            session.add(row)
    session.flush()
    return others


def forget_clips(session: Session, names: Collection[str]) -> None:
    """Delete the rows of clips, by name, whose files are being removed for each of their incidents, or for some."""
    for name in names:
        clip = session.scalar(select(ClipRow).where(ClipRow.name == name))
        if clip is None:
            continue
        living = (
            select(IncidentRow.incident_id)
            .join(FileRow, FileRow.incident == IncidentRow.id)
            .where(FileRow.kind == CLIP, FileRow.name == name + CLIP_SUFFIXES[CLIP], ~FileRow.removing)
        )
        session.execute(
            delete(ClipIncidentRow)
            .where(ClipIncidentRow.clip == clip.id, ClipIncidentRow.incident_id.not_in(living))
            .execution_options(synchronize_session=False)
        )
        left = select(func.count()).select_from(ClipIncidentRow).where(ClipIncidentRow.clip == clip.id)
        if not session.scalar(left):
            session.delete(clip)
            session.flush()
