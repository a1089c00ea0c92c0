"""Faces that nobody annotated, and the landmarks of bare ones, found by other networks than the one trained.

Blurred people in the background, taken for background by the loss, teach a detector to overlook bare faces. A face
detector that knows nothing of masks finds them; they are written as `difficult` objects of Pascal VOC, which neither
training nor evaluation counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.training.errors import TrainingError
from monitor.training.masks import LANDMARKS

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Side of the network's square input in pixels.
_SIDE = 416

#: Faces closer than this IoU are one, and a face that has this share of its area in an annotated one is that one.
_SAME_IOU, _SAME_SHARE = 0.35, 0.5

#: Bare faces of this height get landmarks.
_LEAST_LANDMARKS_PX = 28

LANDMARKS_FILE = "landmarks.json"


class FaceFinder:
    """An OpenVINO face detector with the outputs of Intel's `face-detection-0205`."""

    def __init__(self, model: Path) -> None:
        """Load it; raises `TrainingError`."""
        try:
            import openvino
        except ImportError as error:
            raise TrainingError("OpenVINO is not installed: scripts/train installs it") from error
        try:
            self._run = openvino.Core().compile_model(str(model), "CPU")
        except RuntimeError as error:
            raise TrainingError(f"{model}: OpenVINO cannot load it: {error}") from error

    def find(self, image: Pixels) -> Floats:
        """Return the faces of a picture (BGR, H x W x 3): (N, 5) `x1, y1, x2, y2` in pixels and score, best first.

        The whole picture and overlapping quarters of it are searched, since small faces vanish in a reduced one.
        """
        rows, columns = image.shape[:2]
        found = [self._find(image, 0, 0, columns, rows)]
        if max(rows, columns) > _SIDE:
            wide, high = round(columns * 0.6), round(rows * 0.6)
            for left in (0, columns - wide):
                for top in (0, rows - high):
                    found.append(self._find(image, left, top, wide, high))
        boxes = np.concatenate(found)
        return boxes[_distinct(boxes)]

    def _find(self, image: Pixels, left: int, top: int, wide: int, high: int) -> Floats:
        scale = _SIDE / max(wide, high)
        part = cv2.resize(image[top : top + high, left : left + wide], None, fx=scale, fy=scale)
        square = np.zeros((_SIDE, _SIDE, 3), np.float32)
        square[: part.shape[0], : part.shape[1]] = part[:_SIDE, :_SIDE]
        rows = np.asarray(self._run([square.transpose(2, 0, 1)[None]])["boxes"], np.float32)
        rows = rows[rows[:, 4] > 0.1]
        rows[:, :4] = rows[:, :4] / scale + np.array([left, top, left, top], np.float32)
        cut = (rows[:, 0] <= left + 1) & (left > 0) | (rows[:, 1] <= top + 1) & (top > 0)
        cut |= (rows[:, 2] >= left + wide - 1) & (left + wide < image.shape[1])
        cut |= (rows[:, 3] >= top + high - 1) & (top + high < image.shape[0])
        return rows[~cut]


def unannotated(found: Floats, annotated: Floats, least_score: float) -> Floats:
    """Return (N, 4) the faces of at least this score that are none of the annotated ones (M, 4)."""
    kept = [row[:4] for row in found if row[4] >= least_score and not _is_one_of(row[:4], annotated)]
    return np.array(kept, np.float32).reshape(-1, 4)


class LandmarkFinder:
    """MediaPipe's face mesh on single faces."""

    def __init__(self) -> None:
        """Load it; raises `TrainingError`."""
        try:
            from mediapipe.python.solutions.face_mesh import FaceMesh
        except ImportError as error:
            raise TrainingError("MediaPipe is not installed: scripts/train installs it") from error
        self._mesh: Any = FaceMesh(static_image_mode=True, max_num_faces=1, min_detection_confidence=0.4)

    def find(self, image: Pixels, face: Floats) -> Floats | None:
        """Return the landmarks (9, 2) of the face in a box, in pixels of the picture; None if it is not recognised."""
        x1, y1, x2, y2 = (float(side) for side in face)
        if y2 - y1 < _LEAST_LANDMARKS_PX:
            return None
        margin = 0.4 * max(x2 - x1, y2 - y1)
        left, top = max(int(x1 - margin), 0), max(int(y1 - margin), 0)
        part = image[top : int(y2 + margin), left : int(x2 + margin)]
        scale = max(256 / max(part.shape[:2]), 1.0)
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale), np.uint8)
        result = self._mesh.process(np.ascontiguousarray(part[..., ::-1]))
        if not result.multi_face_landmarks:
            return None
        points = result.multi_face_landmarks[0].landmark
        size = np.array([part.shape[1], part.shape[0]], np.float32)
        chosen = np.array([(points[index].x, points[index].y) for index in LANDMARKS.values()], np.float32) * size
        placed = chosen / scale + np.array([left, top], np.float32)
        inside = (placed > np.array([x1, y1]) - margin) & (placed < np.array([x2, y2]) + margin)
        return placed if inside.all() and placed[4, 1] > placed[0, 1] else None

    def close(self) -> None:
        """Release the network."""
        self._mesh.close()


def read_landmarks(folder: Path) -> dict[str, dict[int, Floats]]:
    """Return the landmarks of faces by picture (its file name) and index; raises `TrainingError`."""
    path = folder / LANDMARKS_FILE
    if not path.is_file():
        return {}
    try:
        written = json.loads(path.read_text("utf-8"))
        return {
            name: {
                int(index): np.array(points, np.float32).reshape(len(LANDMARKS), 2) for index, points in faces.items()
            }
            for name, faces in written.items()
        }
    except (OSError, ValueError, AttributeError) as error:
        raise TrainingError(f"{path}: cannot be read: {error}") from error


def _is_one_of(box: Floats, others: Floats) -> bool:
    for other in others:
        shared = _shared(box, other)
        if shared >= _SAME_SHARE * min(_area(box), _area(other)):
            return True
    return False


def _distinct(boxes: Floats) -> list[int]:
    """Return the indices of the best of each group of overlapping boxes, best first."""
    kept: list[int] = []
    for index in np.argsort(-boxes[:, 4], kind="mergesort"):
        box = boxes[index]
        same = False
        for other in kept:
            shared = _shared(box, boxes[other])
            union = _area(box) + _area(boxes[other]) - shared
            same = same or shared >= _SAME_IOU * union or shared >= 0.8 * min(_area(box), _area(boxes[other]))
        if not same:
            kept.append(int(index))
    return kept


def _shared(one: Floats, other: Floats) -> float:
    wide, high = np.minimum(one[2:4], other[2:4]) - np.maximum(one[:2], other[:2])
    return float(max(wide, 0.0) * max(high, 0.0))


def _area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
