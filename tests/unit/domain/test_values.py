from datetime import UTC

import pytest

from monitor.domain.clock import SystemClock
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.errors import (
    ConfigError,
    JournalError,
    ModelError,
    MonitorError,
    OutputError,
    SourceError,
)
from monitor.domain.frame import Frame
from monitor.domain.visit import Outcome, Segment, Visit
from tests.fakes import flat


def test_unknown_is_neither_decided_nor_violating():
    assert not MaskState.UNKNOWN.decided
    assert not MaskState.UNKNOWN.violating


def test_decided_and_violating_states():
    assert {state for state in MaskState if state.decided} == set(DECIDED_STATES)
    assert {state for state in MaskState if state.violating} == {MaskState.WITHOUT_MASK, MaskState.INCORRECT}


def test_who_complied():
    assert {outcome for outcome in Outcome if outcome.complied} == {Outcome.COMPLIANT, Outcome.CORRECTED}


def test_frame_sides_are_not_swapped():
    frame = Frame(flat(30, 70), "door", 0, 0.0, None)
    assert (frame.width_px, frame.height_px) == (70, 30)


def test_durations():
    segment = Segment(MaskState.WITH_MASK, 2.0, 3.5)
    assert segment.duration_s == 1.5
    visit = Visit("door", 1, 2.0, 9.0, (segment,), Outcome.COMPLIANT, None, 5, 40.0)
    assert visit.duration_s == 7.0


@pytest.mark.parametrize(
    ("error", "code"),
    [(MonitorError, 1), (ConfigError, 3), (SourceError, 4), (ModelError, 5), (OutputError, 6), (JournalError, 6)],
)
def test_exit_codes_are_those_of_the_help(error, code):
    assert error.exit_code == code
    assert issubclass(error, MonitorError)


def test_the_system_clock_runs_forward_and_in_utc():
    clock = SystemClock()
    first = clock.monotonic_s()
    assert clock.monotonic_s() >= first
    assert clock.utc_now().tzinfo is UTC
