"""Hashes of files."""

import hashlib
from pathlib import Path

from monitor.domain.errors import OutputError


def sha256_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str | None:
    """Return the SHA-256 of a file as 64 hexadecimal digits, None if it does not exist; raises `OutputError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
