"""Verifies the ZIP of one incident by itself."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from monitor.domain.errors import EvidenceError, OutputError
from monitor.evidence.export import CHAIN, RECORD_COLUMNS, SETTINGS, SIGNATURES, SUMS
from monitor.evidence.hashes import sha256_of_bytes
from monitor.evidence.signing import Head, is_signature
from monitor.storage.chain import ChainKind, record_hash, sha256_of_text

#: The most bytes of a file in the ZIP that is read.
_MOST_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class VerifiedExport:
    """What a ZIP proves: `records` of the chain, 0 if the incident is older than it."""

    files: int
    records: int
    public_key: str


def verify_export(path: Path) -> VerifiedExport:
    """Verify a ZIP of an incident; raises `EvidenceError` for the first broken place, `OutputError` if it is no ZIP."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MOST_BYTES:
                raise OutputError(f"{path}: is too large to be an exported incident")
            contents = {name: archive.read(name) for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError) as error:
        raise OutputError(f"{path}: is not a readable ZIP file: {error}") from error
    try:
        return _verified(contents)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise EvidenceError(f"a part is missing or damaged: {error}") from error


def _verified(contents: dict[str, bytes]) -> VerifiedExport:
    signatures = json.loads(contents[SIGNATURES])
    public_key = signatures["public_key"]
    if not is_signature(public_key, signatures["sums"], contents[SUMS]):
        raise EvidenceError(f"the signature of {SUMS} is not valid")
    listed = {}
    for line in contents[SUMS].decode().splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
        if sha256_of_bytes(contents[name]) != digest:
            raise EvidenceError(f"{name} has been changed")
    if unlisted := sorted(contents.keys() - listed.keys() - {SUMS, SIGNATURES}):
        raise EvidenceError(f"{unlisted[0]} is not listed in {SUMS}")
    records = [json.loads(line) for line in contents[CHAIN].decode().splitlines()]
    _check_chain(records)
    if records:
        head = Head(records[-1]["number"], records[-1]["hash"])
        if not is_signature(public_key, signatures["chain"], head.message()):
            raise EvidenceError(f"the signature of record {head.number} is not valid")
    _check_files(contents, records)
    return VerifiedExport(len(listed), len(records), public_key)


def _check_chain(records: list[dict[str, Any]]) -> None:
    previous = None
    for record in records:
        number, kind, incident, payload, payload_sha256, before, digest = (record[name] for name in RECORD_COLUMNS)
        if previous is not None and (number, before) != previous:
            raise EvidenceError(f"record {number} does not follow the record before")
        if payload is not None and sha256_of_text(payload) != payload_sha256:
            raise EvidenceError(f"record {number}: its payload has been changed")
        if record_hash(number, kind, incident, before, payload_sha256) != digest:
            raise EvidenceError(f"record {number}: its hash is wrong")
        previous = number + 1, digest


def _check_files(contents: dict[str, bytes], records: list[dict[str, Any]]) -> None:
    """Compare files and settings with what the incident's records say of them; files may have been removed since."""
    files = []
    for record in records:
        payload = None if record["payload"] is None else json.loads(record["payload"])
        if payload is not None and record["kind"] == ChainKind.OPENED:
            files += payload["files"]
            if payload["settings_sha256"] not in (None, sha256_of_bytes(contents[SETTINGS])):
                raise EvidenceError(f"{SETTINGS} is not what record {record['number']} has")
        elif payload is not None and record["kind"] == ChainKind.FILE:
            files.append(payload)
    for file in files:
        name = f"{file['kind']}/{PurePosixPath(file['name']).name}"
        if name in contents and sha256_of_bytes(contents[name]) != file["sha256"]:
            raise EvidenceError(f"{name} is not the file that the chain has")
