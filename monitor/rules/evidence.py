"""The evidence about one person, and the state decided on it (pure)."""

from dataclasses import dataclass, field

from monitor.config.rules import RulesSettings
from monitor.domain.detection import DECIDED_STATES, MaskState

#: An observation counts for the time since the one before, at most this many seconds: a gap is not evidence.
MAX_OBSERVED_S = 0.5

#: A verdict without a supporting observation for this many seconds lapses: a face at the edge, turned away or blurred
#: must not keep its verdict, nor pass it on to the next person in that place.
HOLD_S = 1.0

#: The same limit in analyses, for cameras with long intervals between them.
_HOLD_ANALYSES = 2.5

#: A decided state lapses when its mean score falls below this part of `decide_score`.
LAPSE_SHARE = 0.8


@dataclass(slots=True)
class Evidence:
    """Weighted evidence for each state with exponential forgetting, and the state decided on it.

    Each observation adds score x quality x the seconds it counts for, so a verdict takes the same time at any frame
    rate: consecutive frames show the same face and are not independent. A verdict lasts only while observations support
    it.
    """

    rules: RulesSettings
    state: MaskState = MaskState.UNKNOWN
    _weights: dict[MaskState, float] = field(default_factory=lambda: dict.fromkeys(DECIDED_STATES, 0.0))
    _observed_s: float = 0.0
    _time_s: float | None = None
    _supported_s: float | None = None

    @property
    def total_s(self) -> float:
        """All evidence, in seconds at full weight."""
        return sum(self._weights.values())

    def share(self, state: MaskState) -> float:
        """Return the part (0..1) of the evidence for a state; 0 for `UNKNOWN`."""
        total = self.total_s
        return self._weights.get(state, 0.0) / total if total > 0 else 0.0

    def confidence(self, state: MaskState) -> float:
        """Return the mean score (0..1) of a state over all observations, weighted by their quality."""
        return self._weights.get(state, 0.0) / self._observed_s if self._observed_s > 0 else 0.0

    def add(self, state: MaskState, score: float, quality: float, time_s: float, interval_s: float = 0.0) -> MaskState:
        """Decay the evidence, add one observation (score and quality 0..1), and return the decided state.

        `time_s` is the observation's time, `interval_s` the usual time between two observations, both in seconds.
        """
        elapsed_s = 0.0 if self._time_s is None else max(0.0, time_s - self._time_s)
        self._time_s = time_s
        kept = 0.5 ** (elapsed_s / self.rules.evidence_half_life_s)
        for known in self._weights:
            self._weights[known] *= kept
        self._observed_s *= kept
        if state.decided:
            observed_s = quality * min(elapsed_s, MAX_OBSERVED_S)
            self._observed_s += observed_s
            self._weights[state] += score * observed_s
            if state is self.state and quality > 0:
                self._supported_s = time_s
        decided = self._decided()
        if decided is not self.state:
            self._supported_s = time_s
        self.state = decided
        if self.state.decided and self._unsupported_s(time_s) > max(HOLD_S, _HOLD_ANALYSES * interval_s):
            self._forget()
        return self.state

    def _unsupported_s(self, time_s: float) -> float:
        return 0.0 if self._supported_s is None else time_s - self._supported_s

    def _forget(self) -> None:
        self.state = MaskState.UNKNOWN
        self._weights = dict.fromkeys(DECIDED_STATES, 0.0)
        self._observed_s = 0.0

    def _decided(self) -> MaskState:
        """Return the state by the evidence: a first verdict needs `decide_share`, another one `switch_share`."""
        total = self.total_s
        if total < self.rules.decide_evidence_s:
            # A verdict holds until half of the evidence needed for it has decayed too.
            return self.state if total >= self.rules.decide_evidence_s / 2 else MaskState.UNKNOWN
        leading = max(DECIDED_STATES, key=self.share)
        needed = self.rules.switch_share if self.state.decided else self.rules.decide_share
        if self.share(leading) >= needed and self.confidence(leading) >= self.rules.decide_score:
            return leading
        # A state whose score has fallen lapses; a small decrease does not make it flicker.
        return self.state if self.confidence(self.state) >= LAPSE_SHARE * self.rules.decide_score else MaskState.UNKNOWN
