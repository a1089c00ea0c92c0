"""`scripts/soak` for a minute; by itself it runs for an hour."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.commands import environment


@pytest.mark.timeout(300)
def test_a_minute_among_hostile_cameras_and_neighbours_changes_nothing_and_loses_no_row(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.bench.soak", "--seconds", "60", "--json", "soak.json"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=280, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rows lost: 0" in done.stdout.splitlines()
    values = json.loads((tmp_path / "soak.json").read_text("utf-8"))
    assert values["figures"]["rows"] > 10
    assert all(values["answers"].values()), "each neighbour was there"
    assert values["answers"]["send photographs"].keys() >= {"200", "422"}
    assert values["answers"]["guess passwords"].keys() >= {"401", "429"}
