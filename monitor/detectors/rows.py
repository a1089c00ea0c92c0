"""Checks of a model's raw output: a model that computes nonsense is a fault, never a picture without faces."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.domain.errors import ModelError

#: Boxes reach a little out of the picture; a coordinate beyond this is no fraction of it but pixels.
_FARTHEST = 4.0

#: Sigmoids of half precision may exceed 1 slightly.
_SCORE_SLACK = 1e-3


@dataclass(frozen=True, slots=True)
class Rows:
    """`boxes` (N, 4), normalised; `class_ids` (N,), int64, as the model counts them; `scores` (N,), 0..1."""

    boxes: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]


def checked_rows(file: Path, boxes: Any, classes: Any, scores: Any, count: Any, floor: float) -> Rows:
    """Return the first `count` rows of one picture's output; raises `ModelError` for values that no detector gives.

    `boxes` (M, 4), `classes` (M,), `scores` (M,) and `count` are arrays of floats. Scores have to be 0..1 and classes
    whole numbers; the boxes of scores from `floor` on have to be finite fractions of the picture.
    """
    if boxes.shape != (len(scores), 4) or classes.shape != scores.shape or scores.ndim != 1:
        shapes = ", ".join(str(part.shape) for part in (boxes, classes, scores))
        raise ModelError(f"{file}: outputs boxes, classes and scores of shapes {shapes}, which do not belong together")
    if np.size(count) != 1 or not 0 <= count <= len(scores) or count != int(count):
        raise ModelError(f"{file}: outputs {count} as its number of detections, of at most {len(scores)}")
    rows = slice(int(count))
    boxes, classes, scores = boxes[rows], classes[rows], scores[rows]
    if not ((scores >= -_SCORE_SLACK) & (scores <= 1 + _SCORE_SLACK)).all():
        raise ModelError(f"{file}: outputs scores that are not between 0 and 1; check its preprocessing and export")
    if not (np.isfinite(classes) & (classes == np.round(classes))).all():
        raise ModelError(f"{file}: outputs classes that are not whole numbers; it is not a TFOD2 detector")
    if not (np.abs(boxes[scores >= floor]) <= _FARTHEST).all():
        raise ModelError(f"{file}: outputs boxes that are not fractions of the picture; it is not a TFOD2 export")
    return Rows(boxes, classes.astype(np.int64), scores)
