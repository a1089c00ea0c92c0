"""The hash chain of the incident log.

Each record has a number, a kind, the number of the incident that it is about, and a payload: canonical JSON, in which
keys are sorted, there are no spaces, text is UTF-8, and timestamps are ISO 8601 in UTC with microseconds. The record's
hash is the SHA-256 of five lines, each ended by a line feed: its number, its kind, its incident (empty if none), the
hash of the record before (64 zeros for the first), and the SHA-256 of its payload.

Because the hash is not of the payload itself, a payload can be erased without breaking the chain; a record of the kind
`removed` then says which, why and by whom.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from monitor.storage.database import in_utc
from monitor.storage.schema import ChainRow, FileRow, IncidentRow, ReviewRow, RunRow

#: What the first record has in place of the hash of the one before.
NOTHING = "0" * 64

#: PostgreSQL's advisory lock for the end of the chain: any number, as long as it stays the same.
_CHAIN_LOCK = 0x636861696E

#: The columns of an incident that its opening decides, and those that its end decides.
OPENED_COLUMNS = (
    "id", "incident_id", "source_id", "track_id", "state", "since_s", "opened_s", "opened_at", "confidence",
    "x1_px", "y1_px", "x2_px", "y2_px", "share", "evidence_s", "observations",
)  # fmt: skip
CLOSED_COLUMNS = ("closed_s", "closed_at", "close_reason")
REVIEW_COLUMNS = ("id", "incident", "by", "at", "decision", "false_alarm_reason", "note")
FILE_COLUMNS = ("kind", "name", "bytes", "sha256")


class ChainKind(StrEnum):
    """The kinds of records.

    `BEGUN` is the first one, `OPENED`, `CLOSED` and `REVIEW` are about an incident, `FILE` is a file that an incident
    got later, and `REMOVED` is the tombstone of what was erased.
    """

    BEGUN = "begun"
    OPENED = "opened"
    CLOSED = "closed"
    REVIEW = "review"
    FILE = "file"
    REMOVED = "removed"


def canonical(payload: Mapping[str, Any]) -> str:
    """Return a payload as canonical JSON."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of_text(text_: str) -> str:
    """Return the SHA-256 of a text in UTF-8 as 64 hexadecimal digits."""
    return hashlib.sha256(text_.encode()).hexdigest()


def record_hash(number: int, kind: str, incident: int | None, previous: str, payload_sha256: str) -> str:
    """Return the hash of a record."""
    lines = (str(number), kind, "" if incident is None else str(incident), previous, payload_sha256)
    return sha256_of_text("".join(f"{line}\n" for line in lines))


def lock_chain(session: Session) -> None:
    """Let nobody else append until the transaction ends; must come first in a transaction that appends."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _CHAIN_LOCK})


def append(session: Session, kind: ChainKind, incident: int | None, payload: Mapping[str, Any]) -> int:
    """Append a record in the transaction of what it is about, after `lock_chain`; return its number."""
    head = session.execute(select(ChainRow.number, ChainRow.hash).order_by(ChainRow.number.desc()).limit(1)).first()
    number, previous = (1, NOTHING) if head is None else (head.number + 1, head.hash)
    words = canonical(payload)
    digest = sha256_of_text(words)
    row = ChainRow(
        number=number,
        kind=kind.value,
        incident=incident,
        payload=words,
        payload_sha256=digest,
        previous=previous,
        hash=record_hash(number, kind.value, incident, previous, digest),
    )
    session.add(row)
    session.flush()
    return number


def erase_payloads(session: Session, incidents: Sequence[int]) -> None:
    """Empty the payloads of all records about some incidents; a `REMOVED` record must name them."""
    session.execute(update(ChainRow).where(ChainRow.incident.in_(incidents)).values(payload=None))


def opened_payload(incident: IncidentRow, run: RunRow, files: Sequence[FileRow]) -> dict[str, Any]:
    """Return the payload of an incident that opened: its evidence, its files, and the model and settings behind it."""
    return {
        "incident": columns_of(incident, OPENED_COLUMNS),
        "settings_sha256": settings_sha256(incident.settings),
        "run": run_values(run),
        "files": [columns_of(file, FILE_COLUMNS) for file in files],
    }


def closed_payload(incident: IncidentRow) -> dict[str, Any]:
    """Return the payload of an incident that ended."""
    return columns_of(incident, CLOSED_COLUMNS)


def review_payload(review: ReviewRow) -> dict[str, Any]:
    """Return the payload of a review."""
    return columns_of(review, REVIEW_COLUMNS)


def file_payload(file: FileRow) -> dict[str, Any]:
    """Return the payload of a file that an incident got after it opened."""
    return columns_of(file, FILE_COLUMNS)


def settings_sha256(settings: Mapping[str, Any] | None) -> str | None:
    """Return the hash of the settings that decided an incident, None if there are none."""
    return None if settings is None else sha256_of_text(canonical(settings))


def run_values(run: RunRow) -> dict[str, Any]:
    """Return what the chain keeps of a run; the start of a replay is left out, so that its chain is reproducible."""
    names = ("id", "kind", "version", "model", "model_sha256", "settings_sha256")
    return columns_of(run, names + (("started_at",) if run.kind == "live" else ()))


def columns_of(row: object, names: Sequence[str]) -> dict[str, Any]:
    """Return columns of a row as plain values."""
    return {name: _shown(getattr(row, name)) for name in names}


def _shown(value: Any) -> Any:
    return in_utc(value).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
