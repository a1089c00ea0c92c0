"""Opens the journal's database, migrated by Alembic."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from monitor.domain.address import redact
from monitor.domain.errors import JournalError
from monitor.storage.files import make_folder, private

_MIGRATIONS = Path(__file__).parent / "migrations"

#: Connections: as many as threads that serve the pages, so that the recording thread never waits for one. PostgreSQL
#: accepts a hundred by default.
_CONNECTIONS_KEPT, _CONNECTIONS_MORE = 5, 75

#: Seconds to wait for a connection that another thread uses.
_CONNECTION_FREE_S = 5

#: Seconds that SQLite waits for another program: to write, and to migrate. PostgreSQL too waits so long to migrate.
_BUSY_S, _MIGRATION_S = 5, 60
_TRY_AGAIN_S = 0.02

#: PostgreSQL's advisory lock for migrations: any number, as long as it stays the same.
_MIGRATION_LOCK = 0x6D61736B


def sqlite_url(path: Path) -> URL:
    """Return the address of a database file, whatever characters its name has."""
    return URL.create("sqlite", database=str(path.absolute()))


def open_database(url: str | URL) -> Engine:
    """Return an engine on a migrated database; raises `JournalError`.

    SQLite runs with a write-ahead log and full synchronisation: readers never wait for the writer, and what has been
    committed survives a crash of the program or of the machine.
    """
    try:
        engine = create_engine(
            url, pool_size=_CONNECTIONS_KEPT, max_overflow=_CONNECTIONS_MORE, pool_timeout=_CONNECTION_FREE_S
        )
    except (SQLAlchemyError, ImportError) as error:
        raise JournalError(f"journal: {reason(error)}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    else:
        event.listen(engine, "do_connect", _connect_postgresql)
    migrate(engine)
    return engine


def read_database(url: str | URL) -> Engine:
    """Return an engine on a database that is neither migrated nor written to; raises `JournalError`."""
    try:
        url = make_url(url)
        if url.drivername == "sqlite" and url.database:
            file = Path(url.database)
            if not file.is_file():
                raise JournalError(f"journal {file}: there is no such file")
            # On a medium that cannot be written, SQLite finds no place for the files of its write-ahead log.
            frozen = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
            query = {"mode": "ro", "uri": "true"} | ({"immutable": "1"} if frozen else {})
            engine = create_engine(URL.create("sqlite", database=f"file:{quote(str(file))}", query=query))
        else:
            engine = create_engine(url)
            event.listen(engine, "do_connect", _connect_postgresql)
    except (SQLAlchemyError, ImportError) as error:
        raise JournalError(f"journal: {reason(error)}") from error
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError as error:
        engine.dispose()
        raise _refused(engine, error) from error
    if set(found) != set(ScriptDirectory.from_config(_alembic()).get_heads()):
        engine.dispose()
        raise JournalError(
            f"journal {redact(str(url))}: was written by another version of this program; use that version, or "
            "start the monitor once with this one"
        )
    return engine


def migrate(engine: Engine) -> None:
    """Migrate the database at an engine's address if necessary; raises `JournalError`.

    A new SQLite file cannot be read by other users, since it holds password hashes.
    """
    try:
        for file in files_of(engine)[:1]:
            with contextlib.suppress(OSError):  # it exists, or SQLite says what is wrong
                os.close(private(str(file), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        _migrate(engine)
    except (SQLAlchemyError, CommandError) as error:
        engine.dispose()
        raise _refused(engine, error) from error


def make_again(engine: Engine) -> None:
    """Close the connections to a SQLite file that was deleted or replaced, and open the one at its path.

    A missing file is created. Raises `OutputError`.
    """
    engine.dispose()
    for file in files_of(engine)[:1]:
        make_folder(file.parent)
    migrate(engine)


def files_of(engine: Engine) -> list[Path]:
    """Return the paths of a SQLite database and of its write-ahead log; none for other databases."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return []
    return [Path(database), Path(f"{database}-wal")]


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Yield a connection for migrations, for one program at a time, in one transaction.

    Raises `SQLAlchemyError` if the database refuses it, for example because another program does not finish.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _configure_sqlite_migration(connection)
            first = ["BEGIN IMMEDIATE"]
        else:
            connection.connection.driver_connection.answer_s = None  # type: ignore[union-attr]
            connection.detach()  # closed afterwards, since only migrations have no limit
            first = [
                f"SET LOCAL lock_timeout = '{_MIGRATION_S}s'",
                "SET LOCAL statement_timeout = 0",
                f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})",
            ]
        with connection.begin():
            for statement in first:
                connection.exec_driver_sql(statement)
            yield connection


@contextmanager
def session_on(engine: Engine) -> Iterator[Session]:
    """Yield a session; raises `JournalError` if the database fails.

    Errors of values (`DataError`, `IntegrityError`) are not converted.
    """
    try:
        with Session(engine) as session:
            yield session
    except (DataError, IntegrityError):
        raise
    except SQLAlchemyError as error:
        raise _refused(engine, error) from error


def in_utc(at: datetime) -> datetime:
    """Return a timestamp from the database in UTC; SQLite does not store the time zone."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def reason(error: Exception) -> str:
    """Return the reason of a database error in one line, with the remedy if there is one."""
    original = getattr(error, "orig", None) or error
    text = " ".join(str(original).split())
    if "file is not a database" in text or "malformed" in text:
        return f"{text}; move the file away and start again"
    if "Can't locate revision" in text:
        return "was written by a newer version of this program; use that version, or another file"
    if "lock timeout" in text:
        return f"{text}; another program keeps a table locked: end its transaction"
    if isinstance(error, ImportError):
        return f"{text}; install the packages of requirements.txt again"
    return text


def _refused(engine: Engine, error: Exception) -> JournalError:
    return JournalError(f"journal {redact(str(engine.url))}: {reason(error)}")


def _migrate(engine: Engine) -> None:
    """Migrate the database if necessary; an up-to-date one is not locked, so it can be read while others write."""
    config = _alembic()
    newest = ScriptDirectory.from_config(config).get_heads()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
    if set(found) != set(newest):
        with migrating(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")  # checks again: another program may just have done it


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _connect_postgresql(_: object, __: object, arguments: list[str], settings: dict[str, Any]) -> Any:
    from monitor.storage.postgresql import connect  # its driver is loaded where it is used only

    return connect(arguments, settings)


def _configure_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={1000 * _BUSY_S}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, with retries: SQLite does not wait if another program uses a new database."""
    until_s = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
            time.sleep(_TRY_AGAIN_S)
        else:
            return


def _configure_sqlite_migration(connection: Connection) -> None:
    """Control transactions with SQL, since the driver commits every change of a table.

    Foreign keys are not enforced, since a table that others refer to could not be copied otherwise.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    connection.detach()  # closed afterwards, since its settings are only for migrations
    driver.isolation_level = None
    driver.execute("PRAGMA foreign_keys=OFF")
    driver.execute(f"PRAGMA busy_timeout={1000 * _MIGRATION_S}")
