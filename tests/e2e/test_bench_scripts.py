"""The measurements of `scripts/bench`, short: the figures are there and hang together."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import environment

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
SMALL = ("--cameras", "2", "--size", "640x360", "--seconds", "3")


def measured(name: str, *options: str, cwd: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.bench.{name}", *options],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(cwd.iterdir()) == [], "a measurement leaves nothing behind"
    values: dict[str, Any] = json.loads(done.stdout)
    return values


@pytest.mark.timeout(300)
def test_abuse_is_withstood(tmp_path: Path) -> None:
    values = measured(
        "abuse", *SMALL, "--rounds", "1", "--slow", "4", "--logins", "120", "--requests", "4", cwd=tmp_path
    )
    assert values["slow_viewers"]["still_connected"] == 0, "who takes nothing is disconnected"
    assert sum(values["logins"]["codes"].values()) == 120
    assert set(values["logins"]["codes"]) == {"401", "429"}
    random = values["requests"]["random"]
    assert random["requests"] == 4 * random["addresses"] >= 100
    assert random["failed"] == {}
    assert {code[0] for code in random["codes"]} <= {"2", "4", "5"}
    assert values["requests"]["bombs"] == {"422": 20}
    assert {upload["code"] for upload in values["requests"]["uploads"]} <= {413, 0}, "an answer, or cut off"
    assert max(upload["taken_mb"] for upload in values["requests"]["uploads"]) < 50
    for kind in ("slow_viewers", "logins", "requests"):
        assert values[kind]["analyses_ratio"] > 0


@pytest.mark.timeout(300)
def test_a_browser_tells_how_old_its_pictures_are(tmp_path: Path) -> None:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt install chromium, or name it in CHROMIUM")
    values = measured("browser", *SMALL, "--chromium", str(CHROMIUM), cwd=tmp_path)
    assert 0 < values["p50_ms"] <= values["p95_ms"] <= values["worst_second_p95_ms"]
    assert 0 < values["pictures_per_s"] <= 10
    assert values["analyses_ratio"] > 0


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_the_naive_loop_runs_on_the_same_clips(tmp_path: Path) -> None:
    values = measured("naive", "--cameras", "2", "--fps", "5", "--seconds", "2", cwd=tmp_path)
    assert 0 < values["naive_fps"] < 12, "its cameras keep their time too, and no picture is analysed twice"
    assert values["naive_cpu_ms_per_frame"] > values["alone_ms"]["inference"]
    assert values["speedup"] == pytest.approx(values["analysed_fps"] / values["naive_fps"], abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("abuse", "--size", "big"), "expected WIDTHxHEIGHT"), (("naive", "--cameras", "0"), "expected 1 or more")],
)
def test_wrong_usage_is_said(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"scripts.bench.{arguments[0]}", *arguments[1:]],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
