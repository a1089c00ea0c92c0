"""Regular heartbeats, which show other programs that this one is running."""

import logging
import time
from collections.abc import Callable, Sequence

from monitor.domain.errors import OutputError
from monitor.domain.ports import Beating, Sink

_log = logging.getLogger(__name__)

#: Seconds between heartbeats; several fit into the time after which readers of the journal consider a run stopped.
BEAT_EVERY_S = 10.0


class Heartbeat:
    """Sends heartbeats to the sinks that record them; used on the thread that uses the sinks.

    A heartbeat is due every `every_s` seconds of `monotonic_s`. A failure is logged once until a heartbeat succeeds:
    with nothing to record, it is the only sign of a lost database.
    """

    def __init__(
        self, sinks: Sequence[Sink], every_s: float = BEAT_EVERY_S, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._beating = [sink for sink in sinks if isinstance(sink, Beating)]
        self.every_s = every_s
        self._monotonic_s = monotonic_s
        self._due_s = monotonic_s() + every_s
        self._failed = False

    def beat_when_due(self) -> None:
        """Send a heartbeat if one is due."""
        if self._monotonic_s() < self._due_s:
            return
        try:
            for sink in self._beating:
                sink.beat()
            self._failed = False
        except OutputError as error:
            if not self._failed:
                _log.warning("heartbeat failed, other monitors may show this one as stopped: %s", error)
            self._failed = True
        self._due_s = self._monotonic_s() + self.every_s
