"""`monitor run` as a process of its own: signals, a changed configuration, and what may never be printed."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.conftest import PROJECT
from tests.live.running import MODEL, Run, complete, played
from tests.live.servers import RtspServer, listening, rtsp
from tests.live.watch import until

SECRET = "hunter2-s3cret"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_quick_and_leaves_a_complete_journal(
    runs: list[Run], sample: Path, tmp_path: Path, number: int
) -> None:
    """With a camera that works, and one whose open hangs."""
    with listening() as port:
        hung = {"source": f"rtsp://127.0.0.1:{port}/cam", "capture": {"open_timeout_s": 20}}
        run = Run(tmp_path, {"entrance": played(sample, rules={"dwell_s": 0.2}), "hung": hung})
        runs.append(run)
        run.wait("entrance: live")
        until(lambda: run.ask("SELECT count(*) FROM incidents") not in ([], [(0,)]), lambda: run.said)
        assert run.stop(number) < 3.5
    assert run.process.returncode == 0
    assert "Traceback" not in run.said
    assert re.search(r"stopped.*capture-hung", run.lines[-1])
    complete(run)
    assert run.ask("SELECT count(*) > 0 FROM visits") == [(1,)]
    assert run.ask("SELECT kind, reason FROM source_events WHERE kind = 'ended'") == [("ended", "interrupted")]
    incidents = run.ask("SELECT incident_id FROM incidents")
    pictures = {path.stem for path in run.journal.parent.glob("incidents/*/*.jpg")}
    assert pictures == {incident for (incident,) in incidents}
    log = (run.journal.parent / "violations.log").read_text("utf-8")
    for (incident,) in incidents:
        assert log.count(f"{incident}  OPENED") == 1
        assert log.count(f"{incident}  CLOSED") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_does_not_wait_for_a_detector_that_is_being_loaded(
    runs: list[Run], sample: Path, tmp_path: Path, number: int
) -> None:
    """TensorFlow alone takes seconds; here it comes with a new configuration, while people are watched."""
    run = Run(tmp_path, {"entrance": played(sample)})
    runs.append(run)
    run.wait("entrance: live")
    run.configure({"entrance": played(sample)}, detector={"model": str(MODEL), "backend": "savedmodel"})
    run.process.send_signal(signal.SIGHUP)
    maps = Path(f"/proc/{run.process.pid}/maps")
    until(lambda: "libtensorflow" in maps.read_text("utf-8"), lambda: run.said, 30)
    assert run.stop(number) < 5.0
    assert "reloaded" not in run.said
    assert run.process.returncode == 0
    assert "Traceback" not in run.said
    complete(run)


def test_a_changed_configuration_is_loaded_and_a_wrong_one_refused(
    runs: list[Run], sample: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path, {"a": played(sample), "b": played(sample)})
    runs.append(run)
    run.wait("a: live")
    run.wait("b: live")
    run.wait("web pages: http")
    address = re.search(r"http://127\.0\.0\.1:\d+/", run.said)
    assert address is not None

    def warnings() -> list[dict[str, Any]] | None:
        try:
            with urllib.request.urlopen(address[0] + "api/v1/health", timeout=10) as answer:
                return json.load(answer)["warnings"]
        except urllib.error.URLError:  # the address is told a moment before anybody answers there
            return None

    until(lambda: warnings() == [], "no answer")
    run.config.write_text(run.config.read_text("utf-8") + "\nwrong_key: 1\n", "utf-8")
    run.process.send_signal(signal.SIGHUP)
    run.wait("refused, the old one stays in effect")
    until(warnings)
    (warning,) = warnings() or []
    assert warning["code"] == "configuration_refused"
    assert "wrong_key" in warning["text"]
    assert str(tmp_path) not in warning["text"]
    run.configure({})
    run.process.send_signal(signal.SIGHUP)
    run.wait("names no camera")
    run.configure({"a": played(sample), "b": played(sample)}, detector={"model": str(tmp_path / "none")})
    run.process.send_signal(signal.SIGHUP)
    run.wait("refused, the old one stays in effect", times=3)
    assert run.ask("SELECT source_id FROM source_events WHERE kind = 'ended'") == []
    run.configure({"a": played(sample), "b": played(sample, rules={"dwell_s": 0.2}), "c": played(sample)})
    run.process.send_signal(signal.SIGHUP)
    run.wait(r"reloaded: 3 camera")
    assert warnings() == []
    run.wait("c: live")
    until(lambda: len(re.findall("b: live", run.said)) == 2)
    assert run.ask("SELECT source_id FROM source_events WHERE kind = 'ended'") == [("b",)]
    run.configure(
        {"a": played(sample), "b": played(sample, rules={"dwell_s": 0.2}), "c": played(sample)},
        detector={"model": str(MODEL), "thresholds": {"with_mask": 0.5, "without_mask": 0.5, "incorrect": 0.5}},
    )
    run.process.send_signal(signal.SIGHUP)
    run.wait(r"reloaded: 3 camera", times=2)
    newest = run.ask("SELECT coalesce(max(id), 0) FROM visits")
    until(lambda: run.ask("SELECT coalesce(max(id), 0) FROM visits") > newest, lambda: run.said)
    assert "fault" not in run.said
    assert run.stop() < 3.5
    assert run.process.returncode == 0
    complete(run)
    assert run.ask("SELECT source_id, count(*) FROM source_events WHERE kind = 'opened' GROUP BY 1") == [
        ("a", 1),
        ("b", 2),
        ("c", 1),
    ]


def children(pid: int) -> set[int]:
    """Return the processes that a process has started, and theirs."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            mine = {int(child) for child in (task / "children").read_text("ascii").split()}
        except OSError:
            continue
        found |= mine.union(*(children(child) for child in mine))
    return found


def test_a_password_is_shown_nowhere(gstreamer: None, runs: list[Run], tmp_path: Path) -> None:
    """A camera that takes the password, one that refuses it, one that dies, and one that talks rubbish."""
    with (
        rtsp("--user", "viewer", "--password", SECRET, "--pattern", "snow") as server,
        listening(b"HTTP/1.0 500 No\r\n\r\n" + bytes(range(256)) * 64, endless=True) as port,
    ):
        address = f"127.0.0.1:{port}"
        cameras: dict[str, Any] = {
            "good": {"source": server.url(f"viewer:{SECRET}")},
            "wrong": {"source": server.url(f"viewer:{SECRET}-wrong")},
            "elsewhere": {"source": server.url(f"viewer:{SECRET}", f"nope?password={SECRET}")},
            "rubbish": {"source": f"rtsp://viewer:{SECRET}@{address}/cam"},
            "rubbish page": {"source": f"http://viewer:{SECRET}@{address}/cam?token={SECRET}"},
            "nobody": {"source": f"rtsp://viewer:{SECRET}@127.0.0.1:1/cam"},
        }
        for options in ((), ("--debug",)):
            folder = tmp_path / ("-".join(options) or "usual")
            folder.mkdir()
            runs.append(Run(folder, cameras, *options))
        for run in runs:
            run.wait("good: live")
            for name in ("wrong", "elsewhere", "rubbish", "rubbish page", "nobody"):
                run.wait(f"{name}: lost")
        command_lines = [
            Path(f"/proc/{pid}/cmdline").read_bytes()
            for run in runs
            for pid in {run.process.pid, *children(run.process.pid)}
        ]
        for run in runs:
            run.config.write_text(run.config.read_text("utf-8") + "\nwrong_key: 1\n", "utf-8")
            run.process.send_signal(signal.SIGHUP)
            run.wait("refused, the old one stays in effect")
        server.kill()
        for run in runs:
            run.wait("good: lost")
            run.stop()
    assert not any(SECRET.encode() in line for line in command_lines)
    for run in runs:
        assert run.process.returncode == 0
        assert SECRET not in run.said
        assert "***@127.0.0.1" in run.said, "addresses are shown, without their secrets"
        for path in run.journal.parent.rglob("*"):
            if path.is_file():
                assert SECRET.encode() not in path.read_bytes(), path
        assert run.ask("SELECT count(*) FROM source_events WHERE source_id = 'good' AND kind = 'lost'") == [(1,)]


def test_a_camera_comes_back_while_it_runs(server: RtspServer, runs: list[Run], sample: Path, tmp_path: Path) -> None:
    run = Run(tmp_path, {"door": {"source": server.url()}, "hall": played(sample)})
    runs.append(run)
    run.wait("door: live")
    run.wait("hall: live")
    server.kill()
    run.wait("door: lost")
    server.start()
    run.wait("door: live", times=2)
    assert "hall: lost" not in run.said
    assert run.stop() < 3.5
    rows = run.ask("SELECT kind FROM source_events WHERE source_id = 'door' ORDER BY id")
    assert [kind for (kind,) in rows] == ["opened", "lost", "restored", "ended"]
    complete(run)


def test_without_a_command_it_watches_and_says_where_the_desk_is(runs: list[Run], tmp_path: Path, sample: Path) -> None:
    run = Run(tmp_path, {"door": played(sample)}, command=None)
    runs.append(run)
    run.wait("door: live")
    run.wait("web pages: http")
    address = re.search(r"http://127\.0\.0\.1:\d+/", run.said)
    assert address is not None
    with urllib.request.urlopen(address[0], timeout=10) as answer:
        assert 'aria-current="page">Desk' in answer.read().decode()
    with urllib.request.urlopen(address[0] + "healthz", timeout=10) as answer:
        assert json.load(answer) == {"healthy": True, "reasons": []}
    assert run.stop() < 3.5
    complete(run)


def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path) -> None:
    for values, code, words in (
        ({"cameras": {}}, 3, "names no camera"),
        ({"cameras": {"a": {"source": "0"}}, "detector": {"model": "none"}}, 5, "none"),
        ({"cameras": {"a": {"source": "ftp://127.0.0.1/x"}}}, 3, "ftp"),
    ):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(values | {"web": {"port": 0}}), "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "run", "--config", "config.yaml"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_model_that_is_replaced_and_reloaded_is_recorded_as_what_it_is(
    runs: list[Run], sample: Path, tmp_path: Path
) -> None:
    """Written again under the same path and time: both names are recorded with their own hash."""
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("saved_model"))
    manifest = yaml.safe_load((folder / "model.yaml").read_text("utf-8"))
    del manifest["sha256"]

    def name(text: str) -> None:
        (folder / "model.yaml").write_text(yaml.safe_dump(manifest | {"name": text}), "utf-8")

    name("old")
    file = folder / "model_int8.tflite"
    detector = {"model": str(folder), "precision": "int8"}
    run = Run(tmp_path, {"door": played(sample, rules={"dwell_s": 0.2, "grace_s": 0.0})}, detector=detector)
    runs.append(run)
    until(lambda: run.ask("SELECT count(*) > 0 FROM incidents") == [(1,)], lambda: run.said, 45)
    before, content = file.stat(), file.read_bytes()
    other = content + bytes(16)  # the same model to its reader
    file.write_bytes(other)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    name("new")
    run.process.send_signal(signal.SIGHUP)
    run.wait("reloaded: 1 camera")
    newest = "SELECT json_extract(settings, '$.detector.model') FROM incidents ORDER BY id DESC LIMIT 1"
    until(lambda: run.ask(newest) == [("new",)], lambda: run.said, 45)
    assert run.stop() < 3.5
    hashes = {"old": hashlib.sha256(content).hexdigest(), "new": hashlib.sha256(other).hexdigest()}
    runs_told = run.ask("SELECT model, model_sha256 FROM runs ORDER BY id")
    assert runs_told == [("old", hashes["old"]), ("new", hashes["new"])]
    found = run.ask(
        "SELECT DISTINCT json_extract(settings, '$.detector.model'), json_extract(settings, '$.detector.sha256') "
        "FROM incidents ORDER BY id"
    )
    assert found == [("old", hashes["old"]), ("new", hashes["new"])]
    assert run.ask("SELECT count(*) FROM incidents WHERE closed_s IS NULL") == [(0,)]
    assert run.ask("SELECT count(*) FROM runs WHERE ended_at IS NULL") == [(0,)]


def catches(run: Run, number: int) -> bool:
    """Return whether the process handles a signal by now (proc_pid_status(5))."""
    status = Path(f"/proc/{run.process.pid}/status").read_text("ascii")
    caught = re.search(r"SigCgt:\s*(\w+)", status)
    return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)


def test_signals_in_the_first_second_neither_kill_nor_fail(runs: list[Run], sample: Path, tmp_path: Path) -> None:
    """A reload before it watches goes on to watch; a stop ends it as any other stop does."""
    watching = []
    for after_s in (0.0, 0.3, 0.8):
        for number in (signal.SIGHUP, signal.SIGTERM):
            folder = tmp_path / f"{number.name}-{after_s}"
            folder.mkdir()
            run = Run(folder, {"door": played(sample)})
            runs.append(run)
            until(lambda run=run, number=number: catches(run, number))
            spent = psutil.Process(run.process.pid).cpu_times()
            assert spent.user + spent.system < 0.5, "before anything else, whose time is that of the processor"
            time.sleep(after_s)
            if number is signal.SIGHUP:
                run.process.send_signal(number)
                watching.append(run)
            else:
                run.stop()
                assert run.process.returncode == 0, run.said
                assert "Traceback" not in run.said
    for run in watching:
        run.wait("door: live")
        assert run.stop() < 3.5
        assert run.process.returncode == 0
