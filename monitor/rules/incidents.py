"""When a violation becomes an incident, and when the incident ends (pure)."""

from dataclasses import dataclass
from enum import Enum, auto

from monitor.config.rules import RulesSettings
from monitor.domain.detection import MaskState


class Transition(Enum):
    """The effect of one update."""

    NONE = auto()
    OPENED = auto()
    CORRECTED = auto()


@dataclass(slots=True)
class IncidentRule:
    """The dwell, grace and cool-down of one person's incidents; times in seconds of the source's clock.

    An incident opens once a violating state has held for `dwell_s` and the person has been in view for `grace_s`;
    `UNKNOWN` interrupts a dwell but does not close an incident. After a correction the same person opens no other
    for `cooldown_s`.
    """

    rules: RulesSettings
    first_seen_s: float
    opened_s: float | None = None
    violating_since_s: float | None = None
    _closed_s: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether an incident is open."""
        return self.opened_s is not None

    def update(self, state: MaskState, time_s: float) -> Transition:
        """Update with the state decided at `time_s`; return whether an incident opened or was corrected."""
        if not state.violating:
            self.violating_since_s = None
            if self.is_open and state is MaskState.WITH_MASK:
                self.opened_s = None
                self._closed_s = time_s
                return Transition.CORRECTED
            return Transition.NONE
        if self.violating_since_s is None:
            self.violating_since_s = time_s
        held = time_s - self.violating_since_s >= self.rules.dwell_s
        past_grace = time_s - self.first_seen_s >= self.rules.grace_s
        cooled = self._closed_s is None or time_s - self._closed_s >= self.rules.cooldown_s
        if not self.is_open and held and past_grace and cooled:
            self.opened_s = time_s
            return Transition.OPENED
        return Transition.NONE
