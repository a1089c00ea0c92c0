"""Signals to a live monitor, from the first moment of the process: this module imports nothing that takes time."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SignalFlags:
    """Requests that arrive as signals: SIGTERM or Ctrl-C to stop, SIGHUP to reload."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self.stop = False
        self.reload = False
        self._is_interruptible = False
        self._hangup_before = signal.getsignal(signal.SIGHUP)

    def listen(self) -> None:
        """Handle the signals, instead of ending at once."""
        signal.signal(signal.SIGINT, self.ask_stop)
        signal.signal(signal.SIGTERM, self.ask_stop)
        signal.signal(signal.SIGHUP, self.ask_reload)

    def release(self) -> None:
        """Give the signals their usual effect, for a command that is no live monitor; also those that came already.

        A stop by the service manager acts like Ctrl-C: it raises `KeyboardInterrupt`.
        """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGHUP, self._hangup_before)
        if self.reload:
            os.kill(os.getpid(), signal.SIGHUP)
        if self.stop:
            raise KeyboardInterrupt

    def ask_stop(self, *_: object) -> None:
        """Request a stop."""
        self.stop = True
        self.changed.set()
        if self._is_interruptible:
            raise SystemExit(0)

    def ask_reload(self, *_: object) -> None:
        """Request a reload."""
        self.reload = True
        self.changed.set()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a stop request, also an earlier one, raise `SystemExit` in the body, which may take long."""
        self._is_interruptible = True
        try:
            if self.stop:
                raise SystemExit(0)
            yield
        finally:
            self._is_interruptible = False
