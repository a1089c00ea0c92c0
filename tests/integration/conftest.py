"""What the integration tests share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from monitor.storage.chain import ChainKind, append
from monitor.storage.database import open_database
from monitor.storage.schema import Base
from tests.integration.faces import Scene, read_scenes
from tests.integration.postgres import find_programs, running_server


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return read_scenes()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a database on a real server."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed: pip install 'psycopg[binary]'")
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    with running_server(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'journal.db'}"
        return
    server = request.getfixturevalue("postgresql")
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal file without anything in it, to be copied: migrations take longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "journal.db"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A journal of each kind without anything in it."""
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("migrated"), tmp_path / "journal.db")
        engine = open_database(f"sqlite:///{copy}")
    else:
        engine = open_database(request.getfixturevalue("postgresql"))
        with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(text(f"TRUNCATE {table.name} RESTART IDENTITY CASCADE"))
        with Session(engine) as session, session.begin():
            append(session, ChainKind.BEGUN, None, {"incidents": 0, "reviews": 0})
    yield engine
    engine.dispose()
