"""Standard error is silent while a model is loaded, and comes back afterwards."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.detectors.quiet import native_notices_hidden

Captured = pytest.CaptureFixture[str]


def say(text: str) -> None:
    """Write as native code does."""
    os.write(2, text.encode())


def test_notices_are_hidden_inside_and_shown_after(capfd: Captured):
    with native_notices_hidden():
        say("hidden")
    say("shown")
    assert capfd.readouterr().err == "shown"


def test_openings_that_overlap_give_standard_error_back(capfd: Captured):
    """As when one worker begins to load before, and ends before, another."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(native_notices_hidden())
    second.enter_context(native_notices_hidden())
    first.close()
    say("hidden, since the second still loads")
    second.close()
    say("shown")
    assert capfd.readouterr().err == "shown"


def test_a_body_that_raises_gives_standard_error_back(capfd: Captured):
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"), native_notices_hidden(), native_notices_hidden():
            raise ValueError("broken")
    say("shown")
    assert capfd.readouterr().err == "shown"


def test_no_descriptor_is_left_open(capfd: Captured):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with native_notices_hidden(), native_notices_hidden():
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
