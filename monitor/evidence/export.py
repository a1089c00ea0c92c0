"""One incident as a ZIP file that proves itself."""

import base64
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from monitor import __version__
from monitor.domain.detection import MaskState
from monitor.evidence.hashes import first_content, sha256_of_bytes
from monitor.evidence.signing import EvidenceKey, Head, sign_head
from monitor.storage.chain import ChainKind, canonical
from monitor.storage.clip_folder import ClipFolder, sha256_of
from monitor.storage.database import in_utc, session_on
from monitor.storage.evidence_files import files_of
from monitor.storage.evidence_kinds import CLIP, FOLDERS, PICTURE, clip_of, path_of, paths_of
from monitor.storage.files import reading
from monitor.storage.schema import ChainRow, IncidentRow, ReviewRow, RunRow, SignatureRow

SUMS, SIGNATURES, CHAIN, SETTINGS = "SHA256SUMS", "signatures.json", "chain.jsonl", "settings.json"
RECORD_COLUMNS = ("number", "kind", "incident", "payload", "payload_sha256", "previous", "hash")

_WORDS = {MaskState.WITHOUT_MASK: "No mask", MaskState.INCORRECT: "Mask worn incorrectly"}

_HOWTO = """\
This folder holds one incident of Mask Monitor, and what proves it.

  summary.html      the incident on one page; it opens without a network
  picture/, ...     its files. A video that shows everybody is for admins; others get the copy in which all but the
                    person concerned are blurred, if it has been made; no record of the chain has that copy
  settings.json     the settings of the detector and the camera that decided it
  chain.jsonl       the incident's records of the hash chain, and the records between them and the signed one. Payloads
                    of other incidents are left out; their hashes suffice
  signatures.json   the Ed25519 public key, and its signatures of the last record in chain.jsonl and of SHA256SUMS
  SHA256SUMS        the hashes of all other files but signatures.json

"monitor verify FILE.zip" checks all of it. By hand:

  1. sha256sum -c SHA256SUMS
  2. The sha256 of each payload in chain.jsonl (UTF-8) is its payload_sha256. The hash of a record is the sha256 of five
     lines, each ended by a line feed: number, kind, incident (empty if null), previous, payload_sha256. Its previous is
     the hash of the record before.
  3. The payload of the kind "opened" has the sha256 of settings.json and of each file that there was then; those of
     the kind "file" have the sha256 of later ones.
  4. signatures.json: "chain" is the signature of "mask-monitor chain", the last record's number, and its hash, as three
     lines, each ended by a line feed; "sums" is that of the file SHA256SUMS.
  5. Compare the public key with the one on the monitor's health page, or in another export.
"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is known of an incident; `records` is the stretch of the chain that proves it."""

    incident: IncidentRow
    run: RunRow
    reviews: Sequence[ReviewRow]
    files: dict[str, bytes]
    videos: dict[str, Path]
    records: Sequence[ChainRow]
    head: Head | None


def export_incident(
    engine: Engine, folder: Path, number: int, key: EvidenceKey, now: datetime, out: IO[bytes], *, originals: bool
) -> bool:
    """Write a ZIP of an incident; return False if there is none.

    `folder` is that of the journal's files. With `originals` it has the videos as the camera sent them, otherwise their
    blurred copies, as far as there are any. Raises `JournalError`, and `OutputError` if a file cannot be read.
    """
    with session_on(engine) as session, session.begin():
        parts = _parts(session, folder, number, key, originals)
        if parts is None:
            return False
        contents = _contents(parts, key.public_key, now)
    hashes = {name: sha256_of_bytes(data) for name, data in contents.items()} | _hashes(parts.videos)
    sums = "".join(f"{digest}  {name}\n" for name, digest in hashes.items()).encode()
    signatures: dict[str, Any] = {"public_key": key.public_key, "sums": key.sign(sums), "chain": None}
    if parts.head is not None:
        signatures["chain"] = key.sign(parts.head.message())
    contents |= {SUMS: sums, SIGNATURES: _json(signatures)}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(name, now.timetuple()[:6]), data)
        for name, path in parts.videos.items():
            with reading(path), path.open("rb") as video, archive.open(name, "w", force_zip64=True) as entry:
                shutil.copyfileobj(video, entry, 1 << 20)
    return True


def _parts(session: Session, folder: Path, number: int, key: EvidenceKey, originals: bool) -> _Parts | None:
    incident = session.get(IncidentRow, number)
    if incident is None:
        return None
    files, videos = {}, {}
    for file in files_of(session, number):
        if file.kind == CLIP:
            video = path_of(folder, CLIP, file.name)
            if not originals:
                video = ClipFolder(folder / FOLDERS[CLIP]).blurred(clip_of(file.name), incident.track_id)
            if originals or video.exists():
                videos[f"{CLIP}/{video.name}"] = video
            continue
        content = first_content(paths_of(folder, file.kind, file.name))
        files[f"{file.kind}/{PurePosixPath(file.name).name}"] = content
    reviews = session.scalars(select(ReviewRow).where(ReviewRow.incident == number).order_by(ReviewRow.id)).all()
    records, head = _stretch(session, number, key)
    return _Parts(incident, session.get_one(RunRow, incident.run_id), reviews, files, videos, records, head)


def _stretch(session: Session, number: int, key: EvidenceKey) -> tuple[Sequence[ChainRow], Head | None]:
    """Return the records from an incident's first one to the first signed one that follows its last one."""
    own = session.scalars(select(ChainRow.number).where(ChainRow.incident == number).order_by(ChainRow.number)).all()
    if not own:
        return [], None
    sign_head(session, key)
    signed = (
        select(SignatureRow)
        .where(SignatureRow.number >= own[-1], SignatureRow.public_key == key.public_key)
        .order_by(SignatureRow.number)
    )
    signature = session.scalars(signed).first()
    assert signature is not None  # the head has just been signed
    between = ChainRow.number.between(own[0], signature.number)
    records = session.scalars(select(ChainRow).where(between).order_by(ChainRow.number)).all()
    return records, Head(signature.number, signature.hash)


def _contents(parts: _Parts, public_key: str, now: datetime) -> dict[str, bytes]:
    incident = parts.incident
    lines = []
    for record in parts.records:
        values = {name: getattr(record, name) for name in RECORD_COLUMNS}
        if record.incident != incident.id:
            values["payload"] = None
        lines.append(json.dumps(values, ensure_ascii=False) + "\n")
    return {
        "summary.html": _summary(parts, public_key, now).encode(),
        **parts.files,
        SETTINGS: canonical(incident.settings or {}).encode(),
        CHAIN: "".join(lines).encode(),
        "HOWTO.txt": _HOWTO.encode(),
    }


def _hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    return {name: sha256_of(path) for name, path in paths.items()}


def _summary(parts: _Parts, public_key: str, now: datetime) -> str:
    environment = Environment(loader=PackageLoader("monitor.evidence"), autoescape=True, undefined=StrictUndefined)
    incident, run, state = parts.incident, parts.run, MaskState(parts.incident.state)
    opened = next((record.number for record in parts.records if record.kind == ChainKind.OPENED), None)
    proof = [(name, sha256_of_bytes(data)) for name, data in parts.files.items()]
    proof += _hashes(parts.videos).items()
    if parts.head is not None:
        proof.append((f"Hash of record {parts.head.number}", parts.head.hash))
    return environment.get_template("incident.html.jinja").render(
        number=incident.id,
        camera=incident.source_id,
        words=_WORDS.get(state, state.value),
        pictures=[base64.b64encode(data).decode() for name, data in parts.files.items() if name.startswith(PICTURE)],
        videos=list(parts.videos),
        facts=[
            ("Opened", _at(incident.opened_at)),
            ("Ended", _at(incident.closed_at)),
            ("How it ended", (incident.close_reason or "not recorded").replace("_", " ")),
            ("Mean score", f"{incident.confidence:.0%}"),
            ("Agreement", "–" if incident.share is None else f"{incident.share:.0%}"),
            ("Analyses", "–" if incident.observations is None else str(incident.observations)),
            ("Incident ID", incident.incident_id),
        ],
        reviews=[(f"{row.by}, {_at(row.at)}", _said(row)) for row in parts.reviews],
        provenance=[
            ("Model", run.model),
            ("Model, SHA-256", run.model_sha256),
            ("Settings, SHA-256", run.settings_sha256),
            ("Version", run.version),
        ],
        settings=json.dumps(incident.settings, ensure_ascii=False, indent=1),
        record=opened,
        head=parts.head,
        proof=[*proof, ("Public key (Ed25519)", public_key)],
        version=__version__,
        written_at=_at(now),
    )


def _said(row: ReviewRow) -> str:
    words = [row.decision or "acknowledged", row.false_alarm_reason or ""]
    said = ": ".join(word.replace("_", " ") for word in words if word)
    return f"{said} – {row.note}" if row.note else said


def _at(at: datetime | None) -> str:
    return "–" if at is None else f"{in_utc(at):%Y-%m-%d %H:%M:%S} UTC"


def _json(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=1).encode()
