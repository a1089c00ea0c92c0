"""Connections to PostgreSQL that do not wait for ever."""

import time
from collections.abc import Generator
from typing import Any

import psycopg

#: Seconds that a connection, a lock and a statement may take; the server itself ends the latter two.
CONNECT_S, LOCK_S, STATEMENT_S = 5, 5, 10

#: Seconds to wait for an answer: longer than the server's own limits, so only a server that hangs exceeds it.
_ANSWER_S = 12.0


class LimitedConnection(psycopg.Connection[Any]):
    """Closes itself if the server gives no answer within `answer_s` seconds (None: no limit)."""

    answer_s: float | None = _ANSWER_S

    def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer of the server; raises `psycopg.OperationalError`."""
        if timeout is not None or self.answer_s is None:
            return super().wait(gen, interval, timeout)
        until_s = time.monotonic() + self.answer_s
        try:
            return super().wait(gen, interval, self.answer_s)
        except psycopg.OperationalError as error:
            if time.monotonic() < until_s:
                raise
            self.pgconn.finish()  # a late answer would be taken for that of the next statement
            raise psycopg.OperationalError(f"the server has not answered for {self.answer_s:g} s") from error


def connect(arguments: list[str], settings: dict[str, Any]) -> LimitedConnection:
    """Return a new connection with all limits; those in its address take precedence."""
    connection = LimitedConnection.connect(*arguments, **{"connect_timeout": CONNECT_S} | settings)
    connection.execute(f"SET lock_timeout = '{LOCK_S}s'")
    connection.execute(f"SET statement_timeout = '{STATEMENT_S}s'")
    connection.commit()
    return connection
