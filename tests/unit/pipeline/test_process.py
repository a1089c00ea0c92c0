"""What this process is told of itself."""

import resource

import psutil
import pytest

from monitor.pipeline.process import FILES, file_limit, memory_mb, raise_file_limit


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
