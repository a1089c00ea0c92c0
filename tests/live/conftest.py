"""What the tests of the live monitor share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.sources.camera_processes import start_reader
from tests.fakes import noise
from tests.integration.clips import write_clip
from tests.live.running import Run
from tests.live.servers import RtspServer, rtsp, why_no_rtsp_server


@pytest.fixture(scope="session")
def gstreamer() -> None:
    """Skip where there is no RTSP server to test against."""
    if reason := why_no_rtsp_server():
        pytest.skip(f"no RTSP server: {reason}")


@pytest.fixture(scope="session")
def readers() -> None:
    """What all processes that read cameras share is no cost of the first camera."""
    start_reader().close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of pictures that are sharp all over."""
    path = tmp_path_factory.mktemp("clips") / "noise.mp4"
    return write_clip(path, 20, (320, 240), 10, paint=lambda index, width, height: noise(height, width, index))


@pytest.fixture
def server(gstreamer: None) -> Iterator[RtspServer]:
    """A camera whose every picture is sharp and new."""
    with rtsp("--pattern", "snow", "--fps", "10") as running:
        yield running


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    running: list[Run] = []
    yield running
    for each in running:
        each.end()
