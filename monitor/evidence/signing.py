"""The key that signs the chain, and the sink that does it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from monitor.domain.errors import OutputError
from monitor.domain.event import Event
from monitor.storage.database import session_on
from monitor.storage.files import partial, sync_folder, writing
from monitor.storage.schema import ChainRow, SignatureRow

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: The name of the key's file in the folder of results.
KEY_NAME = "evidence.key"

#: Seconds between two signatures while there are new records.
SIGN_EVERY_S = 60.0

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of the chain that is signed or to be signed."""

    number: int
    hash: str

    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return f"mask-monitor chain\n{self.number}\n{self.hash}\n".encode()


class EvidenceKey:
    """An Ed25519 key: its seed of 32 bytes, as 64 hexadecimal digits, is in a file that only its owner can read."""

    def __init__(self, private: "Ed25519PrivateKey") -> None:
        self._private = private
        self.public_key: str = private.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """Return a signature as 128 hexadecimal digits."""
        return self._private.sign(message).hex()


def evidence_key(folder: Path) -> EvidenceKey:
    """Return the key of a folder of results, created at the first call; raises `OutputError` if it is damaged."""
    path = folder / KEY_NAME
    with writing(path):
        if not path.exists():
            new = partial(path)
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(os.urandom(_KEY_BYTES).hex().encode() + b"\n")
                os.fsync(file.fileno())
            new.replace(path)
            sync_folder(folder)
    return _read(path)


def known_public_key(folder: Path) -> str | None:
    """Return the public key of a folder of results, None if it has no key; raises `OutputError` if it is damaged."""
    path = folder / KEY_NAME
    return _read(path).public_key if path.exists() else None


def is_signature(public_key: str, signature: str, message: bytes) -> bool:
    """Return whether a signature is the key's of this message."""
    from cryptography.exceptions import InvalidSignature  # loaded where something is signed or verified only
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_head(session: Session, key: EvidenceKey) -> None:
    """Sign the last record, unless this key has signed it."""
    row = session.scalar(select(ChainRow).order_by(ChainRow.number.desc()).limit(1))
    if row is not None:
        head = Head(row.number, row.hash)
        own = select(SignatureRow.id).where(
            SignatureRow.number == head.number, SignatureRow.public_key == key.public_key
        )
        if session.scalar(own) is None:
            session.add(
                SignatureRow(
                    number=head.number, hash=head.hash, public_key=key.public_key, signature=key.sign(head.message())
                )
            )


class ChainSigner:
    """A sink that signs the chain when it is opened, every minute, and at the end of the run.

    It follows the journal in a list of sinks, and so is closed before it.
    """

    def __init__(self, engine: Engine, key: EvidenceKey, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._key = key
        self._monotonic_s = monotonic_s
        self._sign()

    def put(self, event: Event) -> None:
        """Do nothing: a signature covers all records before it."""

    def beat(self) -> None:
        """Sign, if it is time; raises `OutputError`."""
        if self._monotonic_s() - self._signed_s >= SIGN_EVERY_S:
            self._sign()

    def close(self) -> None:
        """Sign the end of the run; raises `OutputError`."""
        self._sign()

    def _sign(self) -> None:
        with session_on(self._engine) as session, session.begin():
            sign_head(session, self._key)
        self._signed_s = self._monotonic_s()


def _read(path: Path) -> EvidenceKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        seed = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        seed = b""
    if len(seed) != _KEY_BYTES:
        raise OutputError(f"{path}: is damaged; restore it, or move it away so that the next start creates another key")
    return EvidenceKey(Ed25519PrivateKey.from_private_bytes(seed))
