"""Masks drawn on bare faces by their landmarks: worn correctly, below the nose, or on the chin.

Templates are pictures of masks with transparency. They are recoloured and patterned, since masks have every colour.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from monitor.training.errors import TrainingError

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: The landmarks of a face, float32 (9, 2), pixels `x, y` of the upright picture, in this order, by their index in
#: MediaPipe's face mesh (Kartynnik et al., 2019); left and right as seen in the picture.
LANDMARKS = {
    "bridge": 6,
    "tip": 4,
    "base": 2,
    "lip": 17,
    "chin": 152,
    "left jaw": 132,
    "right jaw": 361,
    "left ear": 234,
    "right ear": 454,
}
_BRIDGE, _TIP, _BASE, _LIP, _CHIN, _LEFT, _RIGHT = range(7)

#: Straps are thinner than this share of a template's width.
_STRAP = 0.05


class Template:
    """A mask: BGR (H, W, 3) and opacity (H, W), cut to the mask without its straps, and where it looks."""

    def __init__(self, name: str, image: Pixels, opacity: Pixels) -> None:
        self.turned = "left" if name.endswith("_left") else "right" if name.endswith("_right") else ""
        size = max(int(_STRAP * image.shape[1]), 3)
        body = cv2.morphologyEx(opacity, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
        rows, columns = np.flatnonzero(body.max(axis=1) > 127), np.flatnonzero(body.max(axis=0) > 127)
        inside = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        self.image = np.ascontiguousarray(image[inside])
        self.opacity = np.ascontiguousarray(np.asarray(body, np.uint8)[inside])


def read_template(path: Path) -> Template:
    """Read a picture with transparency; raises `TrainingError` if it is none."""
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if read is None or read.ndim != 3 or read.shape[2] != 4 or read[..., 3].max() < 128:
        raise TrainingError(f"{path}: is not a picture with transparency")
    return Template(path.stem, np.asarray(read[..., :3], np.uint8), np.asarray(read[..., 3], np.uint8))


def masked(
    rng: np.random.Generator, picture: Pixels, landmarks: Floats, template: Template, below_nose: bool
) -> Pixels:
    """Return the picture (BGR, H x W x 3) with the mask on the face with these landmarks.

    With `below_nose` it begins between the base of the nose and the lower lip, or, in one of three cases, under it.
    """
    points = landmarks.astype(np.float64)
    down = points[_CHIN] - points[_BRIDGE]
    left, right, top, bottom = points[_LEFT], points[_RIGHT], points[_BRIDGE], points[_CHIN]
    top = top + (points[_TIP] - points[_BRIDGE]) * rng.uniform(-0.1, 0.5)
    bottom = bottom + down * rng.uniform(0.0, 0.08)
    if below_nose:
        if rng.random() < 1 / 3:  # on the chin
            top = points[_LIP] + (points[_CHIN] - points[_LIP]) * rng.uniform(0.0, 0.5)
            bottom = points[_CHIN] + down * rng.uniform(0.15, 0.35)
        else:
            top = points[_BASE] + (points[_LIP] - points[_BASE]) * rng.uniform(0.05, 0.8)
            bottom = bottom + down * rng.uniform(0.0, 0.12)
        moved = (top - points[_TIP]) * 0.5
        left, right = left + moved, right + moved
    image, opacity = _varied(rng, template.image), template.opacity
    turned = _turned(points)
    if template.turned and template.turned != turned:
        image, opacity = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(opacity[:, ::-1])
    rows, columns = opacity.shape
    low = np.clip(np.min([left, right, top, bottom], axis=0) - 2, 0, None).astype(int)
    high = np.max([left, right, top, bottom], axis=0).astype(int) + 3
    under = picture[low[1] : high[1], low[0] : high[0]]
    corners = np.array([[0, rows * 0.35], [columns, rows * 0.35], [columns / 2, 0], [columns / 2, rows]], np.float32)
    moved_to = np.array([left, right, top, bottom], np.float32) - low.astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved_to)
    size = (under.shape[1], under.shape[0])
    shrinks = float(np.linalg.norm(right - left)) < 0.5 * columns
    if shrinks:  # smoothed first, since warping takes single pixels
        sigma = 0.3 * columns / max(float(np.linalg.norm(right - left)), 1.0)
        image, opacity = (np.asarray(cv2.GaussianBlur(one, (0, 0), sigma), np.uint8) for one in (image, opacity))
    on = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR)
    share = np.asarray(cv2.warpPerspective(opacity, matrix, size, flags=cv2.INTER_LINEAR), np.float32) / 255.0
    light = _light(picture, points) * float(np.exp(rng.normal(0.0, 0.15)))
    lit = np.clip(on.astype(np.float32) * light, 0, 255)
    made = picture.copy()
    made[low[1] : high[1], low[0] : high[0]] = under * (1.0 - share[..., None]) + lit * share[..., None]
    return made


def is_frontal(landmarks: Floats) -> bool:
    """Return whether a face with these landmarks is seen enough from the front for a mask to be drawn on it."""
    across = float(np.linalg.norm(landmarks[_RIGHT] - landmarks[_LEFT]))
    down = float(np.linalg.norm(landmarks[_CHIN] - landmarks[_BRIDGE]))
    nose = float(landmarks[_TIP, 0] - landmarks[_LEFT, 0]) / max(
        float(landmarks[_RIGHT, 0] - landmarks[_LEFT, 0]), 1e-6
    )
    return down > 4 and across > 0.6 * down and 0.12 < nose < 0.88


def _turned(points: NDArray[np.float64]) -> str:
    """Return the side of the picture that the face looks to."""
    nose = points[_TIP, 0]
    return "left" if nose - points[_LEFT, 0] < points[_RIGHT, 0] - nose else "right"


def _light(picture: Pixels, points: NDArray[np.float64]) -> float:
    """Return how bright the face is, against one in full light."""
    low = np.maximum(points.min(axis=0).astype(int), 0)
    high = np.maximum(points.max(axis=0).astype(int), low + 1)
    face = picture[low[1] : high[1], low[0] : high[0]]
    return float(np.clip(np.percentile(face, 75) / 190.0, 0.25, 1.1)) if face.size else 1.0


def _varied(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Return the mask as it is, in another colour, or with stripes, dots or checks."""
    kind = rng.random()
    if kind < 0.4:
        return image
    shade = image.astype(np.float32).mean(axis=2, keepdims=True)
    shade = shade / max(float(np.percentile(shade, 90)), 1.0)
    colour = rng.uniform(10, 245, 3)
    if kind < 0.75:
        return np.asarray(np.clip(shade * colour, 0, 255), np.uint8)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]] / image.shape[1] * rng.uniform(20, 90)
    waves = [np.sin(columns), np.sin(rows), np.sin(columns) * np.sin(rows), np.sin(columns + rows)]
    pattern = (waves[int(rng.integers(4))] > rng.uniform(-0.3, 0.5))[..., None]
    return np.asarray(np.clip(shade * np.where(pattern, colour, rng.uniform(10, 245, 3)), 0, 255), np.uint8)
