"""The evidence about one person, and the state decided on it (pure)."""

import math
from dataclasses import dataclass, field, replace

from monitor.config.rules import RulesSettings
from monitor.domain.calibration import Likelihood
from monitor.domain.detection import DECIDED_STATES, MaskState

#: Analyses of one face resemble each other: so many seconds of them are worth one independent analysis.
SAMPLE_S = 0.25

#: The same for whether it is a face at all: what resembles a face does so for longer than one look.
FACE_SAMPLE_S = 0.4

#: The first analysis of a person is worth this much of an independent one.
_FIRST = 0.5

#: An analysis counts for the time since the one before, at most this many seconds: a gap is not evidence.
MAX_OBSERVED_S = 0.5

#: Seconds after which evidence has half its weight.
HALF_LIFE_S = 1.0

#: A tracked face is one more often than not: the logarithm of the odds that several clear detections in a row are no
#: coincidence.
FACE_PRIOR = 1.5

#: The logarithm of the odds, face over something else, of an analysis that does not detect a tracked face: what only
#: resembles a face is missed more often.
_UNSEEN = -1.0

#: A verdict lapses when the logarithm of its odds falls below this part of what it needed.
_LAPSE = 0.5

#: Evidence is kept up to this multiple of what a verdict needs, so that a change is seen as quickly after a long time.
_MOST = 1.5

#: The logarithm of the odds with which one violation replaces the other.
_OTHER_VIOLATION = 1.5

#: A verdict without a supporting analysis for this many seconds lapses: a face at the edge, turned away or blurred
#: must not keep its verdict, nor pass it on to the next person in that place.
HOLD_S = 1.0

#: The same limit in analyses, for cameras with long intervals between them.
_HOLD_ANALYSES = 2.5


@dataclass(slots=True)
class Evidence:
    """Sums of log-odds with exponential forgetting, and the state decided on them.

    Three questions are asked one after another: is it a face, is the mask worn correctly, and if not, is it missing or
    worn incorrectly. Each analysis counts for the time since the one before, so a verdict takes the same time at any
    frame rate: consecutive frames show the same face and are not independent. A verdict lasts only while analyses
    support it.
    """

    rules: RulesSettings
    state: MaskState = MaskState.UNKNOWN
    _face: float = 0.0
    _violation: float = 0.0
    _missing: float = 0.0
    _observed_s: float = 0.0
    _scores: dict[MaskState, float] = field(default_factory=lambda: dict.fromkeys(DECIDED_STATES, 0.0))
    _time_s: float | None = None
    _started: bool = False
    _supported_s: float | None = None

    @property
    def total_s(self) -> float:
        """The seconds of usable analyses that are not yet forgotten."""
        return self._observed_s

    def probability(self, state: MaskState) -> float:
        """Return the probability (0..1) of a state by the evidence; 0 for `UNKNOWN`."""
        face, violation, missing = (_probability(one) for one in (self._face_odds, self._violation, self._missing))
        match state:
            case MaskState.WITH_MASK:
                return face * (1 - violation)
            case MaskState.WITHOUT_MASK:
                return face * violation * missing
            case MaskState.INCORRECT:
                return face * violation * (1 - missing)
            case MaskState.UNKNOWN:
                return 0.0

    def confidence(self, state: MaskState) -> float:
        """Return the mean score (0..1) of a state over the usable analyses that are not yet forgotten."""
        return self._scores.get(state, 0.0) / self._observed_s if self._observed_s > 0 else 0.0

    def copy(self) -> "Evidence":
        """Return an independent copy."""
        return replace(self, _scores=dict(self._scores))

    def add(
        self,
        state: MaskState,
        score: float,
        likelihood: Likelihood | None,
        time_s: float,
        interval_s: float = 0.0,
    ) -> MaskState:
        """Forget a part of the evidence, add one detection, and return the decided state.

        `likelihood` is what the detection says, None if it is not usable. `time_s` is its time, `interval_s` the usual
        time between two analyses, both in seconds.
        """
        elapsed_s = self._forget_until(time_s)
        if likelihood is not None:
            observed_s = min(elapsed_s, MAX_OBSERVED_S) if self._started else _FIRST * SAMPLE_S
            self._started = True
            self._observed_s += observed_s
            if state.decided:
                self._scores[state] += score * observed_s
            weight = observed_s / SAMPLE_S
            self._face = self._limited(self._face + observed_s / FACE_SAMPLE_S * likelihood.face)
            self._violation = self._limited(self._violation + weight * likelihood.violation)
            self._missing = self._limited(self._missing + weight * likelihood.missing)
        return self._decide(likelihood, time_s, interval_s)

    def miss(self, time_s: float, interval_s: float = 0.0) -> MaskState:
        """Add an analysis that does not detect the person, and return the decided state; see `add`."""
        elapsed_s = self._forget_until(time_s)
        self._face = self._limited(self._face + min(elapsed_s, MAX_OBSERVED_S) / FACE_SAMPLE_S * _UNSEEN)
        return self._decide(None, time_s, interval_s)

    @property
    def _face_odds(self) -> float:
        return self._face + (FACE_PRIOR if self._started else 0.0)

    @property
    def _needed(self) -> float:
        rate = self.rules.false_alarm_rate
        return math.log((1 - rate) / rate)

    def _limited(self, evidence: float) -> float:
        most = _MOST * self._needed
        return min(max(evidence, -most), most)

    def _forget_until(self, time_s: float) -> float:
        elapsed_s = 0.0 if self._time_s is None else max(0.0, time_s - self._time_s)
        self._time_s = time_s
        kept = 0.5 ** (elapsed_s / HALF_LIFE_S)
        self._face, self._violation, self._missing = kept * self._face, kept * self._violation, kept * self._missing
        self._observed_s *= kept
        for known in self._scores:
            self._scores[known] *= kept
        return elapsed_s

    def _decide(self, likelihood: Likelihood | None, time_s: float, interval_s: float) -> MaskState:
        decided = self._decided()
        supports = likelihood is not None and (likelihood.violation > 0) is self.state.violating
        if decided is not self.state or supports:
            self._supported_s = time_s
        self.state = decided
        unsupported_s = 0.0 if self._supported_s is None else time_s - self._supported_s
        if self.state.decided and unsupported_s > max(HOLD_S, _HOLD_ANALYSES * interval_s):
            self._forget()
        return self.state

    def _forget(self) -> None:
        self.state = MaskState.UNKNOWN
        self._face = self._violation = self._missing = self._observed_s = 0.0
        self._scores = dict.fromkeys(DECIDED_STATES, 0.0)
        self._started = False

    def _decided(self) -> MaskState:
        """Return the state by the evidence: first whether the mask is worn correctly, then which violation it is."""
        needed, violating = self._needed, self.state.violating
        for odds, is_violation in ((-self._violation, False), (self._violation, True)):
            holds = self.state.decided and is_violation is violating
            if min(odds, self._face_odds) >= (_LAPSE * needed if holds else needed):
                return self._which_violation() if is_violation else MaskState.WITH_MASK
        return MaskState.UNKNOWN

    def _which_violation(self) -> MaskState:
        if self.state.violating and abs(self._missing) < _OTHER_VIOLATION:
            return self.state
        return MaskState.WITHOUT_MASK if self._missing >= 0 else MaskState.INCORRECT


def _probability(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
