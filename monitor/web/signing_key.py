"""The key that signs cookies."""

import os
import secrets
from pathlib import Path

from monitor.storage.files import partial, writing

_KEY_BYTES = 32


def signing_key(folder: Path) -> bytes:
    """Return the key that signs cookies of devices, created at the first start; raises `OutputError`."""
    path = folder / "session.key"
    with writing(path):
        if path.exists() and len(key := path.read_bytes()) >= _KEY_BYTES:
            return key
        # A truncated key, for example after a full disk, is replaced: with an empty one anybody could sign.
        key, new = secrets.token_bytes(_KEY_BYTES), partial(path)
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key)
            os.fsync(file.fileno())
        new.replace(path)
        return key
