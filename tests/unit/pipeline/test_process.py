"""What this process is told of itself."""

import os
import resource
import subprocess
import sys

import psutil
import pytest

from monitor.pipeline.process import FILES, file_limit, memory_mb, raise_file_limit
from tests.conftest import PROJECT


@pytest.fixture
def limits():
    """Put the limits back."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_memory_is_told_without_a_free_file_descriptor(limits: tuple[int, int]):
    expected = psutil.Process().memory_info().rss / 2**20
    assert memory_mb() == pytest.approx(expected, rel=0.2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, limits[1]))
    most = memory_mb()
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert most == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, rel=0.2)


def test_the_limit_of_files_is_raised_as_far_as_is_needed(limits: tuple[int, int]):
    hard = limits[1]
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    assert file_limit() == 256
    raise_file_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, hard)
    assert file_limit() == wanted


#: Prints by how many MB the memory rises while a picture is held whose like has been freed before, below another block.
FREEING = """
import sys
from monitor.pipeline.process import memory_mb, return_freed_memory
if sys.argv[1] == "on":
    return_freed_memory()
for _ in range(3):
    bytearray(3 << 20)
before = memory_mb()
pictures = [bytearray(b"x") * (3 << 20) for _ in range(20)]
below = bytearray(b"x") * 200_000  # what follows in a heap keeps it from shrinking
del pictures
print(memory_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux" or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"), reason="needs glibc")
def test_freed_pictures_are_returned_whatever_lies_behind_them():
    def left_mb(how: str) -> float:
        command = [sys.executable, "-c", FREEING, how]
        return float(subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout)

    assert left_mb("off") > 50, "so glibc does by itself"
    assert left_mb("on") < 10
