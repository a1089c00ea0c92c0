"""Detection metrics that pycocotools lacks (pure): counts at a threshold, confusion, calibration, intervals.

Boxes are float64 (N, 4), pixels `x1, y1, x2, y2`; classes are 0-based indices into `DECIDED_STATES`. A detection
matches a face if their IoU is at least 0.5; higher scores are matched first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MATCH_IOU = 0.5

#: Points of recall at which COCO samples precision.
_RECALL_POINTS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture: true boxes (G, 4) and classes (G,); found boxes (D, 4), classes (D,), scores (D,), best first."""

    true_boxes: Floats
    true_classes: Ints
    boxes: Floats
    classes: Ints
    scores: Floats

    def at(self, thresholds: Floats) -> Judged:
        """Return the picture with only the detections that reach the threshold of their class."""
        keep = self.scores >= thresholds[self.classes]
        return Judged(self.true_boxes, self.true_classes, self.boxes[keep], self.classes[keep], self.scores[keep])


@dataclass(frozen=True, slots=True)
class ClassHits:
    """One class in one picture: scores (D,) best first, whether each hit a face of that class (D,), and its faces."""

    scores: Floats
    hits: NDArray[np.bool_]
    faces: int


def iou_matrix(one: Floats, other: Floats) -> Floats:
    """Return the IoU (N, M) of boxes (N, 4) and boxes (M, 4)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def match(boxes: Floats, true_boxes: Floats) -> Ints:
    """Return (D,) the index of the true box of each detection (best first), or -1; each true box is used once."""
    overlaps = iou_matrix(boxes, true_boxes)
    taken = np.zeros(len(true_boxes), bool)
    found = np.full(len(boxes), -1, np.int64)
    for index, row in enumerate(overlaps):
        free = np.where(taken, -1.0, row)
        if free.size and free.max() >= MATCH_IOU:
            found[index] = int(free.argmax())
            taken[found[index]] = True
    return found


def in_ignored(boxes: Floats, true_boxes: Floats, ignored: Floats) -> NDArray[np.bool_]:
    """Return (D,) which boxes lie on what is ignored: they overlap it enough to match, and more than any true box."""
    if not len(ignored):
        return np.zeros(len(boxes), bool)
    apart = iou_matrix(boxes, ignored).max(axis=1)
    faces = iou_matrix(boxes, true_boxes).max(axis=1) if len(true_boxes) else np.zeros(len(boxes))
    return np.asarray((apart >= MATCH_IOU) & (apart > faces))


def class_hits(picture: Judged, label: int) -> ClassHits:
    """Return the detections of one class, matched with the faces of that class only, as COCO does."""
    mine, true = picture.classes == label, picture.true_classes == label
    found = match(picture.boxes[mine], picture.true_boxes[true])
    return ClassHits(picture.scores[mine], found >= 0, int(true.sum()))


def average_precision(parts: Sequence[ClassHits]) -> float:
    """Return AP at IoU 0.5 over pictures, sampled as COCO does; NaN if there is no face of the class."""
    faces = sum(part.faces for part in parts)
    if not faces:
        return float("nan")
    scores = np.concatenate([part.scores for part in parts])
    hits = np.concatenate([part.hits for part in parts])[np.argsort(-scores, kind="mergesort")]
    true = np.cumsum(hits)
    recall = true / faces
    precision = true / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALL_POINTS, side="left")
    return (
        float(np.where(at < len(precision), precision[np.minimum(at, max(len(precision) - 1, 0))], 0.0).mean())
        if len(precision)
        else 0.0
    )


def bootstrap(
    pictures: int, statistic: Callable[[Ints], float], rounds: int = 500, seed: int = 0
) -> tuple[float, float]:
    """Return the middle 95 % of a statistic over pictures drawn with replacement, called with the indices (N,)."""
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(0, pictures, pictures)) for _ in range(rounds)]
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def precision_recall(parts: Sequence[ClassHits], threshold: float) -> tuple[float, float]:
    """Return precision and recall of one class at a score threshold; NaN if the denominator is 0."""
    kept = [part.hits[part.scores >= threshold] for part in parts]
    found, true = sum(len(hits) for hits in kept), sum(int(hits.sum()) for hits in kept)
    faces = sum(part.faces for part in parts)
    return (true / found if found else float("nan")), (true / faces if faces else float("nan"))


def threshold_for_precision(parts: Sequence[ClassHits], precision: float) -> float | None:
    """Return the lowest score threshold, in steps of 0.001, with at least this precision, or None."""
    thresholds, true, found = _by_threshold(parts)
    reached = np.flatnonzero(true >= precision * found)
    return float(thresholds[reached[-1]]) if len(reached) else None


def best_f1_threshold(parts: Sequence[ClassHits]) -> float:
    """Return the score threshold, in steps of 0.001, with the best F1; 0.5 without a hit."""
    thresholds, true, found = _by_threshold(parts)
    if not len(true) or not true[-1]:
        return 0.5
    f1 = 2 * true / (found + sum(part.faces for part in parts))
    return float(thresholds[int(f1.argmax())])


def _by_threshold(parts: Sequence[ClassHits]) -> tuple[Floats, Ints, Ints]:
    """Return the distinct thresholds, descending, with the numbers of correct and of all detections at each.

    Scores are rounded down to the steps in which thresholds are written, so that a threshold has the same effect in use
    as when it was chosen.
    """
    scores = np.floor(np.concatenate([part.scores for part in parts]) * 1000) / 1000
    order = np.argsort(-scores, kind="mergesort")
    scores, hits = scores[order], np.concatenate([part.hits for part in parts])[order]
    last = np.flatnonzero(np.append(np.diff(scores) < 0, True)) if len(scores) else np.zeros(0, np.int64)
    return scores[last], np.cumsum(hits)[last], last + 1


def confusion(pictures: Sequence[Judged], classes: int) -> Ints:
    """Return (classes + 1, classes + 1) counts: rows actual, columns detected; last row no face, last column missed."""
    table = np.zeros((classes + 1, classes + 1), np.int64)
    for picture in pictures:
        found = match(picture.boxes, picture.true_boxes)
        for detected, face in zip(picture.classes, found, strict=True):
            table[picture.true_classes[face] if face >= 0 else classes, detected] += 1
        for face in set(range(len(picture.true_classes))) - set(found.tolist()):
            table[picture.true_classes[face], classes] += 1
    return table


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Detections whose score lies in `low`..`high`: how many, their mean score, and the share of correct ones."""

    low: float
    high: float
    count: int
    mean_score: float
    right: float


def calibration(parts: Sequence[ClassHits], bins: int = 10) -> list[CalibrationBin]:
    """Return how often detections are correct, in equal bins of their score; empty bins are omitted."""
    scores = np.concatenate([part.scores for part in parts]) if parts else np.zeros(0)
    hits = np.concatenate([part.hits for part in parts]) if parts else np.zeros(0, bool)
    place = np.minimum((scores * bins).astype(int), bins - 1)
    return [
        CalibrationBin(
            index / bins,
            (index + 1) / bins,
            int((place == index).sum()),
            float(scores[place == index].mean()),
            float(hits[place == index].mean()),
        )
        for index in range(bins)
        if (place == index).any()
    ]


def calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Expected calibration error: the mean gap between score and share of correct detections, weighted."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.mean_score - one.right) for one in bins) / total if total else float("nan")
