"""Regular heartbeats, which show other programs that this one is running, and this one that it can record."""

import logging
import time
from collections.abc import Callable, Sequence

from monitor.domain.errors import OutputError
from monitor.domain.ports import Beating, Sink

_log = logging.getLogger(__name__)

#: Seconds between heartbeats; several fit into the time after which readers of the journal consider a run stopped.
BEAT_EVERY_S = 5.0

#: Seconds until a failed heartbeat is tried again.
_RETRY_S = 1.0


class Heartbeat:
    """Sends heartbeats to the sinks that record them; used on the thread that uses the sinks.

    A heartbeat is due every `every_s` seconds of `monotonic_s`. A failure is logged once until a heartbeat succeeds:
    with nothing to record, it is the only sign of a lost database, or of a deleted folder.
    """

    def __init__(
        self, sinks: Sequence[Sink], every_s: float = BEAT_EVERY_S, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._beating = [sink for sink in sinks if isinstance(sink, Beating)]
        self.every_s = every_s
        self._monotonic_s = monotonic_s
        self._due_s = monotonic_s() + every_s
        self._failure: str | None = None

    @property
    def failure(self) -> str | None:
        """Why the last heartbeat failed, None if it succeeded; may be read from any thread."""
        return self._failure

    @property
    def is_due(self) -> bool:
        """Whether it is time for a heartbeat."""
        return self._monotonic_s() >= self._due_s

    def beat(self) -> None:
        """Send a heartbeat."""
        try:
            for sink in self._beating:
                sink.beat()
        except OutputError as error:
            if self._failure is None:
                _log.error("heartbeat failed, other monitors may show this one as stopped: %s", error)
            self._failure = str(error)
        else:
            if self._failure is not None:
                _log.warning("the heartbeat works again")
            self._failure = None
        self._due_s = self._monotonic_s() + (self.every_s if self._failure is None else min(_RETRY_S, self.every_s))
