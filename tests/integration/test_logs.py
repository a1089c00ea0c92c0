"""The log's handler; its thread is what is tested, on a real pipe."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitor.commands.logs import DroppingHandler


@contextmanager
def piped(most: int) -> Iterator[tuple[DroppingHandler, int]]:
    """Give a handler and the end of its pipe to read from."""
    reading, writing = os.pipe()
    handler = DroppingHandler(writing, most)
    try:
        yield handler, reading
    finally:
        os.close(reading)  # a writer that waits fails then
        handler.close()
        os.close(writing)


def say(handler: DroppingHandler, message: str) -> None:
    handler.handle(logging.makeLogRecord({"msg": message}))


def test_lines_arrive_in_order_and_the_last_before_the_end():
    with piped(100) as (handler, reading):
        for number in range(50):
            say(handler, f"line {number}")
        handler.close()
        assert os.read(reading, 65536).decode().splitlines() == [f"line {number}" for number in range(50)]


def test_a_stalled_reader_delays_nobody_and_is_told_how_much_was_dropped():
    with piped(10) as (handler, reading):
        long = "x" * 100_000  # more than a pipe takes
        started = time.monotonic()
        for number in range(31):
            say(handler, f"{number} {long}")
        handler.close()
        assert time.monotonic() - started < 2
        text = b""
        while text.count(b"\n") < 5:
            text += os.read(reading, 65536)
        told = [line for line in text.decode().splitlines() if "dropped" in line]
        dropped = int(told[0].split()[0])
        assert dropped in (20, 21), "ten wait, and one may be on its way"


def test_text_that_has_no_encoding_is_written_all_the_same():
    with piped(10) as (handler, reading):
        say(handler, "name \ud800")
        handler.close()
        assert os.read(reading, 100) == b"name \\ud800\n"


def test_a_reader_that_has_gone_is_no_error(capfd: pytest.CaptureFixture[str]):
    reading, writing = os.pipe()
    os.close(reading)
    handler = DroppingHandler(writing)
    say(handler, "nobody hears")
    handler.close()
    os.close(writing)
    assert capfd.readouterr().err == ""
