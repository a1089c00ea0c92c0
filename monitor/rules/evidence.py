"""What has been seen of one person, and what it amounts to (pure)."""

from dataclasses import dataclass, field

from monitor.config.rules import RulesSettings
from monitor.domain.detection import DECIDED_STATES, MaskState

#: An observation stands for the time since the one before, but for no longer than this: a gap is not evidence.
MAX_OBSERVED_S = 0.5

#: A verdict that no observation has supported for so long is no longer known: a face at the edge, turned away or
#: blurred must not keep the verdict of before, nor hand it on to whoever stands there next.
HOLD_S = 1.0

#: Nor do so many analyses in a row, where these are further apart.
_HOLD_ANALYSES = 2.5

#: A decided state lapses when its mean score has fallen below this part of what deciding it takes.
DOUBT = 0.8


@dataclass(slots=True)
class Evidence:
    """Weighted evidence for each state with exponential forgetting, and the state decided on it.

    Each observation adds score x quality x the seconds it stands for, so a verdict takes the same time at any frame
    rate: neighbouring frames show the same face and are not independent witnesses. A verdict lives only as long as
    observations support it.
    """

    rules: RulesSettings
    state: MaskState = MaskState.UNKNOWN
    _weights: dict[MaskState, float] = field(default_factory=lambda: dict.fromkeys(DECIDED_STATES, 0.0))
    _observed_s: float = 0.0
    _time_s: float | None = None
    _supported_s: float | None = None

    @property
    def total_s(self) -> float:
        """All that is remembered, in seconds of perfect observation."""
        return sum(self._weights.values())

    def share(self, state: MaskState) -> float:
        """Return the part (0..1) of the evidence that speaks for a state; 0 for `UNKNOWN`."""
        total = self.total_s
        return self._weights.get(state, 0.0) / total if total > 0 else 0.0

    def confidence(self, state: MaskState) -> float:
        """Return the mean score (0..1) that a state had over all observations, the good ones counting more."""
        return self._weights.get(state, 0.0) / self._observed_s if self._observed_s > 0 else 0.0

    def add(self, state: MaskState, score: float, quality: float, time_s: float, interval_s: float = 0.0) -> MaskState:
        """Forget, add one observation (score and quality 0..1), and return the state now decided.

        `interval_s` is the usual time between two observations.
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
