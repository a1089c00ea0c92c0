"""Masks worn incorrectly, composed of two faces: the lower part of one face is pasted on a bare face.

Data sets contain few masks worn incorrectly. The lower part of a masked face, pasted below the nose of a bare face,
makes one. So that the seam is not a clue, the same is done for the other states: over the nose (a mask worn correctly),
and with the lower part of a second bare face (no mask).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

#: Where a face box is cut, in fractions of its height from the top: a worn mask begins between eyes and nose.
UPPER_EDGE = 0.42

#: The range in which a mask below the nose begins, from the nose to the chin.
BELOW_THE_NOSE = (0.6, 0.82)


def dressed(rng: np.random.Generator, bare: Pixels, face: Floats, giver: Pixels, given: Floats, below: bool) -> Pixels:
    """Return the picture `bare` with the lower part of the face `given` of `giver` on its face `face`.

    Pictures are BGR uint8 (H, W, 3), boxes float32 (4,), pixels `x1, y1, x2, y2`. With `below` the part begins under
    the nose, otherwise where a mask worn correctly does.
    """
    part = _lower_part(giver, given)
    if rng.random() < 0.5:
        part = np.ascontiguousarray(part[:, ::-1])
    x1, y1, x2, y2 = (float(side) for side in face)
    wide, high = x2 - x1, y2 - y1
    begins = float(rng.uniform(*BELOW_THE_NOSE)) if below else float(rng.uniform(UPPER_EDGE - 0.03, UPPER_EDGE + 0.05))
    ends = 1.02 + (float(rng.uniform(0.0, 0.2)) if below else 0.0)
    widened = float(rng.uniform(0.94, 1.06)) * wide
    left, top = round(x1 + (wide - widened) / 2), round(y1 + begins * high)
    columns, rows = max(round(widened), 2), max(round((ends - begins) * high), 2)
    shrinks = part.shape[0] > rows
    part = np.asarray(
        cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR), np.uint8
    )
    made = bare.copy()
    first_x, first_y = max(left, 0), max(top, 0)
    last_x, last_y = min(left + columns, made.shape[1]), min(top + rows, made.shape[0])
    if last_x <= first_x or last_y <= first_y:
        return made
    inside = (slice(first_y - top, last_y - top), slice(first_x - left, last_x - left))
    opaque = _rounded(rows, columns)[inside]
    under = made[first_y:last_y, first_x:last_x]
    under[:] = (opaque * part[inside] + (1.0 - opaque) * under).astype(np.uint8)
    return made


def _lower_part(picture: Pixels, face: Floats) -> Pixels:
    """Return the part of a face that a mask covers."""
    x1, y1, x2, y2 = (float(side) for side in face)
    top = int(y1 + UPPER_EDGE * (y2 - y1))
    left, right, bottom = max(int(x1), 0), int(np.ceil(x2)), int(np.ceil(y2))
    return picture[max(top, 0) : max(bottom, top + 2), left : max(right, left + 2)]


def _rounded(rows: int, columns: int) -> Floats:
    """Return the opacity of a part, float32 (rows, columns, 1), 0 to 1: rounded at the chin, with soft edges."""
    down = (np.arange(rows) + 0.5) / rows
    across = (np.arange(columns) + 0.5) / columns * 2 - 1
    # A square cap above, half an ellipse below: the jaw narrows over the lower half.
    radius = np.sqrt(across[None, :] ** 2 + np.maximum(down - 0.45, 0.0)[:, None] ** 2 / 0.55**2)
    side = np.clip((1.0 - radius) / 0.12, 0.0, 1.0)
    top = np.clip(down / 0.08, 0.0, 1.0)[:, None]
    return (side * top)[..., None].astype(np.float32)
