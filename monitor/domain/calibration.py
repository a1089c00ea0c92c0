"""What the scores of a detector say: fitted to annotated pictures and clips, and shipped with the model (pure)."""

import math
from dataclasses import dataclass

#: Scores are taken as within these limits: below the first they are not put out, and no score is certainty.
LEAST_SCORE, _MOST_SCORE = 0.05, 0.98

#: The face height in px and the sharpness at which their terms are 0, and how many doublings count.
_HEIGHT_PX, _SHARPNESS, _DOUBLINGS = 48.0, 100.0, 2.0

#: One analysis says no more than this: the picture may show what no picture of the measurement did.
_MOST = 4.0


@dataclass(frozen=True, slots=True)
class Likelihood:
    """What one analysis says, as natural logarithms of odds.

    `face`: a face, over something else; `violation`: the mask is missing or worn incorrectly, over worn correctly;
    `missing`: it is missing, over worn incorrectly.
    """

    face: float
    violation: float
    missing: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """The weights of a logistic model of a detector's scores, and the data that they were fitted on.

    `face` has an offset and the weights of the logit of the highest score, of the doublings of the face's height, of
    those of its sharpness, and of the lead of the violations: the logit of the higher one less that of `with_mask`,
    which is what things that resemble a face are taken for. `states` has for each of `DECIDED_STATES` an offset and the
    weight of the logit of its score; `state_size` is what the latter gain with each doubling of the face's height.
    """

    face: tuple[float, float, float, float, float]
    states: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    state_size: float
    data: str

    def likelihood(self, scores: tuple[float, float, float], height_px: float, sharpness: float) -> Likelihood:
        """Return what a detection says: its scores in the order of `DECIDED_STATES`, height in px, and sharpness."""
        terms, size = face_terms(scores, height_px, sharpness), size_of(height_px)
        face = sum(weight * term for weight, term in zip(self.face, terms, strict=True))
        with_mask, missing, incorrect = (
            own + (weight + self.state_size * size) * logit(score)
            for (own, weight), score in zip(self.states, scores, strict=True)
        )
        violation = max(missing, incorrect) + math.log1p(math.exp(-abs(missing - incorrect))) - with_mask
        return Likelihood(_limited(face), _limited(violation), _limited(missing - incorrect))


def face_terms(
    scores: tuple[float, float, float], height_px: float, sharpness: float
) -> tuple[float, float, float, float, float]:
    """Return what the weights in `Calibration.face` are of."""
    lead = logit(max(scores[1:])) - logit(scores[0])
    return 1.0, logit(max(scores)), size_of(height_px), _doublings(sharpness, _SHARPNESS), lead


def size_of(height_px: float) -> float:
    """Return the doublings of a face's height."""
    return _doublings(height_px, _HEIGHT_PX)


def logit(score: float) -> float:
    """Return the logarithm of the odds of a score, which is limited to what a detector can mean."""
    limited = min(max(score, LEAST_SCORE), _MOST_SCORE)
    return math.log(limited / (1 - limited))


def _doublings(value: float, of: float) -> float:
    return min(max(math.log2(max(value, 1e-3) / of), -_DOUBLINGS), _DOUBLINGS)


def _limited(value: float) -> float:
    return min(max(value, -_MOST), _MOST)


#: For models whose `model.yaml` has no calibration: that of the default model, rounded.
BUILT_IN = Calibration(
    face=(-0.4, 1.7, 0.1, 0.4, 0.2),
    states=((-0.9, 0.9), (0.0, 0.9), (1.6, 1.1)),
    state_size=0.0,
    data="built in: that of the default model, rounded",
)
