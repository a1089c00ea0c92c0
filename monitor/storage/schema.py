"""The journal's tables; the same on SQLite and PostgreSQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, DateTime, Float, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The registry of all tables; constraints have fixed names so that migrations can find them."""

    metadata = MetaData(naming_convention=_NAMING)


class RunRow(Base):
    """One run of the program over its sources.

    Columns in `_s` are seconds of the sources' own clock; columns in `_at` are timestamps in UTC, known to live runs
    only. `owner` identifies the process that writes the run. `beat_at`, by the database's clock, is its last heartbeat,
    and `ended_at` its regular end; both are empty in runs of older versions.
    """

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(32))
    model: Mapped[str] = mapped_column(String(100))
    model_sha256: Mapped[str] = mapped_column(String(64))
    settings_sha256: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str | None] = mapped_column(String(128))
    beat_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class IncidentRow(Base):
    """One violation; `closed_s` is empty while it is open. The evidence is that at its opening.

    Numbers are never reused, since the chain and the audit log name them.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index(None, "run_id", "incident_id", unique=True),
        Index(None, "source_id", "opened_s"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    incident_id: Mapped[str] = mapped_column(String(280))
    source_id: Mapped[str] = mapped_column(String(255))
    track_id: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    since_s: Mapped[float] = mapped_column(Float)
    opened_s: Mapped[float] = mapped_column(Float)
    confidence: Mapped[float] = mapped_column(Float)
    x1_px: Mapped[float] = mapped_column(Float)
    y1_px: Mapped[float] = mapped_column(Float)
    x2_px: Mapped[float] = mapped_column(Float)
    y2_px: Mapped[float] = mapped_column(Float)
    closed_s: Mapped[float | None] = mapped_column(Float)
    opened_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    close_reason: Mapped[str | None] = mapped_column(String(16))
    share: Mapped[float | None] = mapped_column(Float)
    evidence_s: Mapped[float | None] = mapped_column(Float)
    observations: Mapped[int | None] = mapped_column(Integer)
    settings: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class ClipRow(Base):
    """One video file of a camera, beside the pictures of incidents; its row is written after the file.

    `name` is its path in the folder of clips, without the suffix. `codec` is that of the file; `notes_bytes` and
    `notes_sha256` are of the JSON beside it.
    """

    __tablename__ = "clips"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(320), index=True, unique=True)
    source_id: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    duration_s: Mapped[float] = mapped_column(Float)
    width_px: Mapped[int] = mapped_column(Integer)
    height_px: Mapped[int] = mapped_column(Integer)
    codec: Mapped[str] = mapped_column(String(16))
    bytes: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    notes_bytes: Mapped[int] = mapped_column(Integer, server_default="0")
    notes_sha256: Mapped[str] = mapped_column(String(64), server_default="")


class ClipIncidentRow(Base):
    """An incident that a clip shows; the journal may get the incident itself later."""

    __tablename__ = "clip_incidents"
    clip: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    incident_id: Mapped[str] = mapped_column(String(280), primary_key=True, index=True)


class ErasedRow(Base):
    """The SHA-256 of the `incident_id` of an incident that was removed, of which no clip may be added any more."""

    __tablename__ = "erased_incidents"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)


class VisitRow(Base):
    """One person's visit; `segments` is a list of [state, start_s, end_s]."""

    __tablename__ = "visits"
    __table_args__ = (
        Index(None, "run_id", "source_id", "track_id", "first_seen_s", unique=True),
        Index(None, "first_seen_at", "source_id", "outcome", "time_to_comply_s"),  # all that statistics need
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    source_id: Mapped[str] = mapped_column(String(255))
    track_id: Mapped[int] = mapped_column(Integer)
    first_seen_s: Mapped[float] = mapped_column(Float)
    last_seen_s: Mapped[float] = mapped_column(Float)
    first_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(String(16))
    time_to_comply_s: Mapped[float | None] = mapped_column(Float)
    hits: Mapped[int] = mapped_column(Integer)
    median_face_px: Mapped[float] = mapped_column(Float)
    segments: Mapped[list[Any]] = mapped_column(JSON)


class SourceEventRow(Base):
    """A source that was opened, lost, restored or ended; `detail` is the reason in words."""

    __tablename__ = "source_events"
    __table_args__ = (Index(None, "run_id", "source_id", "kind", "time_s", unique=True),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    source_id: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    time_s: Mapped[float] = mapped_column(Float)
    at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(String(16))
    detail: Mapped[str | None] = mapped_column(String(500))
    frames: Mapped[int | None] = mapped_column(Integer)


class ReviewRow(Base):
    """One review of an incident; rows are only added, and the newest decision holds unless it is "withdrawn"."""

    __tablename__ = "reviews"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    incident: Mapped[int] = mapped_column(ForeignKey("incidents.id"), index=True)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decision: Mapped[str | None] = mapped_column(String(16))
    false_alarm_reason: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str] = mapped_column(String(500))


class FileRow(Base):
    """A file of evidence, whose row is written with the record of the chain that has its hash.

    `kind` and `name` are those of `monitor.storage.evidence_kinds`. `removing` is set before the file is deleted, and
    the row goes after it.
    """

    __tablename__ = "evidence_files"
    __table_args__ = (Index(None, "incident", "kind", "name", unique=True), Index(None, "name"))
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    incident: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(320))
    bytes: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))
    removing: Mapped[bool] = mapped_column(Boolean)


class ChainRow(Base):
    """One record of the chain, see `monitor.storage.chain`; `payload` is empty once it has been erased."""

    __tablename__ = "chain"
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    incident: Mapped[int | None] = mapped_column(Integer, index=True)
    payload: Mapped[str | None] = mapped_column(Text)
    payload_sha256: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class SignatureRow(Base):
    """An Ed25519 signature of one record of the chain, and so of all records before it; bytes as hexadecimal digits."""

    __tablename__ = "chain_signatures"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    number: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))


class VisitCountRow(Base):
    """How many visits of a quarter of an hour have been removed, by camera and outcome, with their times to comply."""

    __tablename__ = "visit_counts"
    __table_args__ = (Index(None, "start", "source_id", "outcome", unique=True),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    start: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    source_id: Mapped[str] = mapped_column(String(255))
    outcome: Mapped[str] = mapped_column(String(16))
    visits: Mapped[int] = mapped_column(Integer)
    comply_times_s: Mapped[list[float]] = mapped_column(JSON)


class IncidentCountRow(Base):
    """How many incidents of a quarter of an hour have been removed; `decision` is empty if they were not reviewed."""

    __tablename__ = "incident_counts"
    __table_args__ = (Index(None, "start", "source_id", "state", "decision", unique=True),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    start: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    source_id: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    decision: Mapped[str] = mapped_column(String(16))
    incidents: Mapped[int] = mapped_column(Integer)


class KeptRow(Base):
    """An incident that is kept until a moment, whatever its age."""

    __tablename__ = "kept_incidents"
    incident: Mapped[int] = mapped_column(ForeignKey("incidents.id"), primary_key=True, autoincrement=False)
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str] = mapped_column(String(500))
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AccountRow(Base):
    """An account that can log in; a new `stamp` ends its earlier sessions.

    `totp_secret` is empty if its logins need no one-time code; `totp_step` is the time step of the last one used.
    """

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    role: Mapped[str] = mapped_column(String(16))
    cameras: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    password_hash: Mapped[str] = mapped_column(String(255))
    stamp: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_step: Mapped[int | None] = mapped_column(Integer)


class SessionRow(Base):
    """A login to the pages; only the hash of its key is stored.

    It is valid as long as `stamp` and `role` are those of the account of that name.
    """

    __tablename__ = "sessions"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    account: Mapped[str] = mapped_column(String(64), index=True)
    stamp: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    renewed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class TokenRow(Base):
    """A script's API token; only its hash is stored."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    role: Mapped[str] = mapped_column(String(16))
    cameras: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    sha256: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class KioskRow(Base):
    """A browser that shows one camera's kiosk page; `last_seen_at` is empty until its link has been opened.

    `sha256` is of the link's secret until then, and of the browser's key afterwards. Numbers are never reused.
    """

    __tablename__ = "kiosks"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    camera: Mapped[str] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(16))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sha256: Mapped[str] = mapped_column(String(64), index=True, unique=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AuditRow(Base):
    """Who did what through the pages, the API or the command line."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    who: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    detail: Mapped[str] = mapped_column(String(500))
    address: Mapped[str] = mapped_column(String(64))
