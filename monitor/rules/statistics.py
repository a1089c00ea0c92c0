"""The compliance of people, with denominator and confidence interval (pure)."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.domain.visit import Outcome, Visit

#: The 97.5 % point of the normal distribution: two-sided 95 %.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Compliance:
    """How many people complied.

    `rate` is complied / decided (0..1), `low` and `high` its 95 % Wilson interval; all three are None if no visit has a
    verdict. Unknown visits are not part of the rate; `unknown_share` (0..1) is their share of all visits.
    """

    visits: int
    decided: int
    complied: int
    rate: float | None
    low: float | None
    high: float | None
    unknown_share: float
    outcomes: dict[Outcome, int]


def compliance(visits: Iterable[Visit]) -> Compliance:
    """Return the compliance over visits: it counts people, not frames."""
    return compliance_of(Counter(visit.outcome for visit in visits))


def compliance_of(outcomes: Mapping[Outcome, int]) -> Compliance:
    """Return the compliance from the number of visits by outcome."""
    counted = Counter(outcomes)
    total = counted.total()
    decided = total - counted[Outcome.UNKNOWN]
    complied = sum(count for outcome, count in counted.items() if outcome.complied)
    low, high = wilson(complied, decided) if decided else (None, None)
    return Compliance(
        visits=total,
        decided=decided,
        complied=complied,
        rate=complied / decided if decided else None,
        low=low,
        high=high,
        unknown_share=counted[Outcome.UNKNOWN] / total if total else 0.0,
        outcomes={outcome: counted[outcome] for outcome in Outcome},
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the Wilson score interval at 95 % (E. B. Wilson, JASA 22, 1927); `trials` must be above 0."""
    share = successes / trials
    centre = share + _Z**2 / (2 * trials)
    spread = _Z * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    scale = 1 + _Z**2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
