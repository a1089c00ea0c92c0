"""Decodes a TFOD2 model's raw output into detections (pure)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from monitor.detectors.fitting import Placement
from monitor.domain.calibration import BUILT_IN, LEAST_SCORE, Calibration
from monitor.domain.detection import DECIDED_STATES, Detection, MaskState
from monitor.domain.geometry import Box

#: TFOD2 suppresses overlaps within a class only, so one face may come as two states; above this overlap they are one
#: face, and the higher score wins. Faces of two people in a crowd overlap by less.
SAME_FACE_IOU = 0.5


def least_score(thresholds: Mapping[MaskState, float]) -> float:
    """Return the lowest score that is of use: of a face, or of another state of one."""
    return min(LEAST_SCORE, *thresholds.values())


def decode(
    boxes: NDArray[np.float32],
    class_ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    placement: Placement,
    states: Mapping[int, MaskState],
    thresholds: Mapping[MaskState, float],
    calibration: Calibration = BUILT_IN,
) -> list[Detection]:
    """Return one detection per face, best score first, with boxes in pixels of the picture, clipped to it.

    `boxes` (N, 4) float32 as `[ymin, xmin, ymax, xmax]`, each 0..1 of its own side of the input, in which the picture
    lies as `placement` states; `class_ids` (N,) int64, 1-based; `scores` (N,) float32, 0..1. Labels that mean
    `UNKNOWN`, scores under the state's threshold, empty boxes, boxes in the padding and values that are not finite are
    left out, but lower scores of a face's other states are among its `scores`. Raises `KeyError` for a class id that is
    not in `states` and scores enough for a detection.
    """
    floor, lowest = least_score(thresholds), min(thresholds.values())
    boxes, inside = placement.to_picture(boxes)
    usable = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & (scores >= floor) & inside
    height_px, width_px = placement.picture_px
    kept: list[tuple[Box, MaskState, dict[MaskState, float]]] = []
    for index in np.flatnonzero(usable)[np.argsort(-scores[usable], kind="stable")]:
        score = min(float(scores[index]), 1.0)
        if score < lowest and int(class_ids[index]) not in states:
            continue  # a gap in the label map, which is nobody's
        state = states[int(class_ids[index])]
        if state is MaskState.UNKNOWN:
            continue
        ymin, xmin, ymax, xmax = (float(value) for value in boxes[index])
        box = Box.from_normalised(ymin, xmin, ymax, xmax, width_px, height_px)
        if box.width_px < 1 or box.height_px < 1:
            continue
        if same := [face for face in kept if box.iou(face[0]) >= SAME_FACE_IOU]:
            for _, _, others in same:
                others.setdefault(state, score)
        elif score >= thresholds[state]:
            kept.append((box, state, {state: score}))
    return [_detection(box, state, found, calibration) for box, state, found in kept]


def _detection(box: Box, state: MaskState, found: Mapping[MaskState, float], calibration: Calibration) -> Detection:
    with_mask, without_mask, incorrect = (found.get(known, 0.0) for known in DECIDED_STATES)
    return Detection(box, state, found[state], (with_mask, without_mask, incorrect), calibration)
