"""The outcomes of checks of the installation."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.domain.errors import MonitorError


class State(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check. A failed one has the `exit_code` of its kind of fault."""

    check: str
    state: State
    detail: str
    remedy: str = ""
    exit_code: int = 0


def ok(check: str, detail: str) -> Finding:
    """Return the finding of a check that passed."""
    return Finding(check, State.OK, detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    """Return a finding that stops a part of the product from working, or soon may."""
    return Finding(check, State.WARNING, detail, remedy)


def failed(check: str, kind: type[MonitorError], detail: str, remedy: str) -> Finding:
    """Return a finding that stops the monitor from working."""
    return Finding(check, State.FAILED, detail, remedy, kind.exit_code)
