"""Warnings: problems that need attention before they become faults."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from monitor.domain.account import Account, Role
from monitor.domain.clock import Clock
from monitor.web.values import visible_text


class WarningCode(StrEnum):
    """The kinds of warnings."""

    CLIPS_FAIL = "clips_fail"
    CLIPS_SHORT = "clips_short"
    CONFIGURATION_REFUSED = "configuration_refused"
    DISK_NEARLY_FULL = "disk_nearly_full"
    EVIDENCE_REDUCED = "evidence_reduced"
    MODEL_CHANGED = "model_changed"


@dataclass(frozen=True, slots=True)
class ActiveWarning:
    """An active warning: its text with the remedy, and its start (UTC).

    `names_cameras`: the text may name any camera.
    """

    code: WarningCode
    text: str
    since: datetime
    names_cameras: bool = False

    def is_for(self, account: Account) -> bool:
        """Return whether an account gets the warning: operators and admins, within their rights."""
        return account.may(Role.OPERATOR) and (account.cameras is None or not self.names_cameras)


class Warnings:
    """The active warnings, one of each code; safe to call from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._active: dict[WarningCode, ActiveWarning] = {}

    def set(self, code: WarningCode, text: str, *, names_cameras: bool = False) -> None:
        """Raise a warning, or change the text of an active one."""
        with self._lock:
            new = ActiveWarning(code, text, self._clock.utc_now(), names_cameras)
            old = self._active.get(code, new)
            self._active[code] = replace(new, since=old.since)

    def clear(self, code: WarningCode) -> None:
        """End a warning, if it is active."""
        with self._lock:
            self._active.pop(code, None)

    def visible_to(self, account: Account) -> list[ActiveWarning]:
        """Return the warnings that an account gets, as it may see them, oldest first."""
        with self._lock:
            active = [each for each in self._active.values() if each.is_for(account)]
        shown = [replace(each, text=visible_text(each.text, account.role)) for each in active]
        return sorted(shown, key=lambda each: (each.since, each.code))
