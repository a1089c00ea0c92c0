"""Keeping native libraries' notices off the screen."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def native_notices_hidden() -> Iterator[None]:
    """Send standard error nowhere: LiteRT and TensorFlow write notices there that no switch turns off.

    Failures come as exceptions all the same. The redirection is the whole process's, while a model is loaded.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
