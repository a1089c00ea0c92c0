"""Evaluates a detector on annotated pictures: COCO figures, and figures at the shipped thresholds."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.ports import Detector
from monitor.training import metrics
from monitor.training.dataset import Annotation
from monitor.training.errors import TrainingError
from monitor.training.metrics import CalibrationBin, ClassHits, Judged
from monitor.training.pictures import decode

#: Face heights in pixels of the original picture, by name: below 16 a mask is hard to see for a person too.
FACE_HEIGHTS_PX: Mapping[str, tuple[float, float]] = {
    "tiny": (0.0, 16.0),
    "small": (16.0, 32.0),
    "medium": (32.0, 96.0),
    "large": (96.0, math.inf),
}

#: Detections below this score do not change the reported AP, and take time to match.
SCORE_FLOOR = 0.01


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that `monitor evaluate` reports; keys of the mappings are state names.

    `map` averages IoU 0.5 to 0.95 over states and `map50` is at IoU 0.5, both by pycocotools; `interval50` the middle
    95 % of `ap50` over pictures drawn with replacement; `ap50_by_height` the recall-weighted AP of faces of any state.
    `confusion` has the actual states as rows and the detected ones as columns, at the thresholds; the last row is "no
    face", the last column "missed".
    """

    pictures: int
    faces: dict[str, int]
    map: float
    map50: float
    ap50: dict[str, float]
    interval50: dict[str, tuple[float, float]]
    map50_interval: tuple[float, float]
    ap50_any_state: float
    ap50_by_height: dict[str, float]
    thresholds: dict[str, float]
    precision: dict[str, float]
    recall: dict[str, float]
    confusion: list[list[int]]
    calibration: list[CalibrationBin]
    calibration_error: float
    judged: list[Judged] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`; an undefined figure is null."""
        names = [name for name in Evaluation.__dataclass_fields__ if name != "judged"]
        values = {name: getattr(self, name) for name in names}
        values["calibration"] = [asdict(one) for one in self.calibration]
        return {key: plain(value) for key, value in values.items()}


def plain(value: Any, digits: int = 5) -> Any:
    """Return the value with floats rounded, and None for an undefined figure."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, digits)
    if isinstance(value, dict):
        return {key: plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and its ground truth: a file's bytes, boxes (G, 4) in upright pixels, and states (G,) as indices.

    Detections in the boxes `ignored` (I, 4) do not count.
    """

    name: str
    encoded: bytes
    boxes: metrics.Floats
    classes: metrics.Ints
    ignored: metrics.Floats = field(default_factory=lambda: np.zeros((0, 4)))


def samples_of(annotations: Sequence[Annotation], states: Mapping[str, MaskState]) -> Iterator[Sample]:
    """Yield annotated pictures as samples, read one at a time; `states` has the state of each label name."""
    for one in annotations:
        yield Sample(
            one.name,
            one.image.read_bytes(),
            _boxes([(box.x1_px, box.y1_px, box.x2_px, box.y2_px) for box in one.boxes]),
            np.array([DECIDED_STATES.index(states[box.label]) for box in one.boxes], np.int64),
            _boxes(one.ignored),
        )


def demand_pycocotools() -> None:
    """Raise `TrainingError` if pycocotools is missing, before any picture is analysed."""
    if importlib.util.find_spec("pycocotools") is None:
        raise TrainingError("evaluation needs pycocotools, which is not installed: run scripts/run --with evaluate")


def judge(detector: Detector, samples: Iterable[Sample], done: Callable[[int], None] = lambda _: None) -> list[Judged]:
    """Run the detector on the pictures; `done` is called with the number of finished ones."""
    judged: list[Judged] = []
    for one in samples:
        found = detector.detect([decode(one.encoded, one.name)])[0]
        found = sorted(found, key=lambda detection: -detection.score)
        boxes = _boxes([(d.box.x1_px, d.box.y1_px, d.box.x2_px, d.box.y2_px) for d in found])
        counted = ~metrics.in_ignored(boxes, one.boxes, one.ignored)
        classes = np.array([DECIDED_STATES.index(d.state) for d in found], np.int64)
        scores = np.array([d.score for d in found], np.float64)
        judged.append(Judged(one.boxes, one.classes, boxes[counted], classes[counted], scores[counted]))
        done(len(judged))
    return judged


def _boxes(rows: Sequence[tuple[float, float, float, float]]) -> metrics.Floats:
    return np.array(rows, np.float64).reshape(-1, 4)


def evaluate(judged: list[Judged], thresholds: Mapping[MaskState, float], rounds: int = 500) -> Evaluation:
    """Return all figures of analysed pictures. `rounds` is how often pictures are drawn for the intervals.

    Raises:
        TrainingError: there is no picture, or no face in any: every figure would be undefined.
    """
    if not any(len(one.true_boxes) for one in judged):
        raise TrainingError(f"nothing to evaluate: {len(judged)} picture(s) without an annotated face")
    names = [state.value for state in DECIDED_STATES]
    least = np.array([thresholds[state] for state in DECIDED_STATES])
    hits = {name: [metrics.class_hits(one, index) for one in judged] for index, name in enumerate(names)}
    overall, by_class = coco_figures(judged)
    shown = [one.at(least) for one in judged]
    pr = {name: metrics.precision_recall(hits[name], float(limit)) for name, limit in zip(names, least, strict=True)}
    bins = metrics.calibration([part for parts in hits.values() for part in parts])
    anyone = [_any_state(one) for one in judged]
    return Evaluation(
        pictures=len(judged),
        faces={name: sum(part.faces for part in hits[name]) for name in names},
        map=overall,
        map50=_mean_or_nan(np.array([value for value in by_class.values() if not math.isnan(value)])),
        ap50=by_class,
        interval50={name: metrics.bootstrap(len(judged), _ap_of(hits[name]), rounds) for name in names},
        map50_interval=metrics.bootstrap(len(judged), _mean_ap_of(list(hits.values())), rounds),
        ap50_any_state=metrics.average_precision([metrics.class_hits(one, 0) for one in anyone]),
        ap50_by_height={name: _ap_of_heights(anyone, *limits) for name, limits in FACE_HEIGHTS_PX.items()},
        thresholds={name: float(limit) for name, limit in zip(names, least, strict=True)},
        precision={name: value[0] for name, value in pr.items()},
        recall={name: value[1] for name, value in pr.items()},
        confusion=metrics.confusion(shown, len(names)).tolist(),
        calibration=bins,
        calibration_error=metrics.calibration_error(bins),
        judged=judged,
    )


def _ap_of(parts: Sequence[ClassHits]) -> Callable[[metrics.Ints], float]:
    return lambda drawn: metrics.average_precision([parts[index] for index in drawn])


def _mean_ap_of(by_class: Sequence[Sequence[ClassHits]]) -> Callable[[metrics.Ints], float]:
    def mean(drawn: metrics.Ints) -> float:
        values = [metrics.average_precision([parts[index] for index in drawn]) for parts in by_class]
        return float(np.mean([value for value in values if not math.isnan(value)] or [math.nan]))

    return mean


def _any_state(one: Judged) -> Judged:
    """Return the same picture with one class for all states."""
    return Judged(one.true_boxes, one.true_classes * 0, one.boxes, one.classes * 0, one.scores)


def _ap_of_heights(judged: Sequence[Judged], low: float, high: float) -> float:
    """Return AP at IoU 0.5 of faces of these heights; detections of other faces or heights do not count."""
    parts: list[ClassHits] = []
    for one in judged:
        found = metrics.match(one.boxes, one.true_boxes)
        true_height = one.true_boxes[:, 3] - one.true_boxes[:, 1]
        in_range = (true_height >= low) & (true_height < high)
        height = one.boxes[:, 3] - one.boxes[:, 1]
        is_face = found >= 0
        counted = np.where(is_face, in_range[found] if len(in_range) else False, (height >= low) & (height < high))
        parts.append(ClassHits(one.scores[counted], is_face[counted], int(in_range.sum())))
    return metrics.average_precision(parts)


def coco_figures(judged: Sequence[Judged]) -> tuple[float, dict[str, float]]:
    """Return pycocotools' mAP (IoU 0.5 to 0.95, states that occur) and AP at IoU 0.5 by state, NaN without a face."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": index} for index in range(len(judged))],
        "categories": [{"id": index + 1, "name": state.value} for index, state in enumerate(DECIDED_STATES)],
        "annotations": _coco_rows(judged, truth=True),
    }
    found = _coco_rows(judged, truth=False)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        if not found:  # pycocotools refuses an empty result
            occur = {int(label) for one in judged for label in one.true_classes}
            zeros = {state.value: 0.0 if index in occur else math.nan for index, state in enumerate(DECIDED_STATES)}
            return (0.0 if occur else math.nan), zeros
        run = COCOeval(truth, truth.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, 2]  # (IoU, recall, class), all areas, at most 100 detections
    by_class = [_mean_or_nan(precision[0, :, index]) for index in range(len(DECIDED_STATES))]
    return _mean_or_nan(precision), {state.value: value for state, value in zip(DECIDED_STATES, by_class, strict=True)}


def _mean_or_nan(values: Any) -> float:
    known = values[values > -1]
    return float(known.mean()) if known.size else float("nan")


def _coco_rows(judged: Sequence[Judged], truth: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for index, one in enumerate(judged):
        boxes, classes = (one.true_boxes, one.true_classes) if truth else (one.boxes, one.classes)
        for at, ((x1, y1, x2, y2), label) in enumerate(zip(boxes, classes, strict=True)):
            row: dict[str, Any] = {
                "image_id": index,
                "category_id": int(label) + 1,
                "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
                "area": float((x2 - x1) * (y2 - y1)),
            }
            row |= {"id": len(rows) + 1, "iscrowd": 0} if truth else {"score": float(one.scores[at])}
            rows.append(row)
    return rows
