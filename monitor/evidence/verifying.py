"""Verifies the chain of a journal, and what it says of rows and files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from monitor.domain.errors import EvidenceError
from monitor.evidence.hashes import sha256_of_first
from monitor.evidence.signing import Head, is_signature
from monitor.storage.chain import (
    CLOSED_COLUMNS,
    FILE_COLUMNS,
    NOTHING,
    OPENED_COLUMNS,
    REVIEW_COLUMNS,
    ChainKind,
    columns_of,
    record_hash,
    run_values,
    settings_sha256,
    sha256_of_text,
)
from monitor.storage.database import session_on
from monitor.storage.evidence_kinds import FOLDERS, paths_of
from monitor.storage.schema import ChainRow, FileRow, IncidentRow, ReviewRow, RunRow, SignatureRow

_PAGE = 500


@dataclass(slots=True)
class Verified:
    """What a chain that is not broken holds.

    `signed` is the last record that is signed, 0 if none is; `older` is how many incidents are older than the chain.
    """

    records: int = 0
    head: str = NOTHING
    incidents: int = 0
    files: int = 0
    removed: int = 0
    older: int = 0
    signed: int = 0
    public_keys: list[str] = field(default_factory=list)


def verify_journal(engine: Engine, folder: Path, own_key: str | None) -> Verified:
    """Verify the chain of a journal, its signatures, and the rows and files that it is about.

    `folder` is that of the journal's files. `own_key` is the public key of the folder of results, of which there has to
    be a signature; None if there is no key. Raises `EvidenceError` for the first broken place, and `JournalError`.
    """
    with session_on(engine) as session, _snapshot(session):
        return _Verification(engine, session, folder, own_key).run()


class _Verification:
    def __init__(self, engine: Engine, session: Session, folder: Path, own_key: str | None) -> None:
        self._engine = engine
        self._session = session
        self._folder = folder
        self._own_key = own_key
        self._found = Verified()
        self._hashes: list[str] = [NOTHING]
        self._begun: dict[str, int] = {}
        self._opened: set[int] = set()
        self._closed: dict[int, tuple[int, dict[str, Any]]] = {}
        self._reviews: set[int] = set()
        self._files: dict[int, set[tuple[str, str]]] = {}
        self._empty: list[tuple[int, int | None]] = []
        self._removed: set[int] = set()
        self._removed_files: set[tuple[int, str, str]] = set()

    def run(self) -> Verified:
        for row in self._records():
            self._check_link(row)
            self._note(row)
        found = self._found
        found.records, found.head, found.removed = len(self._hashes) - 1, self._hashes[-1], len(self._removed)
        if not self._begun:
            raise EvidenceError("the chain is empty: its first record is missing")
        for number, incident in self._empty:
            if incident not in self._removed:
                raise _broken(number, incident, "its payload is missing, and no record says that it was removed")
        for rows in _pages(self._records()):
            self._compare(rows)
        self._check_signatures()
        self._look_for_rows_without_records()
        return found

    def _records(self) -> Iterator[ChainRow]:
        last = None
        while True:
            query = select(ChainRow).order_by(ChainRow.number).limit(_PAGE)
            rows = self._session.scalars(query if last is None else query.where(ChainRow.number > last)).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1].number
            self._session.expunge_all()

    def _check_link(self, row: ChainRow) -> None:
        expected = len(self._hashes)
        if row.number != expected:
            raise EvidenceError(f"record {expected} of the chain is missing; after it comes record {row.number}")
        if row.previous != self._hashes[-1]:
            raise _broken(row.number, row.incident, "it does not follow the record before (chain.previous)")
        if row.payload is not None and sha256_of_text(row.payload) != row.payload_sha256:
            raise _broken(row.number, row.incident, "its payload has been changed (chain.payload)")
        if record_hash(row.number, row.kind, row.incident, row.previous, row.payload_sha256) != row.hash:
            what = "chain.hash is not that of chain.kind, chain.incident, chain.previous and chain.payload_sha256"
            raise _broken(row.number, row.incident, what)
        self._hashes.append(row.hash)

    def _note(self, row: ChainRow) -> None:
        incident = row.incident or 0
        if row.payload is None:
            self._empty.append((row.number, row.incident))
            return
        payload = json.loads(row.payload)
        match row.kind:
            case ChainKind.BEGUN:
                self._begun = payload
            case ChainKind.OPENED:
                self._opened.add(incident)
                self._files.setdefault(incident, set()).update(
                    (each["kind"], each["name"]) for each in payload["files"]
                )
            case ChainKind.CLOSED:
                self._closed[incident] = row.number, payload
            case ChainKind.REVIEW:
                self._reviews.add(payload["id"])
            case ChainKind.FILE:
                self._files.setdefault(incident, set()).add((payload["kind"], payload["name"]))
            case ChainKind.REMOVED:
                self._removed.update(payload["incidents"])
                self._removed_files.update((number, kind, sha256) for number, kind, sha256 in payload["files"])
            case _:
                raise _broken(row.number, row.incident, f"its kind is unknown: {row.kind!r} (chain.kind)")

    def _compare(self, records: Sequence[ChainRow]) -> None:
        numbers = {record.incident for record in records if record.payload is not None and record.incident is not None}
        incidents = {row.id: row for row in self._all(IncidentRow, IncidentRow.id, numbers)}
        runs = {row.id: row for row in self._all(RunRow, RunRow.id, {row.run_id for row in incidents.values()})}
        files: dict[tuple[int, str, str], FileRow] = {
            (row.incident, row.kind, row.name): row for row in self._all(FileRow, FileRow.incident, numbers)
        }
        reviews = {row.id: row for row in self._all(ReviewRow, ReviewRow.incident, numbers)}
        for record in records:
            if record.payload is None or record.incident is None:
                continue
            payload, number = json.loads(record.payload), record.incident
            match record.kind:
                case ChainKind.OPENED:
                    self._compare_opened(record, payload, incidents.get(number), runs)
                    for file in payload["files"]:
                        self._compare_file(record, file, files.get((number, file["kind"], file["name"])))
                case ChainKind.FILE:
                    self._compare_file(record, payload, files.get((number, payload["kind"], payload["name"])))
                case ChainKind.REVIEW:
                    row = reviews.get(payload["id"])
                    if row is None:
                        raise _broken(record.number, number, f"review {payload['id']} is missing")
                    _same(record, payload, columns_of(row, REVIEW_COLUMNS), "reviews")

    def _all(self, table: Any, column: Any, numbers: set[int]) -> Sequence[Any]:
        return self._session.scalars(select(table).where(column.in_(numbers))).all()

    def _compare_opened(
        self, record: ChainRow, payload: Mapping[str, Any], row: IncidentRow | None, runs: Mapping[int, RunRow]
    ) -> None:
        if row is None:
            raise _broken(
                record.number, record.incident, "the incident is missing, and no record says that it was removed"
            )
        _same(record, payload["incident"], columns_of(row, OPENED_COLUMNS), "incidents")
        _same(
            record, {"settings": payload["settings_sha256"]}, {"settings": settings_sha256(row.settings)}, "incidents"
        )
        run = runs.get(row.run_id)
        if run is None or run.id != payload["run"]["id"]:
            raise _broken(record.number, record.incident, f"incidents.run_id is not {payload['run']['id']}")
        _same(record, payload["run"], run_values(run) | {"id": run.id}, "runs")
        self._compare_end(row)
        self._found.incidents += 1

    def _compare_end(self, row: IncidentRow) -> None:
        ended = columns_of(row, CLOSED_COLUMNS)
        number, payload = self._closed.get(row.id, (0, dict.fromkeys(CLOSED_COLUMNS)))
        for name, value in payload.items():
            if ended[name] != value:
                where = f"record {number}" if number else "no record of an end"
                raise EvidenceError(
                    f"incident {row.id}: incidents.{name} is {ended[name]!r}; the chain has {value!r} ({where})"
                )

    def _compare_file(self, record: ChainRow, file: Mapping[str, Any], row: FileRow | None) -> None:
        number = record.incident or 0
        if (number, file["kind"], file["sha256"]) in self._removed_files:
            return
        what = f"{file['kind']} {file['name']}"
        if row is None:
            raise _broken(record.number, number, f"evidence_files has no row of {what}")
        _same(record, file, columns_of(row, FILE_COLUMNS), "evidence_files")
        if row.removing:
            raise _broken(
                record.number, number, f"evidence_files.removing is set for {what}, which no record has removed"
            )
        if file["kind"] not in FOLDERS:
            raise _broken(record.number, number, f"{what} is of an unknown kind")
        path, *others = paths_of(self._folder, file["kind"], file["name"])
        digest = sha256_of_first([path, *others])
        if digest != file["sha256"] and not self._is_removed_by_now(row.id):
            raise _broken(
                record.number, number, f"the file {path} {'is missing' if digest is None else 'has been changed'}"
            )
        self._found.files += 1

    def _is_removed_by_now(self, file: int) -> bool:
        """Return whether a file has been removed since the verification began."""
        with session_on(self._engine) as session:
            return session.scalar(select(FileRow.id).where(FileRow.id == file, FileRow.removing.is_(False))) is None

    def _look_for_rows_without_records(self) -> None:
        last = 0
        while ids := self._session.scalars(
            select(IncidentRow.id).where(IncidentRow.id > last).order_by(IncidentRow.id).limit(_PAGE)
        ).all():
            last = ids[-1]
            for number in ids:
                if number in self._removed:
                    raise EvidenceError(f"incident {number} was removed, and is there again")
                if number in self._opened:
                    continue
                if number > self._begun["incidents"]:
                    raise EvidenceError(f"incident {number} is not in the chain")
                self._found.older += 1
        unknown = set(self._session.scalars(select(ReviewRow.id).where(ReviewRow.id > self._begun["reviews"])))
        if left := sorted(unknown - self._reviews):
            raise EvidenceError(f"review {left[0]} is not in the chain")
        rows = self._session.execute(select(FileRow.incident, FileRow.kind, FileRow.name).order_by(FileRow.id))
        for incident, kind, name in rows:
            known = incident <= self._begun["incidents"] or incident in self._removed
            if not known and (kind, name) not in self._files.get(incident, ()):
                raise EvidenceError(f"incident {incident}: the {kind} {name} of evidence_files is not in the chain")

    def _check_signatures(self) -> None:
        keys: dict[str, None] = {}
        for row in self._session.scalars(select(SignatureRow).order_by(SignatureRow.id)):
            if not 1 <= row.number < len(self._hashes):
                end = len(self._hashes) - 1
                raise EvidenceError(
                    f"signature {row.id} is of record {row.number}, but the chain ends with record {end}"
                )
            if row.hash != self._hashes[row.number]:
                raise EvidenceError(f"signature {row.id}: record {row.number} has another hash than the one signed")
            if not is_signature(row.public_key, row.signature, Head(row.number, row.hash).message()):
                raise EvidenceError(f"signature {row.id} of record {row.number} is not valid")
            keys[row.public_key] = None
            self._found.signed = max(self._found.signed, row.number)
        self._found.public_keys = list(keys)
        if self._own_key is not None and self._own_key not in keys and len(self._hashes) > 2:
            raise EvidenceError(f"no record is signed with the key of this folder, {self._own_key}")


@contextmanager
def _snapshot(session: Session) -> Iterator[None]:
    """Read everything as it is at one moment, while others may write."""
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql("BEGIN")
    else:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    session.scalar(select(func.count()).select_from(ChainRow))
    yield


def _pages(records: Iterator[ChainRow]) -> Iterator[list[ChainRow]]:
    page: list[ChainRow] = []
    for record in records:
        page.append(record)
        if len(page) == _PAGE:
            yield page
            page = []
    yield page


def _same(record: ChainRow, expected: Mapping[str, Any], found: Mapping[str, Any], table: str) -> None:
    for name, value in expected.items():
        if found[name] != value:
            raise _broken(record.number, record.incident, f"{table}.{name} is {found[name]!r}; the chain has {value!r}")


def _broken(number: int, incident: int | None, what: str) -> EvidenceError:
    return EvidenceError(f"record {number}{'' if incident is None else f', incident {incident}'}: {what}")
