"""`scripts/setup.sh`, with a Python that only notes what it is asked for."""

import os
import shutil
import subprocess

import pytest

from tests.conftest import PROJECT

TOOLS = ("sh", "dirname", "cksum", "cut", "cat", "cmp")


@pytest.fixture
def set_up(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(PROJECT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "scripts" / "start").write_text('set -eu\n. "$(dirname "$0")/setup.sh"\nset_up "$1" some.txt\n')
    for name in ("requirements-core.txt", "some.txt"):
        (tmp_path / name).touch()
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))

    def run(environment, *pythons):
        for name in pythons:
            (tmp_path / "bin" / name).write_text('#!/bin/sh\necho "$0 $*" >>asked\n')
            (tmp_path / "bin" / name).chmod(0o755)
        return subprocess.run(
            ["sh", "scripts/start", environment],
            cwd=tmp_path,
            env=os.environ | {"PATH": str(tmp_path / "bin")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_training_takes_python_3_11_where_another_is_the_usual_one(set_up, tmp_path):
    set_up(".venv-train", "python3", "python3.11")
    asked = (tmp_path / "asked").read_text()
    assert "bin/python3.11 -m venv" in asked
    assert "bin/python3 " not in asked


def test_where_python_3_11_is_missing_training_says_so_in_a_line(set_up, tmp_path):
    done = set_up(".venv-train", "python3")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: Python 3.11 itself")
    assert "python3.11" in line
    assert not (tmp_path / "asked").exists()


def test_everything_else_takes_the_usual_python(set_up, tmp_path):
    set_up(".venv", "python3")
    assert "bin/python3 -m venv" in (tmp_path / "asked").read_text()
    (tmp_path / "bin" / "python3").unlink()
    assert "error: Python 3.11 or newer is needed, as python3" in set_up(".venv").stderr
