"""Statistics of a long time: right, one at a time for each account, and beside them everything goes on."""

import threading
import time
from collections import Counter
from datetime import timedelta

import psutil
import pytest

from monitor.storage.database import open_database, sqlite_url
from tests.integration.test_statistics import EVER, fill
from tests.integration.web.desk import ADMIN, DOOR_VIEWER, OPERATOR, VIEWER, Desk

VISITS = 300_000
#: What a test may leave in memory, in MB.
GROWTH_MB = 150


@pytest.fixture(scope="module", autouse=True)
def year(desk: Desk) -> None:
    """A journal with a year of visits."""
    engine = open_database(sqlite_url(desk.folder / "journal.db"))
    fill(engine, VISITS)
    engine.dispose()


def period(number: int = 0) -> dict[str, str]:
    """Return a year, another one for each number."""
    since = EVER.since - timedelta(seconds=number)
    return {"since": since.isoformat(), "until": EVER.until.isoformat(), "camera": "door"}


@pytest.mark.usefixtures("year")
def test_sixty_requests_for_a_year_by_one_viewer_leave_the_pages_to_others(desk: Desk):
    codes: Counter[int] = Counter()
    counted: set[int] = set()

    def ask(number: int) -> None:
        with desk.client(DOOR_VIEWER) as client:
            answer = client.get("/api/v1/statistics", params=period(number % 20))
        codes[answer.status_code] += 1
        if answer.status_code == 200:
            counted.add(answer.json()["total"]["visits"])
        else:
            assert answer.headers["retry-after"] == "1", answer.text
            assert "one such request at a time" in answer.json()["detail"]

    desk.cookie(DOOR_VIEWER)
    with desk.client() as other:
        before_mb = psutil.Process().memory_info().rss / 2**20
        asking = [threading.Thread(target=ask, args=(number,)) for number in range(60)]
        for each in asking:
            each.start()
        longest_s, most_mb = 0.0, 0.0
        while any(each.is_alive() for each in asking):
            for path in ("/login", "/healthz", "/static/app.css"):
                started = time.monotonic()
                well = (200, 503) if path == "/healthz" else (200,)  # cameras may be slow on a busy machine
                assert other.get(path).status_code in well
                longest_s = max(longest_s, time.monotonic() - started)
            most_mb = max(most_mb, psutil.Process().memory_info().rss / 2**20 - before_mb)
        for each in asking:
            each.join()
    assert codes.total() == 60
    assert set(codes) == {200, 429}
    assert counted == {VISITS}
    assert longest_s < 2
    assert most_mb < GROWTH_MB


def test_others_are_answered_while_one_asks_again_and_again(desk: Desk):
    done = threading.Event()

    def ask_on() -> None:
        with desk.client(DOOR_VIEWER) as client:
            number = 100
            while not done.is_set():
                assert client.get("/api/v1/statistics", params=period(number)).status_code == 200
                number += 1

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        for account in (ADMIN, OPERATOR, VIEWER):
            with desk.client(account) as client:
                started = time.monotonic()
                answer = client.get("/api/v1/statistics", params=period())
                assert answer.json()["total"]["visits"] == VISITS
                assert time.monotonic() - started < 10
    finally:
        done.set()
        asking.join()


def test_figures_as_a_file_are_those_of_the_page(desk: Desk):
    with desk.client(OPERATOR) as client:
        page = client.get("/api/v1/statistics", params=period() | {"by": "day"}).json()
        assert client.get("/api/v1/export/statistics.json", params=period() | {"by": "day"}).json() == page
    outcomes = {"violation": VISITS // 10, "corrected": VISITS // 10, "compliant": VISITS * 8 // 10}
    assert page["total"]["outcomes"] == outcomes | {"incorrect": 0, "unknown": 0}
    assert page["total"]["rate"] == 0.9
    assert sum(bucket["compliance"]["visits"] for bucket in page["over_time"]) == VISITS
