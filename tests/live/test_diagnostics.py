"""What the monitor says of itself may fail, and it goes on."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.domain.clock import SystemClock
from monitor.domain.health import Condition
from tests.live.watch import healthy, until, watching


class LaterClock(SystemClock):
    """The machine's clock, set forward as a test wishes."""

    def __init__(self) -> None:
        self.by_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.by_s


class Refusing(logging.Filter):
    """Fails where the summary of a minute is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        if "cameras current" in record.msg:
            raise OSError("no file descriptor is free")
        return True


@pytest.fixture
def refusing() -> Iterator[None]:
    log, refusing = logging.getLogger("monitor.pipeline.monitor"), Refusing()
    log.addFilter(refusing)
    yield
    log.removeFilter(refusing)


@pytest.mark.usefixtures("refusing")
def test_a_summary_that_fails_does_not_end_the_monitor(clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "monitor")
    clock = LaterClock()
    with watching({"door": healthy(clip)}, tmp_path, clock=clock) as watch:
        watch.wait("door", Condition.LIVE)
        clock.by_s = 61.0
        until(lambda: "the summary of the last minute cannot be logged" in caplog.text or watch.live.stopped.is_set())
        watch.looks("door")
        assert not watch.live.stopped.is_set()
