"""How well one observation shows a face: size, position and sharpness (pure)."""

import cv2
import numpy as np

from monitor.config.rules import RulesSettings
from monitor.domain.frame import Image
from monitor.domain.geometry import Box

#: Sharpness is measured at this size, so that it does not depend on the size of the face.
_SIDE_PX = 32

#: From this height in px a face is as clear as it gets.
GOOD_FACE_PX = 60.0

#: Variance of the Laplacian (Pech-Pacheco et al., 2000) of the 32 x 32 px face up to which it is a smear, and from
#: which it is as clear as it gets; `docs/judging.md` has the measurement.
_BLURRED, _SHARP = 20.0, 200.0

#: A face this close to the edge of the picture, as a share of its height or in pixels, is cut off: a mask below its
#: nose may be out of view. It is a share because the box of such a face often ends a little before the edge.
_EDGE = 0.05
_EDGE_PX = 2.0

#: A face with this share of the picture's height is too near: a mask may be below the visible part.
_TOO_NEAR = 0.7


def is_usable(image: Image, box: Box, sharp: float, rules: RulesSettings) -> bool:
    """Return whether a face of this sharpness can be judged: it is large enough, whole, and not a smear."""
    large_enough = box.height_px >= rules.min_face_px
    return bool(large_enough and sharp > _BLURRED and not is_cut_off(image, box))


def face_weight(image: Image, box: Box, sharp: float, rules: RulesSettings) -> float:
    """Return how clearly a face of this sharpness is to be seen (0..1); 0 if it cannot be judged."""
    if not is_usable(image, box, sharp, rules):
        return 0.0
    return ramp(box.height_px, rules.min_face_px / 2, GOOD_FACE_PX) * ramp(sharp, _BLURRED, _SHARP)


def is_cut_off(image: Image, box: Box) -> bool:
    """Return whether the face in `box` reaches the edge of the picture, as far as a detector's box can tell."""
    height, width = image.shape[:2]
    margin = max(_EDGE_PX, _EDGE * box.height_px)
    return float(min(box.x1_px, box.y1_px, width - box.x2_px, height - box.y2_px)) < margin


def is_too_near(image: Image, box: Box) -> bool:
    """Return whether the person should step back: the face is cut off, or fills most of the picture's height."""
    return is_cut_off(image, box) or box.height_px > _TOO_NEAR * image.shape[0]


def sharpness(image: Image, box: Box) -> float:
    """Return the variance of the Laplacian of the grey face in `box`, at 32 x 32 px; `image` is H x W x 3, BGR."""
    x1, y1, x2, y2 = box.clipped(image.shape[1], image.shape[0]).as_ints()
    face = image[y1:y2, x1:x2]
    if face.size == 0:
        return 0.0
    # Grey first: the same result except for rounding, in a third of the time.
    grey = cv2.resize(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return float(np.var(cv2.Laplacian(grey, cv2.CV_32F)))


def ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to `low`, 1 from `high`, and a linear value in between."""
    if high <= low:
        return float(value >= high)
    return min(max((value - low) / (high - low), 0.0), 1.0)
