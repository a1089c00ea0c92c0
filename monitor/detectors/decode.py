"""Decodes a TFOD2 model's raw output into detections (pure)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from monitor.detectors.fitting import Placement
from monitor.domain.detection import Detection, MaskState
from monitor.domain.geometry import Box

#: TFOD2 suppresses overlaps within a class only, so one face may come as two states; above this overlap they are one
#: face, and the higher score wins. Faces of two people in a crowd overlap by less.
SAME_FACE_IOU = 0.5


def decode(
    boxes: NDArray[np.float32],
    class_ids: NDArray[np.int64],
    scores: NDArray[np.float32],
    placement: Placement,
    states: Mapping[int, MaskState],
    thresholds: Mapping[MaskState, float],
) -> list[Detection]:
    """Return one detection per face, best score first, with boxes in pixels of the picture, clipped to it.

    `boxes` (N, 4) float32 as `[ymin, xmin, ymax, xmax]`, each 0..1 of its own side of the input, in which the picture
    lies as `placement` states; `class_ids` (N,) int64, 1-based; `scores` (N,) float32, 0..1. Labels that mean
    `UNKNOWN`, scores under the state's threshold, empty boxes, boxes in the padding and values that are not finite are
    left out; raises `KeyError` for a class id that is not in `states`.
    """
    floor = min(thresholds.values())
    boxes, inside = placement.to_picture(boxes)
    usable = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & (scores >= floor) & inside
    height_px, width_px = placement.picture_px
    kept: list[Detection] = []
    for index in np.flatnonzero(usable)[np.argsort(-scores[usable], kind="stable")]:
        score = float(scores[index])
        state = states[int(class_ids[index])]
        if state is MaskState.UNKNOWN or score < thresholds[state]:
            continue
        ymin, xmin, ymax, xmax = (float(value) for value in boxes[index])
        box = Box.from_normalised(ymin, xmin, ymax, xmax, width_px, height_px)
        if box.width_px >= 1 and box.height_px >= 1 and all(box.iou(other.box) < SAME_FACE_IOU for other in kept):
            kept.append(Detection(box, state, min(score, 1.0)))
    return kept
