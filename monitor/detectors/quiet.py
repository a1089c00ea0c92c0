"""Hides the notices of native libraries."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_kept = -1


@contextmanager
def native_notices_hidden() -> Iterator[None]:
    """Discard standard error: LiteRT and TensorFlow write notices to it that cannot be switched off.

    Failures still raise exceptions. File descriptor 2 belongs to the whole process, and several threads may load models
    at once: the first to enter redirects it, the last to leave restores it, whatever the bodies raise.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _kept  # noqa: PLW0603 - the process has one descriptor 2
    with _lock:
        if _inside == 0:
            sys.stderr.flush()
            kept = os.dup(2)
            try:
                _send_to_null()
            except OSError:
                os.close(kept)
                raise
            _kept = kept
        _inside += 1


def _leave() -> None:
    global _inside  # noqa: PLW0603
    with _lock:
        _inside -= 1
        if _inside == 0:
            os.dup2(_kept, 2)
            os.close(_kept)


def _send_to_null() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
    finally:
        os.close(null)
