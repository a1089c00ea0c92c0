"""`monitor run` keeps every record when it is killed, and when its folder or the reader of its log fails."""

import os
import shutil
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scripts.bench.rows import logs_beside
from tests.live.running import EAGER, Run, no_row_lost, played
from tests.live.watch import until


def healthz(run: Run) -> int:
    """Return the status code of the health check."""
    port = run.said.split("web pages: http://127.0.0.1:")[1].split("/")[0]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_deleted_folder_is_a_fault_and_made_again(runs: list[Run], sample: Path, tmp_path: Path) -> None:
    run = Run(tmp_path, {"a": played(sample, **EAGER), "b": played(sample, **EAGER)})
    runs.append(run)
    run.wait("a: live")
    run.wait("web pages: http")
    until(lambda: run.ask("SELECT count(*) FROM incidents") not in ([], [(0,)]), lambda: run.said)
    shutil.rmtree(run.journal.parent)
    seen: set[int] = set()

    def recovered() -> bool:
        seen.add(healthz(run))
        return 503 in seen and healthz(run) == 200

    until(recovered, lambda: f"{seen} {run.said}", 15)
    assert "a: fault (journal)" in run.said
    # The first fault may be of a picture, if the folder went between an incident's row and its picture.
    until(lambda: "deleted or replaced" in run.said, lambda: run.said, 15)
    until(lambda: run.ask("SELECT count(*) FROM incidents")[0][0] >= 3, lambda: run.said, 30)
    assert run.stop() < 3.5
    assert run.process.returncode == 0
    no_row_lost(run, deleted=True)
    assert run.ask("PRAGMA integrity_check") == [("ok",)]


def full_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that takes nothing more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writing, True)
    return reading, writing


def test_a_log_that_nobody_reads_stops_nothing(runs: list[Run], clip: Path, sample: Path, tmp_path: Path) -> None:
    reading, writing = full_pipe()
    try:
        door = Path(shutil.copy(clip, tmp_path / "door.mp4"))
        run = Run(tmp_path, {"door": played(door)}, stderr=writing)
        runs.append(run)
        until(lambda: run.ask("SELECT count(*) FROM source_events") == [(1,)], within_s=45)
        door.unlink()
        until(lambda: run.ask("SELECT count(*) FROM source_events WHERE kind = 'lost'") == [(1,)], within_s=15)
        run.configure({"hall": played(sample, **EAGER)})
        run.process.send_signal(signal.SIGHUP)
        until(lambda: run.ask("SELECT count(*) FROM incidents WHERE source_id = 'hall'") > [(1,)], within_s=30)
        assert run.stop() < 4
        assert run.process.returncode == 0
        no_row_lost(run)
        assert run.ask("SELECT count(*) FROM source_events WHERE kind = 'ended'") == [(2,)]
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("seen", ["OPENED", "CLOSED"])
def test_a_kill_while_incidents_open_and_close_loses_no_row(
    runs: list[Run], sample: Path, tmp_path: Path, seen: str
) -> None:
    cameras = {"a": played(sample, **EAGER), "b": played(sample, **EAGER)}
    run = Run(tmp_path, cameras)
    runs.append(run)
    until(lambda: seen in logs_beside(run.journal), lambda: run.said, 45)
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    again = Run(tmp_path, cameras)
    runs.append(again)
    again.wait("b: live")
    assert again.stop() < 3.5
    assert again.process.returncode == 0
    no_row_lost(again, killed=True)
    assert again.ask("PRAGMA integrity_check") == [("ok",)]
