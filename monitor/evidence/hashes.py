"""Hashes of files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from monitor.domain.errors import OutputError


def sha256_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_first(paths: Iterable[Path]) -> str | None:
    """Return the SHA-256 of the first file that exists, None if none does; raises `OutputError`."""
    for path in paths:
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    return None


def first_content(paths: Iterable[Path]) -> bytes:
    """Return the content of the first file that exists; raises `OutputError`."""
    missing = None
    for path in paths:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            missing = path
        except OSError as error:
            raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    raise OutputError(f"{missing}: is missing")
