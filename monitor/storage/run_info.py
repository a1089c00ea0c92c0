"""The description of a run in the journal."""

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime

#: The most characters of the host's name in an owner.
HOST_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The kind, start, model and settings of a run.

    `owner` identifies the process; its runs are continued by their owner and start. None: a run of its own.
    """

    kind: str
    started_at: datetime
    version: str
    model: str
    model_sha256: str
    settings_sha256: str
    owner: str | None = None


class CurrentRun:
    """The run that records now; changed settings or another detector begin another one. Safe to use from any thread."""

    def __init__(self, info: RunInfo) -> None:
        self.info = info


def new_owner() -> str:
    """Return an identifier of this process that no other has."""
    return f"{socket.gethostname()[:HOST_CHARACTERS]}:{os.getpid()}:{secrets.token_hex(8)}"
