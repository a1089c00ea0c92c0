"""Draws shapes in hundredths of a square, with smooth edges at any size."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from monitor.domain.frame import Image
from monitor.outputs.style import Bgr

#: A point in the square: x to the right and y downward, 0..100.
Point = tuple[float, float]

#: OpenCV places shapes to 1/16 of a pixel.
_BITS = 4

#: The longest side of the canvas in pixels, before it is shrunk.
_MOST_PX = 2400


class Pen:
    """Draws on an enlarged square, which is shrunk at the end so that edges are smooth."""

    def __init__(self, size_px: int, ground: Bgr) -> None:
        self._size_px = size_px
        self._scale = max(1, min(3, _MOST_PX // max(1, size_px)))
        side = size_px * self._scale
        self._unit = side / 100
        self._shrunk = 1.0
        self._canvas: Image = np.full((side, side, 3), ground, np.uint8)

    def picture(self) -> Image:
        """Return the drawing, `size_px` x `size_px` x 3, uint8, BGR."""
        size = (self._size_px, self._size_px)
        return cv2.resize(self._canvas, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]

    @contextmanager
    def shrunk(self, share: float) -> Iterator[None]:
        """Draw smaller, around the middle of the square, until left."""
        self._unit, self._shrunk = self._unit * share, share
        yield
        self._unit, self._shrunk = self._unit / share, 1.0

    def disc(self, centre: Point, radius: float, ink: Bgr) -> None:
        """Fill a circle."""
        cv2.circle(self._canvas, self._at(centre), self._long(radius), ink, cv2.FILLED, cv2.LINE_AA, _BITS)

    def ellipse(self, centre: Point, radii: Point, ink: Bgr) -> None:
        """Fill an ellipse."""
        axes = (self._long(radii[0]), self._long(radii[1]))
        cv2.ellipse(self._canvas, self._at(centre), axes, 0, 0, 360, ink, cv2.FILLED, cv2.LINE_AA, _BITS)

    def shape(self, points: Iterable[Point], ink: Bgr) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self._canvas, [self._points(points)], ink, cv2.LINE_AA, _BITS)

    def line(self, points: Iterable[Point], width: float, ink: Bgr) -> None:
        """Draw through points with round ends and joints."""
        thickness = max(1, round(width * self._unit))
        cv2.polylines(self._canvas, [self._points(points)], False, ink, thickness, cv2.LINE_AA, _BITS)

    def _at(self, point: Point) -> tuple[int, int]:
        margin = 50 / self._shrunk - 50
        return self._long(point[0] + margin), self._long(point[1] + margin)

    def _long(self, length: float) -> int:
        return round(length * self._unit * (1 << _BITS))

    def _points(self, points: Iterable[Point]) -> "np.ndarray[tuple[int, ...], np.dtype[np.int32]]":
        return np.array([self._at(point) for point in points], np.int32)


def curve(points: Sequence[Point], closed: bool = False, steps: int = 12) -> list[Point]:
    """Return points along a smooth curve (Catmull-Rom spline) through the given ones."""
    first, last = (points[-1], points[0]) if closed else (points[0], points[-1])
    around = [first, *points, last, *([points[1]] if closed else [])]
    found: list[Point] = []
    for a, b, c, d in zip(around, around[1:], around[2:], around[3:], strict=False):
        for step in range(steps):
            t = step / steps
            found.append((_between(a[0], b[0], c[0], d[0], t), _between(a[1], b[1], c[1], d[1], t)))
    return found if closed else [*found, points[-1]]


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> list[Point]:
    """Return the outline of a rectangle with round corners."""
    corners = [(right, top, -90), (right, bottom, 0), (left, bottom, 90), (left, top, 180)]
    found: list[Point] = []
    for x, y, start in corners:
        middle_x = x - radius if x == right else x + radius
        middle_y = y + radius if y == top else y - radius
        for degrees in range(start, start + 91, 9):
            angle = np.radians(degrees)
            found.append((middle_x + radius * float(np.cos(angle)), middle_y + radius * float(np.sin(angle))))
    return found


def _between(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
