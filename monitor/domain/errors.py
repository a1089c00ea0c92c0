"""Errors that are shown to people: one line with the fault, its place, and the remedy.

The exit code of a command is the `exit_code` of the error that ended it.
"""

from typing import ClassVar

from monitor.domain.cause import Cause


class MonitorError(Exception):
    """Base of every error that is shown to people."""

    exit_code: ClassVar[int] = 1


class ConfigError(MonitorError):
    """A configuration file is missing, unreadable or wrong; the message lists every fault found."""

    exit_code = 3


class SourceError(MonitorError):
    """A camera, stream, video or image cannot be opened or read; `cause` says why, for programs."""

    exit_code = 4

    def __init__(self, message: str, cause: Cause = Cause.UNEXPECTED) -> None:
        super().__init__(message)
        self.cause = cause


class ModelError(MonitorError):
    """A model folder is incomplete, corrupt, or does not fit its label map or this machine."""

    exit_code = 5


class OutputError(MonitorError):
    """A result cannot be written."""

    exit_code = 6


class EvidenceError(MonitorError):
    """The chain of evidence is broken; the message names the first place."""

    exit_code = 8


class KeptError(MonitorError):
    """An incident cannot be erased, since somebody keeps it."""

    exit_code = 9


class JournalError(OutputError):
    """The journal's database cannot be opened, migrated or written."""


class UnwritableError(JournalError):
    """The database refuses this record; a retry would fail too."""
