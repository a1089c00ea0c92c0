"""What every test is held to, and what many share."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SAMPLE = PROJECT / "recordings" / "samples" / "entrance.mp4"

#: How long a thread may take to end after the test that started it.
_ENDING_S = 5.0


@contextmanager
def ending_threads() -> Iterator[None]:
    """Fail a test that leaves a thread behind."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _ENDING_S
    while left := [thread for thread in threading.enumerate() if thread not in before]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left: {', '.join(sorted(thread.name for thread in left))}")
        left[0].join(0.05)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Hold every test to leaving no thread behind."""
    with ending_threads():
        yield


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the bundled sample: as a camera, the sample itself has a journal of its own."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copy(SAMPLE.with_suffix(".json"), folder)  # its ground truth
    return Path(shutil.copy(SAMPLE, folder))


def _demand(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure under CI, where everything that a test needs has to be there."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"under CI a skip is a failure: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    _demand(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    _demand(report)
    return report
