"""Opening the journal's database, brought up to date by Alembic."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from monitor.domain.address import redact
from monitor.domain.errors import JournalError

_MIGRATIONS = Path(__file__).parent / "migrations"

#: Connections at once: as many as there can be threads that ask for the pages, so that the recording never waits for
#: one. PostgreSQL takes a hundred where it is not told otherwise.
_CONNECTIONS_KEPT, _CONNECTIONS_MORE = 5, 75


def sqlite_url(path: Path) -> URL:
    """Return the address of a database file, whatever characters its name has."""
    return URL.create("sqlite", database=str(path.absolute()))


def open_database(url: str | URL) -> Engine:
    """Return an engine on a migrated database; raises `JournalError`.

    SQLite runs with a write-ahead log and full synchronisation: readers never wait for the writer, and what has been
    committed survives a crash of the program or of the machine.
    """
    engine = create_engine(url)
    if isinstance(engine.pool, QueuePool):  # an in-memory database has but one connection
        engine.dispose()
        engine = create_engine(url, pool_size=_CONNECTIONS_KEPT, max_overflow=_CONNECTIONS_MORE)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    try:
        with engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, CommandError) as error:
        engine.dispose()
        raise JournalError(f"journal {redact(str(url))}: {reason(error)}") from error
    return engine


def reason(error: Exception) -> str:
    """Say in one line what a database refused."""
    original = getattr(error, "orig", None) or error
    text = " ".join(str(original).split())
    if "file is not a database" in text or "malformed" in text:
        return f"{text}; move the file away and start again"
    if "Can't locate revision" in text:
        return "was written by a newer version of this program; use that version, or another file"
    return text


def _set_up_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
