"""Checks of a file before it is opened."""

from pathlib import Path

from monitor.domain.cause import Cause
from monitor.domain.errors import SourceError


def check_file(path: Path) -> None:
    """Raise `SourceError` with the reason if a path is not a readable, non-empty file."""
    try:
        if not path.exists():
            raise SourceError(f"{path}: no such file", Cause.NOT_FOUND)
        if path.is_dir():
            raise SourceError(f"{path}: is a folder, expected a file")
        if path.stat().st_size == 0:
            raise SourceError(f"{path}: is empty (0 bytes)")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
