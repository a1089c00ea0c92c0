"""Whether two exports of one network find the same faces."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.config.detector import Precision
from monitor.domain.detection import Detection

#: A face that scores this much has to be found by both; one that is near a threshold may be lost to rounding.
SURE_SCORE = 0.4


@dataclass(frozen=True, slots=True)
class _Tolerance:
    iou: float
    score: float


#: On the sample, float exports of this project differ from their SavedModel by less than 0.001 in score, int8 ones by
#: up to 0.036 and IoU 0.87; a network that is scaled as ImageNet instead of to -1..1 by up to 0.15.
_TOLERANCES = {Precision.FLOAT: _Tolerance(0.9, 0.02), Precision.INT8: _Tolerance(0.7, 0.1)}


def disagreement(first: Sequence[Detection], second: Sequence[Detection], precision: Precision) -> str | None:
    """Return how two exports differ in one picture, or None if they agree.

    Both are to be found down to a score well under `SURE_SCORE`; `precision` is that of the less precise export.
    """
    tolerance = _TOLERANCES[precision]
    for one, other in ((first, second), (second, first)):
        for face in (face for face in one if face.score >= SURE_SCORE):
            best = max(other, key=lambda found: found.box.iou(face.box), default=None)
            if best is None or best.box.iou(face.box) < tolerance.iou:
                return f"one finds a face that scores {face.score:.2f}, the other does not"
            if best.state is not face.state:
                return f"one face is {face.state.value} for one and {best.state.value} for the other"
            if abs(best.score - face.score) > tolerance.score:
                return f"one face scores {face.score:.2f} for one and {best.score:.2f} for the other"
    return None
