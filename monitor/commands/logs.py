"""The program's log, on standard error."""

import logging
import sys

from monitor.domain.address import redact


class _Redacting(logging.Formatter):
    """Hides passwords in messages and tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send the program's log to standard error, one line per message, with the local time."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)-7s %(message)s"))
    logger = logging.getLogger("monitor")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
