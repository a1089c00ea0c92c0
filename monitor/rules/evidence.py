"""What has been seen of one person, and what it amounts to (pure)."""

from dataclasses import dataclass, field

from monitor.config.rules import RulesSettings
from monitor.domain.detection import DECIDED_STATES, MaskState

#: One look stands for the time since the look before, but for no longer than this: a gap is not evidence.
MAX_LOOK_S = 0.5

#: A decided state lapses when its mean score has fallen below this part of what deciding it takes.
DOUBT = 0.8


@dataclass(slots=True)
class Evidence:
    """Weighted evidence for each state with exponential forgetting, and the state decided on it.

    Each look adds score x quality x the seconds it stands for, so a verdict takes the same time at any frame rate:
    neighbouring frames show the same face and are not independent witnesses.
    """

    rules: RulesSettings
    state: MaskState = MaskState.UNKNOWN
    _weights: dict[MaskState, float] = field(default_factory=lambda: dict.fromkeys(DECIDED_STATES, 0.0))
    _looked_s: float = 0.0
    _time_s: float | None = None

    @property
    def total_s(self) -> float:
        """All that is remembered, in seconds of a perfect look."""
        return sum(self._weights.values())

    def share(self, state: MaskState) -> float:
        """Return the part (0..1) of the evidence that speaks for a state; 0 for `UNKNOWN`."""
        total = self.total_s
        return self._weights.get(state, 0.0) / total if total > 0 else 0.0

    def confidence(self, state: MaskState) -> float:
        """Return the mean score (0..1) that a state had over all looks, the good ones counting more."""
        return self._weights.get(state, 0.0) / self._looked_s if self._looked_s > 0 else 0.0

    def add(self, state: MaskState, score: float, quality: float, time_s: float) -> MaskState:
        """Forget, add one look (score and quality 0..1), and return the state now decided."""
        elapsed_s = 0.0 if self._time_s is None else max(0.0, time_s - self._time_s)
        self._time_s = time_s
        kept = 0.5 ** (elapsed_s / self.rules.evidence_half_life_s)
        for known in self._weights:
            self._weights[known] *= kept
        self._looked_s *= kept
        if state.decided:
            look_s = quality * min(elapsed_s, MAX_LOOK_S)
            self._looked_s += look_s
            self._weights[state] += score * look_s
        self.state = self._decided()
        return self.state

    def _decided(self) -> MaskState:
        """Deciding takes `decide_score` and `decide_share`, changing one's mind `switch_share`."""
        total = self.total_s
        if total < self.rules.decide_evidence_s:
            # What was decided holds until half of the evidence needed for it has been forgotten too.
            return self.state if total >= self.rules.decide_evidence_s / 2 else MaskState.UNKNOWN
        leading = max(DECIDED_STATES, key=self.share)
        needed = self.rules.switch_share if self.state.decided else self.rules.decide_share
        if self.share(leading) >= needed and self.confidence(leading) >= self.rules.decide_score:
            return leading
        # What the detector has come to doubt is no longer known; a little doubt does not make a state flicker.
        return self.state if self.confidence(self.state) >= DOUBT * self.rules.decide_score else MaskState.UNKNOWN
