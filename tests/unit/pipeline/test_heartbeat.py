"""The heartbeat: at its interval, only where a sink has one, and a failure is said once."""

import logging

import pytest

from monitor.domain.errors import JournalError
from monitor.pipeline.heartbeat import BEAT_EVERY_S, Heartbeat
from tests.fakes import FakeClock, FakeSink


class BeatingSink(FakeSink):
    def __init__(self) -> None:
        super().__init__()
        self.beats = 0
        self.lost = False

    def beat(self) -> None:
        if self.lost:
            raise JournalError("journal: server closed the connection")
        self.beats += 1


def test_a_beat_comes_at_each_interval():
    clock, sink = FakeClock(), BeatingSink()
    heartbeat = Heartbeat([FakeSink(), sink], monotonic_s=clock.monotonic_s)
    for seconds, beats in ((0.0, 0), (BEAT_EVERY_S - 0.1, 0), (0.1, 1), (0.1, 1), (BEAT_EVERY_S, 2), (100, 3), (0, 3)):
        clock.advance(seconds)
        if heartbeat.is_due:
            heartbeat.beat()
        assert sink.beats == beats


def test_a_lost_database_is_said_once_until_it_is_back(caplog: pytest.LogCaptureFixture):
    clock, sink = FakeClock(), BeatingSink()
    heartbeat = Heartbeat([sink], monotonic_s=clock.monotonic_s)
    with caplog.at_level(logging.WARNING):
        for lost in (True, True, True, False, True):
            sink.lost = lost
            clock.advance(BEAT_EVERY_S)
            heartbeat.beat()
            assert heartbeat.failure == ("journal: server closed the connection" if lost else None)
    assert caplog.text.count("server closed the connection") == 2
    assert sink.beats == 1


def test_a_failed_beat_is_tried_again_soon():
    clock, sink = FakeClock(), BeatingSink()
    heartbeat = Heartbeat([sink], monotonic_s=clock.monotonic_s)
    sink.lost = True
    heartbeat.beat()
    clock.advance(1.0)
    assert heartbeat.is_due
