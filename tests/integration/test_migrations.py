"""A journal of an older version is brought up to date with all that is in it, and back."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text

from monitor.domain.account import Account, Role
from monitor.domain.remark import Opinion
from monitor.storage import migrations
from monitor.storage.accounts import Accounts
from monitor.storage.database import open_database
from monitor.storage.incident_book import IncidentBook, Search
from tests.fakes import FakeClock

FOLDER = Path(migrations.__file__).parent
NEW_TABLES = {"remarks", "accounts", "tokens", "audit"}
EVIDENCE = {"share", "evidence_s", "looks", "settings"}


def migrate(engine: Engine, to: Callable[[Config, str], None], revision: str) -> None:
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = connection
        to(config, revision)


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def columns(engine: Engine, table: str) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns(table)}


def indexes(engine: Engine, table: str) -> set[str]:
    return {str(index["name"]) for index in inspect(engine).get_indexes(table)}


@pytest.fixture
def old(url: str) -> Engine:
    """A journal of the version before, with one incident."""
    engine = create_engine(url)
    migrate(engine, command.upgrade, "0002")
    with engine.begin() as connection:
        at = {"at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
        connection.execute(
            text("INSERT INTO runs VALUES (1, :at, 'live', '0.0.9', 'SSD', 'a', 'b')"),
            at,
        )
        connection.execute(
            text(
                "INSERT INTO incidents (id, run_id, incident_id, source_id, track_id, state, since_s, opened_s, "
                "confidence, x1_px, y1_px, x2_px, y2_px, opened_at) VALUES "
                "(7, 1, 'old-1', 'door', 1, 'without_mask', 1.0, 3.0, 0.75, 1, 2, 3, 4, :at)"
            ),
            at,
        )
    yield engine
    engine.dispose()


def test_what_was_there_stays_and_can_be_judged(old: Engine, url: str):
    engine = open_database(url)
    assert tables(engine) > NEW_TABLES
    assert columns(engine, "incidents") > EVIDENCE
    book = IncidentBook(engine, FakeClock(), datetime(2026, 2, 1, tzinfo=UTC))
    (incident,) = book.find(Search())
    assert (incident.number, incident.incident_id, incident.confidence) == (7, "old-1", 0.75)
    dossier = book.dossier(7)
    assert (dossier.share, dossier.evidence_s, dossier.looks, dossier.settings) == (None, None, None, None)
    book.remark(7, "ada", Opinion.RIGHT, None, "")
    assert book.incident(7).opinion is Opinion.RIGHT
    Accounts(engine, FakeClock()).add(Account("ada", Role.ADMIN), "correct horse battery")
    engine.dispose()


def test_the_way_back_takes_the_new_and_leaves_the_old(old: Engine, url: str):
    before = columns(old, "incidents"), indexes(old, "incidents"), tables(old)
    open_database(url).dispose()
    migrate(old, command.downgrade, "0002")
    assert (columns(old, "incidents"), indexes(old, "incidents"), tables(old)) == before
    with old.connect() as connection:
        assert connection.execute(text("SELECT id, incident_id FROM incidents")).all() == [(7, "old-1")]
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0002"
    open_database(url).dispose()
    assert tables(old) > NEW_TABLES


def test_up_and_down_all_the_way(url: str):
    engine = create_engine(url)
    for _ in range(2):
        migrate(engine, command.upgrade, "head")
        assert tables(engine) > NEW_TABLES
        migrate(engine, command.downgrade, "base")
        assert tables(engine) == {"alembic_version"}
    engine.dispose()
