"""Limits of the process that `monitor run` can tell at its start."""

import subprocess
import sys
from pathlib import Path

from tests.e2e.commands import environment

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 20, resource.RLIM_INFINITY))
os.execv(sys.executable, [sys.executable, "-m", "monitor", "run", "--config", "missing.yaml"])
"""


def said(limit_mb: int, folder: Path) -> str:
    command = [sys.executable, "-c", LIMITED, str(limit_mb)]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 3
    return done.stderr


def test_an_address_space_that_is_too_small_is_told_before_libraries_crash(tmp_path: Path):
    assert "the address space is limited to 1600 MB (ulimit -v)" in said(1600, tmp_path)
    assert "address space" not in said(8000, tmp_path)
