"""`monitor verify`, `monitor erase` and `monitor export incident`: evidence, for those who must trust it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from sqlalchemy import Engine

from monitor.app.journals import JOURNAL, live_database_at, live_place, sample_place
from monitor.commands.show import load, notes, out, print_json
from monitor.domain.clock import SystemClock
from monitor.domain.errors import ConfigError, EvidenceError
from monitor.evidence.export import export_incident
from monitor.evidence.signing import evidence_key, known_public_key
from monitor.evidence.verifying import Verified, verify_journal
from monitor.evidence.verifying_export import verify_export
from monitor.storage.accounts import AccountRepository
from monitor.storage.database import read_database, sqlite_url
from monitor.storage.files import finish, partial, private, writing
from monitor.storage.removing import Removal, Remover

#: How the audit log and the chain call whoever uses the command line.
_CONSOLE = "console"


def verify(path: Path | None, *, as_json: bool) -> None:
    """Verify the journals of a folder of results or of a configuration, or an exported incident.

    Raises `EvidenceError` if something is broken.
    """
    if path is not None and path.suffix == ".zip":
        _verify_export(path, as_json=as_json)
        return
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


def erase(config: Path | None, what: str, number: int, reason: str) -> None:
    """Erase an incident, or a visit with its incidents; raises `KeptError` if somebody keeps one of them."""
    settings, clock = load(config), SystemClock()
    place = live_place(settings)
    engine = place.database()
    remover, removal = Remover(engine, place.folder, clock), Removal("erased", _CONSOLE, reason)
    erase_it = remover.erase_incident if what == "incident" else remover.erase_visit
    if not erase_it(number, removal):
        raise ConfigError(f"there is no {what} {number}")
    AccountRepository(engine, clock).note(_CONSOLE, "erase", f"{what} {number}: {reason}")
    notes.print(f"{what} {number} is erased; it stays counted", markup=False)


def export(config: Path | None, number: int, path: Path | None) -> None:
    """Write an incident as a ZIP file."""
    settings, clock = load(config), SystemClock()
    place = live_place(settings)
    engine, path = place.database(), path or Path(f"incident-{number}.zip")
    key = evidence_key(settings.output.folder)
    with writing(path), open(partial(path), "wb", opener=private) as file:
        found = export_incident(engine, place.folder, number, key, clock.utc_now(), file, originals=True)
    if not found:
        partial(path).unlink()
        raise ConfigError(f"there is no incident {number}")
    finish(path)
    AccountRepository(engine, clock).note(_CONSOLE, "evidence exported", f"incident {number}")
    out.print(str(path), markup=False)


def _verify_export(path: Path, *, as_json: bool) -> None:
    try:
        found = verify_export(path)
    except EvidenceError as error:
        raise EvidenceError(f"{path}: {error}") from error
    if as_json:
        print_json([{"file": str(path)} | asdict(found)])
        return
    chain = (
        f"{found.records} records of the chain" if found.records else "older than the chain, which says nothing of it"
    )
    out.print(f"[bold]{escape(str(path))}[/bold]: unbroken: {found.files} files, {chain}")
    out.print(f"key: {found.public_key}")


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
