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


#: Frees pictures below another block, as in the heap of a thread, and prints by how many MB the memory has risen
#: before and after what is free is returned.
FREEING = """
from monitor.pipeline.process import memory_mb, return_freed_memory
for _ in range(3):
    bytearray(3 << 20)  # from the first one that is freed, glibc takes the next ones from its heap
before = memory_mb()
pictures = [bytearray(b"x") * (3 << 20) for _ in range(20)]
behind = bytearray(b"x") * 200_000
del pictures
print(memory_mb() - before)
return_freed_memory()
print(memory_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux" or "glibc" not in os.confstr("CS_GNU_LIBC_VERSION"), reason="needs glibc")
def test_freed_pictures_are_returned_whatever_lies_behind_them():
    done = subprocess.run([sys.executable, "-c", FREEING], cwd=PROJECT, capture_output=True, text=True, check=True)
    kept_mb, left_mb = map(float, done.stdout.split())
    assert kept_mb > 50, "so glibc does by itself"
    assert left_mb < 10
