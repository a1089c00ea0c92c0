"""The pages on other journals: PostgreSQL, and one that cannot be written."""

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.integration.web.desk import ADMIN, PASSWORD, Desk, serving
from tests.live.watch import until


@pytest.fixture
def on_postgresql(postgresql: str, tmp_path: Path):
    engine = create_engine(postgresql)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, journal=postgresql) as desk:
        yield desk


def test_the_desk_works_on_postgresql(on_postgresql: Desk):
    desk = on_postgresql
    with desk.client(ADMIN) as client, desk.socket(ADMIN) as socket:
        socket.wait("cameras")
        number = desk.incident().number
        assert socket.wait("incident")["incident"]["number"] == number
        assert (
            client.judged(number, decision="false_alarm", false_alarm_reason="hand").json()["decision"] == "false_alarm"
        )
        until(lambda: client.get("/api/v1/visits").json(), "no visit has ended")
        assert client.get("/api/v1/statistics").json()["total"]["visits"] >= 1
        assert client.get("/metrics").status_code == 200
        for name in ("visits", "incidents", "statistics"):
            assert client.get(f"/api/v1/export/{name}.csv").status_code == 200
        assert "postgresql" in client.get("/api/v1/settings").text


def test_what_the_database_cannot_hold_is_refused_and_is_no_failure(on_postgresql: Desk):
    desk = on_postgresql
    nothing = "a\0b"
    number = desk.incident().number
    with desk.client(ADMIN) as client:
        for answer in (
            client.post("/api/v1/session", json={"name": nothing, "password": PASSWORD}),
            client.get("/api/v1/incidents", params={"camera": nothing}),
            client.get("/api/v1/statistics", params={"camera": nothing}),
            client.get("/api/v1/export/visits.csv", params={"camera": nothing}),
            client.judged(number, decision="confirmed", note=nothing),
        ):
            assert answer.status_code == 422, answer.url
        assert client.get("/api/v1/incidents").status_code == 200
    assert not desk.live.stopped.is_set()


@pytest.mark.timeout(120)
def test_a_journal_that_somebody_else_holds_costs_those_their_answer_who_would_write(tmp_path: Path):
    """They are told to come again; whoever reads, and every camera, goes on meanwhile."""
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}) as desk:
        number = desk.incident().number
        cookie = desk.cookie(ADMIN)
        other = sqlite3.connect(desk.folder / "journal.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        codes: list[int] = []

        def write() -> None:
            with desk.client(Cookie=f"mask_monitor={cookie}") as client:
                codes.append(client.post(f"/api/v1/incidents/{number}/acknowledge").status_code)

        writers = [threading.Thread(target=write) for _ in range(20)]
        for writer in writers:
            writer.start()
        try:
            with desk.client(ADMIN) as client:
                started = datetime.now(UTC)
                for _ in range(10):
                    assert client.get("/healthz").status_code == 200
                    assert client.get("/api/v1/incidents").status_code == 200
                assert (datetime.now(UTC) - started).total_seconds() < 4.5, "nobody waits for the writers"
            before = desk.looks()
            until(lambda: desk.looks() > before + 5)
        finally:
            for writer in writers:
                writer.join()
            other.execute("ROLLBACK")
            other.close()
        assert set(codes) == {503}
        with desk.client(ADMIN) as client:
            assert client.post(f"/api/v1/incidents/{number}/acknowledge").status_code == 200
