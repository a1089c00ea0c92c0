"""What every fuzzing test is held to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.mutations import MOST_MB


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture(autouse=True)
def memory_is_bounded() -> Iterator[None]:
    """Fail a test whose inputs made the process much larger, even for a moment."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak (proc_pid_clear_refs(5))
    before_mb = _peak_mb()
    yield
    assert _peak_mb() - before_mb < MOST_MB
