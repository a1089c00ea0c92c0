"""What `scripts/test` does with tests that failed beside others."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

TESTS = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("word", {words})
def test_of(word):
    path = Path(word.replace(" ", "-") + ".seen")
    seen = path.exists()
    path.touch()
    assert word == "well" or (seen and word != "ill")
"""
LANE = """
set -eu
. {lanes}
status=0
beside python -m pytest -o cache_dir=cache
joined || status=$?
repeated cache $status
"""


def lane(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_words.py").write_text(TESTS.format(words=words), "utf-8")
    quick = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    script = LANE.format(lanes=shlex.quote(str(PROJECT / "scripts" / "lanes.sh")))
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=os.environ | quick, capture_output=True, text=True, check=False
    )


def test_what_fails_once_is_repeated_alone_and_named(tmp_path: Path) -> None:
    done = lane(tmp_path, "well", "slow [1]", "slow too")
    assert done.returncode == 0, done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert done.stdout.splitlines()[-2:] == [
        "passed only when repeated alone: test_words.py::test_of[slow [1]]",
        "passed only when repeated alone: test_words.py::test_of[slow too]",
    ]


def test_what_fails_again_fails(tmp_path: Path) -> None:
    done = lane(tmp_path, "well", "slow", "ill")
    assert done.returncode == 1
    assert "passed only when repeated" not in done.stdout
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]


def test_many_failures_are_not_repeated(tmp_path: Path) -> None:
    done = lane(tmp_path, *(f"slow {number}" for number in range(6)))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "More than 5 tests failed: none is repeated."


def test_a_run_that_broke_off_fails(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("def pytest_sessionfinish(): raise KeyboardInterrupt\n", "utf-8")
    assert lane(tmp_path, "slow").returncode != 0
    (tmp_path / "conftest.py").write_text("import os\ndef pytest_sessionfinish(): os._exit(1)\n", "utf-8")
    assert lane(tmp_path, "slow").returncode == 1
