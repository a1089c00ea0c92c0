"""How far one observation of a face can be trusted (pure)."""

import cv2
import numpy as np

from monitor.config.rules import RulesSettings
from monitor.domain.frame import Image
from monitor.domain.geometry import Box

#: Every face is judged at this size, so that an enlarged picture is not called blurred and a large face not sharp.
_SIDE_PX = 32

#: Variance of the Laplacian (Pech-Pacheco et al., 2000) of the 32 x 32 px face below which nothing can be told, and
#: above which it is as sharp as needed; `docs/judging.md` has the measurement.
_BLURRED, _SHARP = 20.0, 200.0

#: A face at the edge of the picture is cut off, and may hide a mask below its nose. The box of such a face often ends a
#: little before the edge, hence a share of its height.
_EDGE = 0.05
_EDGE_PX = 2.0

#: A face that takes this share of the picture's height is too near: its mask may hang below what is seen of it.
_TOO_NEAR = 0.7


def face_quality(image: Image, box: Box, rules: RulesSettings) -> float:
    """Return the weight 0..1 of an observation of the face in `box`: 0 where too small, cut off or too blurred."""
    size = ramp(box.height_px, rules.min_face_px / 2, rules.good_face_px) if box.height_px >= rules.min_face_px else 0.0
    if size == 0 or is_cut_off(image, box):
        return 0.0
    return size * ramp(sharpness(image, box), _BLURRED, _SHARP)


def is_cut_off(image: Image, box: Box) -> bool:
    """Return whether the face in `box` reaches the edge of the picture, as far as a detector's box can tell."""
    height, width = image.shape[:2]
    margin = max(_EDGE_PX, _EDGE * box.height_px)
    return float(min(box.x1_px, box.y1_px, width - box.x2_px, height - box.y2_px)) < margin


def is_too_near(image: Image, box: Box) -> bool:
    """Return whether the person should step back: the face is cut off, or fills most of the picture's height."""
    return is_cut_off(image, box) or box.height_px > _TOO_NEAR * image.shape[0]


def sharpness(image: Image, box: Box) -> float:
    """Return the variance of the Laplacian of the face in `box`, grey, at 32 x 32 px."""
    x1, y1, x2, y2 = box.clipped(image.shape[1], image.shape[0]).as_ints()
    face = image[y1:y2, x1:x2]
    if face.size == 0:
        return 0.0
    # Grey first: the same but for rounding, and a third of the work.
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return float(np.var(cv2.Laplacian(grey, cv2.CV_32F)))


def ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to `low`, 1 from `high`, and the straight line between."""
    if high <= low:
        return float(value >= high)
    return min(max((value - low) / (high - low), 0.0), 1.0)
