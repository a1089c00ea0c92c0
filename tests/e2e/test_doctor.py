"""`monitor doctor` on installations that are whole, broken, and in use."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.commands import Done, environment, names, run
from tests.integration.clips import write_clip
from tests.integration.detecting import default_settings
from tests.integration.postgres import find_programs, running_server


def config(folder: Path, text: str = "") -> Path:
    path = folder / "config.yaml"
    path.write_text(
        f"detector: {{model: {default_settings().model}, backend: litert}}\nweb: {{port: {free_port()}}}\n{text}"
    )
    return path


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def found(done: Done) -> dict[str, dict]:
    assert "Traceback" not in done.err
    return {finding["check"]: finding for finding in done.json}


def test_a_whole_installation_is_well_and_nothing_is_written(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    config(tmp_path, "cameras: {gate: {source: clip.mp4}}\n")
    done = run("doctor", "--json", cwd=tmp_path)
    assert done.code == 0, done.out
    checks = found(done)
    assert {"Python", "OpenCV", "LiteRT", "PyAV", "H.264 encoder", "TensorFlow", "configuration", "model"} <= set(
        checks
    )
    assert {"disk space", "results folder", "journal", "web port", "camera gate", "clock"} <= set(checks)
    assert set(checks["model"]) >= {"check", "state", "detail", "remedy"}
    assert "hashes match" in checks["model"]["detail"]
    assert names(tmp_path) == {"clip.mp4", "config.yaml"}


def test_people_read_a_table_within_a_hundred_columns(tmp_path: Path) -> None:
    config(tmp_path, "cameras: {gate: {source: no.mp4}}\n")
    done = run("doctor", cwd=tmp_path)
    assert done.code == 4
    assert max(map(len, done.out.splitlines())) <= 100
    assert "camera gate" in done.out
    assert "1 failed" in done.out


@pytest.mark.parametrize(
    ("text", "code", "check"),
    [
        ("rules: {dwell_s: -1}\n", 3, "configuration"),
        ("output: {folder: /proc/results}\n", 6, "results folder"),
        ("journal: {url: 'postgresql+psycopg://monitor:geheim@127.0.0.1:9/monitor'}\n", 6, "journal"),
    ],
)
def test_what_is_wrong_decides_the_exit_code(tmp_path: Path, text: str, code: int, check: str) -> None:
    config(tmp_path, text)
    done = run("doctor", "--json", cwd=tmp_path)
    assert done.code == code
    finding = found(done)[check]
    assert finding["state"] == "failed"
    assert finding["remedy"]
    assert "geheim" not in done.out + done.err


def test_a_model_that_is_missing_or_damaged(tmp_path: Path) -> None:
    path = config(tmp_path)
    path.write_text("detector: {model: nowhere}\nweb: {enabled: false}\n")
    done = run("doctor", "--json", cwd=tmp_path)
    assert done.code == 3, "the configuration names what is not there"
    assert found(done)["model"]["state"] == "failed"


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: [1, 2\n")
    done = run("doctor", "--json", cwd=tmp_path)
    assert done.code == 3
    assert "not valid YAML" in found(done)["configuration"]["detail"]
    assert found(done)["clock"], "the other checks are made all the same"


def test_a_missing_library_is_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    """The doctor comes with an installation that lacks things."""
    (tmp_path / "hidden" / "cv2").mkdir(parents=True)
    (tmp_path / "hidden" / "cv2" / "__init__.py").write_text("raise ImportError('libGL.so.1: cannot open')\n")
    config(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "doctor", "--json"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=f"{tmp_path / 'hidden'}:{environment()['PYTHONPATH']}"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    checks = found(Done(done.returncode, done.stdout, done.stderr))
    assert done.returncode == 4
    assert "libGL.so.1" in checks["OpenCV"]["detail"]
    assert checks["configuration"]["state"] == "ok", "settings need no picture library"
    assert checks["PyAV"]["state"] == "ok"


def test_a_port_in_use(tmp_path: Path) -> None:
    path = config(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path.write_text(f"detector: {{model: {default_settings().model}}}\nweb: {{port: {taken.getsockname()[1]}}}\n")
        done = run("doctor", "--json", cwd=tmp_path)
    assert done.code == 3
    assert "another" in found(done)["web port"]["remedy"]


def test_a_running_monitor_is_recognised_and_not_disturbed(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 50)
    config(tmp_path, "cameras: {gate: {source: clip.mp4, capture: {loop: true}}}\n")
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", "run"], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stderr is not None
            for line in running.stderr:
                if "web pages: http" in line:
                    break
            done = run("doctor", "--json", cwd=tmp_path)
        finally:
            running.terminate()
            running.wait(30)
    assert done.code == 0, done.out
    checks = found(done)
    assert "served by a running monitor" in checks["web port"]["detail"]
    assert "opens" in checks["journal"]["detail"]
    assert running.returncode == 0


def test_postgresql_is_asked(tmp_path: Path) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL's server programs")
    with running_server(programs) as url:
        config(tmp_path, f"journal: {{url: '{url}'}}\n")
        done = run("doctor", "--json", cwd=tmp_path)
    assert found(done)["journal"]["detail"].endswith("is reachable")
