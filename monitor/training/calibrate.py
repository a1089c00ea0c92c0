"""Fits what a detector's scores mean: a logistic model of its detections on annotated pictures and clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from monitor.detectors.folder import MANIFEST
from monitor.domain.address import SourceAddress
from monitor.domain.calibration import Calibration, face_terms, logit, size_of
from monitor.domain.detection import DECIDED_STATES, Detection
from monitor.domain.frame import Image
from monitor.domain.geometry import Box
from monitor.domain.ports import Detector
from monitor.replay.clip_truth import ClipTruth, TrueState
from monitor.rules.quality import is_cut_off, sharpness
from monitor.sources.opening import make_recording
from monitor.training.errors import TrainingError

Floats = NDArray[np.float64]

#: The index of "nobody", after those of `DECIDED_STATES`.
NOBODY = len(DECIDED_STATES)

#: A detection is an annotated face from this IoU on, and of nobody up to the second one; what lies between is left out.
_SAME_IOU, _OTHER_IOU = 0.4, 0.2

#: Detections below this score, and faces below this height in px, are not fitted: no track consists of them.
_LEAST_SCORE, _LEAST_PX = 0.2, 20.0

#: The share that each state has in the fit, however often it occurs in the data. A violation is as likely as a mask
#: worn correctly; of the violations one in four is a mask worn incorrectly.
_SHARES = (0.5, 0.38, 0.12)

#: The share of the detections on nobody that are taken for faces which nobody annotated, as blurred people in the
#: background are. Which ones follows from their scores (expectation maximisation).
_UNANNOTATED = 0.15
_ROUNDS = 12

#: The weight of one frame of a clip, whose frames resemble each other, against one picture.
_CLIP_WEIGHT = 0.3

#: Strength of the ridge on the weights of the two models.
_FACE_RIDGE, _STATE_RIDGE = 0.02, 0.003

#: Parts of the cross-validation.
FOLDS = 5


@dataclass(slots=True)
class Samples:
    """Detections: scores (N, 3), heights in px, sharpness, what they are, weights, and the picture or person of each.

    What they are is an index of `DECIDED_STATES`, or `NOBODY`.
    """

    scores: list[tuple[float, float, float]] = field(default_factory=list)
    heights_px: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)

    def add(self, detection: Detection, image: Image, truth: int, weight: float, group: str) -> None:
        """Add a detection in an image (H x W x 3, uint8, BGR), unless it is too faint, too small or cut off."""
        box = detection.box
        if detection.score < _LEAST_SCORE or box.height_px < _LEAST_PX or is_cut_off(image, box):
            return
        self.scores.append(detection.all_scores)
        self.heights_px.append(box.height_px)
        self.sharpness.append(sharpness(image, box))
        self.truth.append(truth)
        self.weights.append(weight)
        self.groups.append(group)

    def counts(self) -> dict[str, int]:
        """Return how many detections are of each state and of nobody."""
        names = [*(state.value for state in DECIDED_STATES), TrueState.NOBODY.value]
        return {name: self.truth.count(index) for index, name in enumerate(names)}


def add_picture(
    samples: Samples, detector: Detector, image: Image, faces: Sequence[tuple[Box, int]], name: str
) -> None:
    """Add the detections of a picture (H x W x 3, uint8, BGR) whose faces are all annotated as (box, state's index)."""
    taken: set[int] = set()
    for detection in detector.detect([image])[0]:
        overlaps = [detection.box.iou(box) for box, _ in faces]
        best = int(np.argmax(overlaps)) if overlaps else -1
        if best < 0 or overlaps[best] <= _OTHER_IOU:
            samples.add(detection, image, NOBODY, 1.0, name)
        elif overlaps[best] >= _SAME_IOU and best not in taken:
            taken.add(best)
            samples.add(detection, image, faces[best][1], 1.0, name)


def add_clip(samples: Samples, detector: Detector, path: Path, truth: ClipTruth) -> None:
    """Add the detections of the annotated people of a clip; nobody else, since not all of them are annotated."""
    source, frame = make_recording(path.stem, SourceAddress(str(path))), 0
    states = {state.value: index for index, state in enumerate(DECIDED_STATES)}
    annotated = {at for person in truth.people for at in person.boxes}
    try:
        source.open()
        while source.grab() is not None:
            if frame in annotated:
                image = source.retrieve().image
                found = detector.detect([image])[0]
                for person in truth.people:
                    span = person.span_at(frame)
                    if frame in person.boxes and span is not None:
                        box = Box(*person.boxes[frame])
                        own = max(found, key=lambda one: one.box.iou(box), default=None)
                        if own is not None and own.box.iou(box) >= _SAME_IOU:
                            index = states.get(person.spans[span][2].value, NOBODY)
                            samples.add(own, image, index, _CLIP_WEIGHT, f"{path.name}/{person.name}")
            frame += 1
    finally:
        source.close()


@dataclass(frozen=True, slots=True)
class _Table:
    """The samples as arrays: the face model's terms (N, 5), logits (N, 3), sizes, truth and weights (N,)."""

    terms: Floats
    logits: Floats
    sizes: Floats
    truth: NDArray[np.int64]
    weights: Floats

    def part(self, chosen: NDArray[np.bool_]) -> _Table:
        return _Table(
            self.terms[chosen], self.logits[chosen], self.sizes[chosen], self.truth[chosen], self.weights[chosen]
        )


def _table(samples: Samples) -> _Table:
    rows = zip(samples.scores, samples.heights_px, samples.sharpness, strict=True)
    return _Table(
        np.array([face_terms(*row) for row in rows], np.float64).reshape(-1, 5),
        np.array([[logit(score) for score in scores] for scores in samples.scores], np.float64).reshape(-1, 3),
        np.array([size_of(height_px) for height_px in samples.heights_px], np.float64),
        np.array(samples.truth, np.int64),
        np.array(samples.weights, np.float64),
    )


def fit(samples: Samples, data: str) -> Calibration:
    """Return the calibration fitted to the samples; raises `TrainingError` if a state or nobody is missing."""
    if missing := [name for name, count in samples.counts().items() if not count]:
        raise TrainingError(
            f"calibration: no detection is of {' or '.join(missing)}; add pictures, with every face annotated"
        )
    return _fit(_table(samples), data)


def _fit(table: _Table, data: str) -> Calibration:
    face, states = _fit_face(table), _fit_states(table)
    own = [(_rounded(states[index]), _rounded(states[index + 3])) for index in range(3)]
    face_weights = tuple(_rounded(value) for value in face)
    return Calibration(face_weights, (own[0], own[1], own[2]), _rounded(states[6]), data)  # type: ignore[arg-type]


def _rounded(value: Any) -> float:
    return round(float(value), 3)


def _balanced(table: _Table) -> Floats:
    """Return the weights with each state at its share of 1, and nobody at 1."""
    weights = table.weights.copy()
    for index, share in enumerate((*_SHARES, 1.0)):
        of_state = table.truth == index
        if of_state.any():
            weights[of_state] *= share / weights[of_state].sum()
    return weights


def _fit_face(table: _Table) -> Floats:
    from scipy.optimize import minimize

    weights, is_face = _balanced(table), (table.truth < NOBODY).astype(np.float64)
    nobody = table.truth == NOBODY
    solved = np.zeros(table.terms.shape[1])

    def loss(solution: Floats) -> float:
        odds = table.terms @ solution
        misfit = is_face * np.logaddexp(0, -odds) + (1 - is_face) * np.logaddexp(0, odds)
        return float((weights * misfit).sum() + _FACE_RIDGE * (solution[1:] ** 2).sum())

    for _ in range(_ROUNDS):
        solved = minimize(loss, solved).x
        odds = _UNANNOTATED * np.exp(np.clip(table.terms[nobody] @ solved, -20, 20))
        is_face[nobody] = odds / (odds + 1 - _UNANNOTATED)
    return np.asarray(solved, np.float64)


def _state_odds(solution: Floats, logits: Floats, sizes: Floats) -> Floats:
    """Return the logarithms of the probabilities (N, 3) of the states."""
    odds = solution[:3] + (solution[3:6] + solution[6] * sizes[:, None]) * logits
    return np.asarray(odds - np.logaddexp.reduce(odds, axis=1, keepdims=True), np.float64)


def _fit_states(table: _Table) -> Floats:
    from scipy.optimize import minimize

    faces = table.part(table.truth < NOBODY)
    weights, rows = _balanced(faces), np.arange(len(faces.truth))

    def loss(solution: Floats) -> float:
        fitted = _state_odds(solution, faces.logits, faces.sizes)[rows, faces.truth]
        ridge = ((solution[3:6] - 1) ** 2).sum() + solution[6] ** 2 + 0.3 * (solution[:3] ** 2).sum()
        return float(-(weights * fitted).sum() + _STATE_RIDGE * ridge)

    start = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    return np.asarray(minimize(loss, start).x, np.float64)


@dataclass(frozen=True, slots=True)
class Check:
    """Mean errors of detections that were not fitted, in nats: 0.69 is a coin's, 0 never in doubt and always right."""

    face: float
    violation: float
    wrong_side: float


def cross_validate(samples: Samples) -> Check:
    """Return the errors with pictures and people in `FOLDS` parts, each judged by a fit to the others."""
    table, names = _table(samples), sorted(set(samples.groups))
    part_of = {name: number % FOLDS for number, name in enumerate(names)}
    parts = np.array([part_of[name] for name in samples.groups])
    face, violation, weights, face_weights = [], [], [], []
    for part in range(FOLDS):
        fitted = _fit(table.part(parts != part), "")
        for index in np.flatnonzero(parts == part):
            said = fitted.likelihood(samples.scores[index], samples.heights_px[index], samples.sharpness[index])
            face.append(_loss(said.face, samples.truth[index] < NOBODY))
            face_weights.append(index)
            if samples.truth[index] < NOBODY:
                violation.append(_loss(said.violation, samples.truth[index] > 0))
                weights.append(index)
    balanced = _balanced(table)
    wrong = np.array(violation) > math.log(2)
    return Check(
        face=float(np.average(face, weights=balanced[face_weights])),
        violation=float(np.average(violation, weights=balanced[weights])),
        wrong_side=float(np.average(wrong, weights=balanced[weights])),
    )


def _loss(odds: float, right: bool) -> float:
    return float(np.logaddexp(0, -odds if right else odds))


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Replace the calibration in a model folder's `model.yaml`; raises `TrainingError`."""
    file = folder / MANIFEST
    try:
        values: dict[str, Any] = yaml.safe_load(file.read_text("utf-8")) if file.is_file() else {"name": folder.name}
        values["calibration"] = {
            "face": list(calibration.face),
            "states": [list(one) for one in calibration.states],
            "state_size": calibration.state_size,
            "data": calibration.data,
        }
        file.write_text(yaml.safe_dump(values, sort_keys=False, width=120), encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{file}: cannot be written: {error.strerror}") from error
