"""The bundled sample is recorded in a journal of its own, and the first real camera starts with a clean one."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from monitor.app.journals import is_sample, live_place, sample_place
from monitor.app.watching import build_live, inference_for, live_database, live_folder, open_first, run_of
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.domain.account import Account, Role
from monitor.domain.clock import SystemClock
from monitor.pipeline.monitor import Monitor
from monitor.storage.accounts import AccountRepository
from monitor.storage.files import make_folder
from tests.conftest import PROJECT
from tests.e2e.commands import ask

SAMPLE = PROJECT / "recordings" / "samples" / "entrance.mp4"
SOON_S = 90.0


def configured(folder: Path, **cameras: Path) -> Settings:
    path = folder / "config.yaml"
    values = {
        "detector": {"model": str(load_settings(PROJECT / "config.yaml").detector.model)},
        "cameras": {name: {"source": str(source), "capture": {"loop": True}} for name, source in cameras.items()},
    }
    path.write_text(yaml.safe_dump(values), "utf-8")
    return load_settings(path)


@pytest.fixture
def start() -> Callable[[Settings], Monitor]:
    started: list[Monitor] = []

    def start_one(settings: Settings) -> Monitor:
        make_folder(live_folder(settings))
        first, clock = open_first(settings.detector), SystemClock()
        live = build_live(settings, run_of(settings, first, clock), live_database(settings), clock)
        started.append(live)
        live.start(settings.cameras, inference_for(settings.detector, first))
        return live

    yield start_one
    for live in started:
        live.stop()


def rows(journal: Path, table: str) -> int:
    try:
        return int(ask(journal, f"SELECT count(*) FROM {table}")[0][0])
    except sqlite3.OperationalError:  # the journal is made while cameras connect
        return 0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < deadline, what
        threading.Event().wait(0.1)


def test_the_sample_is_told_from_a_copy_of_it(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SAMPLE, tmp_path / "door.mp4"))
    settings = configured(tmp_path, sample=SAMPLE, door=copy)
    assert {name: is_sample(camera) for name, camera in settings.cameras.items()} == {"sample": True, "door": False}


def test_the_sample_leaves_the_live_journal_clean_and_accounts_are_not_in_its_own(
    tmp_path: Path, start: Callable[[Settings], Monitor]
) -> None:
    settings = configured(tmp_path, sample=SAMPLE)
    accounts = AccountRepository(live_database(settings)(), SystemClock())
    accounts.add(Account("ada", Role.ADMIN), "correct horse battery")
    live = start(settings)
    sample, real = sample_place(settings).folder / "journal.db", live_place(settings).folder / "journal.db"
    until(lambda: rows(sample, "incidents") > 0, "no incident of the sample")
    assert all(status.sample for status in live.statuses())
    assert [rows(real, table) for table in ("runs", "incidents", "visits", "source_events")] == [0, 0, 0, 0]
    copy = Path(shutil.copy(SAMPLE, tmp_path / "door.mp4"))
    both = configured(tmp_path, sample=SAMPLE, door=copy)
    live.apply(both.cameras, None)
    until(lambda: rows(real, "incidents") > 0, "no incident of the camera that was added")
    assert ask(real, "SELECT DISTINCT source_id FROM incidents") == [("door",)]
    assert ask(sample, "SELECT DISTINCT source_id FROM incidents") == [("sample",)]
    until(lambda: len(list((live_place(both).pictures).rglob("*.jpg"))) > 0, "no picture of that incident")
    live.stop()
    shutil.rmtree(sample.parent)
    assert accounts.all() == [Account("ada", Role.ADMIN)]
