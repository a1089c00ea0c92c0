"""What a check of the installation found."""

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
    """The outcome of one check. `exit_code` is that of the kind of fault, for a failed one."""

    check: str
    state: State
    detail: str
    remedy: str = ""
    exit_code: int = 0


def ok(check: str, detail: str) -> Finding:
    """Return a check that found nothing wrong."""
    return Finding(check, State.OK, detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    """Return a check that found something which keeps a part of the product from working, or soon may."""
    return Finding(check, State.WARNING, detail, remedy)


def failed(check: str, kind: type[MonitorError], detail: str, remedy: str) -> Finding:
    """Return a check that found what keeps the monitor from working."""
    return Finding(check, State.FAILED, detail, remedy, kind.exit_code)
