"""`monitor verify`: whether what the journal holds is what was recorded."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from sqlalchemy import Engine

from monitor.app.journals import JOURNAL, live_database_at, live_place, sample_place
from monitor.commands.show import load, out, print_json
from monitor.domain.errors import ConfigError, EvidenceError
from monitor.evidence.signing import known_public_key
from monitor.evidence.verifying import Verified, verify_journal
from monitor.storage.database import read_database, sqlite_url


def verify(path: Path | None, *, as_json: bool) -> None:
    """Verify the journals of a folder of results, or of a configuration; raises `EvidenceError` if one is broken."""
    values = []
    for folder, database in _journals(path):
        try:
            with _reading(database) as engine:
                found = verify_journal(engine, folder, known_public_key(folder.parent))
        except EvidenceError as error:
            raise EvidenceError(f"{folder}: {error}") from error
        values.append({"folder": str(folder)} | asdict(found))
        if not as_json:
            _show(folder, found)
    if as_json:
        print_json(values)


def _journals(path: Path | None) -> list[tuple[Path, Path | str]]:
    """Return the folder and the database of each journal to verify."""
    if path is not None and path.is_dir():
        if not (path / JOURNAL).is_file():
            raise ConfigError(f"{path}: has no {JOURNAL}; name a folder of results, such as {path / 'live'}")
        return [(path.resolve(), path / JOURNAL)]
    settings = load(path)
    sample = sample_place(settings).folder
    found = [(live_place(settings).folder, live_database_at(settings)), (sample, sample / JOURNAL)]
    there = [(folder, where) for folder, where in found if isinstance(where, str) or where.is_file()]
    if not there:
        raise ConfigError(f"{settings.output.folder}: there is no journal yet")
    return there


@contextmanager
def _reading(where: Path | str) -> Iterator[Engine]:
    engine = read_database(where if isinstance(where, str) else sqlite_url(where))
    try:
        yield engine
    finally:
        engine.dispose()


def _show(folder: Path, found: Verified) -> None:
    parts = [f"{found.records} records", f"{found.incidents} incidents", f"{found.files} files"]
    if found.removed:
        parts.append(f"{found.removed} incidents removed")
    if found.older:
        parts.append(f"{found.older} incidents are older than the chain and not covered by it")
    out.print(f"[bold]{escape(str(folder))}[/bold]: unbroken: {', '.join(parts)}")
    unsigned = found.records - found.signed
    signed = f"up to record {found.signed}" if found.signed else "nothing"
    out.print(f"signed: {signed}" + (f"; the last {unsigned} are not signed yet" if found.signed and unsigned else ""))
    for key in found.public_keys:
        out.print(f"key: {key}")
    out.print(f"head: {found.head}")
