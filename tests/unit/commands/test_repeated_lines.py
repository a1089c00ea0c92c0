"""What of a flood of lines reaches the log."""

import logging

from monitor.commands.repeated_lines import RepeatedLines


class Log:
    """A log whose minutes pass as a test wishes."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.lines: list[str] = []
        self.filter = RepeatedLines(self.say, lambda: self.now_s)

    def say(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")

    def put(self, text: str, *values: object, line: int = 1) -> None:
        record = logging.LogRecord("monitor", logging.WARNING, "a.py", line, text, values, None)
        if self.filter.filter(record):
            self.say(record)


def test_equal_lines_are_counted_and_summed_up_after_a_minute():
    log = Log()
    for _ in range(1000):
        log.put("%s is full", "it")
    assert log.lines == ["WARNING it is full"] * 10
    log.now_s = 60.0
    log.put("something else", line=2)
    assert log.lines[10:] == ["WARNING 990 more lines such as this in a minute: it is full", "WARNING something else"]
    log.put("%s is full", "it")
    assert log.lines[12:] == ["WARNING it is full"]


def test_lines_of_one_place_that_differ_are_limited_too():
    log = Log()
    for number in range(1000):
        log.put("connection %d failed", number)
    assert log.lines == [f"WARNING connection {number} failed" for number in range(300)]
    log.now_s = 60.0
    log.put("something else", line=2)
    assert log.lines[300] == "WARNING 700 more lines such as this in a minute: connection 999 failed"


def test_another_line_passes_beside_a_flood():
    log = Log()
    for _ in range(1000):
        log.put("flood")
    log.put("door: live", line=2)
    log.put("yard: live", line=2)
    assert log.lines[10:] == ["WARNING door: live", "WARNING yard: live"]


def test_what_is_repeated_slowly_is_not_summed_up():
    log = Log()
    for minute in range(5):
        log.now_s = 60.0 * minute
        for _ in range(10):
            log.put("tick")
    assert log.lines == ["WARNING tick"] * 50


def test_the_sum_is_one_short_line():
    log = Log()
    for _ in range(11):
        log.put("x" * 5000 + "\ntraceback")
    log.now_s = 60.0
    log.put("end", line=2)
    assert log.lines[10] == f"WARNING 1 more lines such as this in a minute: {'x' * 200}"


def test_a_line_that_cannot_be_formatted_is_left_to_the_handler():
    record = logging.LogRecord("monitor", logging.WARNING, "a.py", 1, "%d", ("text",), None)
    assert Log().filter.filter(record)
