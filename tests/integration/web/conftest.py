"""What the tests of the pages' back end share."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.integration.web.desk import Desk, Page, serving

_ENDING_S = 5.0


@pytest.fixture(autouse=True, scope="module")
def no_thread_left() -> Iterator[None]:
    """Fail a module that leaves a thread behind: its tests share a running monitor."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _ENDING_S
    while left := [thread for thread in threading.enumerate() if thread not in before]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left: {', '.join(sorted(thread.name for thread in left))}")
        left[0].join(0.05)


@pytest.fixture(scope="module")
def desk(no_thread_left: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A running monitor with two cameras and an account of each kind."""
    with serving(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture
def anybody(desk: Desk) -> Iterator[Page]:
    """Somebody who has not logged in."""
    with desk.client() as client:
        yield client
