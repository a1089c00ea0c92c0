"""What the integration tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from monitor.storage.database import open_database
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


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A journal of each kind without anything in it."""
    engine = open_database(url)
    yield engine
    engine.dispose()
