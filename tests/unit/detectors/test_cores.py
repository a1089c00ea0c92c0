import os

import pytest

from monitor.detectors.cores import cores

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        ("max 100000", ALL),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("6400000 100000", ALL),
    ],
)
def test_a_containers_share_of_the_cores(tmp_path, limit, count):
    quota = tmp_path / "cpu.max"
    quota.write_text(limit + "\n", encoding="ascii")
    assert cores(quota) == count


def test_without_a_container_all_that_the_process_is_bound_to(tmp_path):
    assert cores(tmp_path / "none") == ALL
