"""The pictograms of the verdicts, understandable without words and without colour."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from monitor.domain.detection import MaskState
from monitor.domain.frame import Image
from monitor.outputs.kiosk.pen import Pen, Point, curve, rounded
from monitor.outputs.style import BLACK, STALE, STYLES, WHITE, Bgr
from monitor.rules.kiosk import Verdict


@dataclass(frozen=True, slots=True)
class Paint:
    """The background colour of the screen, and a foreground colour with good contrast."""

    ground: Bgr
    ink: Bgr


def _paint_of(state: MaskState) -> Paint:
    return Paint(STYLES[state].colour, STYLES[state].ink)


#: The overlay's colours for the same states; two blues of the same palette (Okabe & Ito) if there is no verdict.
PAINTS = {
    Verdict.GO: _paint_of(MaskState.WITH_MASK),
    Verdict.PUT_ON: _paint_of(MaskState.WITHOUT_MASK),
    Verdict.COVER: _paint_of(MaskState.INCORRECT),
    Verdict.WAIT: Paint((233, 180, 86), BLACK),
    Verdict.STEP_BACK: Paint((233, 180, 86), BLACK),
    Verdict.IDLE: Paint((140, 88, 0), WHITE),
    Verdict.STARTING: Paint(STALE, WHITE),
    Verdict.OUT_OF_ORDER: Paint(STALE, WHITE),
}

_EDGE: Bgr = (48, 36, 28)
_MASK: Bgr = (235, 200, 130)
_FOLD: Bgr = (190, 140, 60)
_SKIN: Bgr = (248, 248, 248)
_SAND: Bgr = (100, 190, 240)

_HEAD = curve(
    [(50, 8), (70, 15), (78, 38), (75, 62), (64, 82), (50, 89), (36, 82), (25, 62), (22, 38), (30, 15)], closed=True
)
_HAIR = curve(
    [(50, 4), (73, 10), (81, 32), (78, 42), (72, 30), (58, 24), (42, 26), (28, 31), (22, 42), (19, 32), (27, 10)],
    closed=True,
)
_WORN = ((27, 50), (39, 45.5), (50, 42), (61, 45.5), (73, 50), (71, 67), (62, 81), (50, 86), (38, 81), (29, 67))


@lru_cache(maxsize=len(Verdict))
def pictogram(verdict: Verdict, size_px: int) -> Image:
    """Return a verdict's pictogram, `size_px` x `size_px` x 3, uint8, BGR, read-only."""
    pen = Pen(size_px, PAINTS[verdict].ground)
    _DRAWN[verdict](pen, PAINTS[verdict])
    picture = pen.picture()
    picture.setflags(write=False)
    return picture


def _go(pen: Pen, paint: Paint) -> None:
    _head(pen)
    _smiling_eyes(pen)
    _mask(pen, 0)
    _badge(pen, paint.ground, WHITE)
    pen.line([(67.5, 78), (75, 86), (88.5, 69.5)], 6.5, WHITE)


def _put_on(pen: Pen, paint: Paint) -> None:
    _head(pen)
    _eyes(pen)
    _nose(pen)
    pen.line(curve([(40, 71), (46, 69), (54, 69), (60, 71)]), 3, _EDGE)
    _badge(pen, paint.ground, WHITE)
    pen.line([(69, 69), (87, 87)], 6.5, WHITE)
    pen.line([(69, 87), (87, 69)], 6.5, WHITE)


def _cover(pen: Pen, _: Paint) -> None:
    _head(pen)
    _eyes(pen)
    _nose(pen)
    _mask(pen, 20)
    _badge(pen, _EDGE, WHITE)  # an arrow that points up
    pen.line([(78, 89), (78, 68)], 6.5, WHITE)
    pen.line([(68.5, 77), (78, 67), (87.5, 77)], 6.5, WHITE)


def _wait(pen: Pen, paint: Paint) -> None:
    top = [(28, 14), (28, 24), (31, 34), (45, 47)]
    upper = [*curve(top), (50, 50), *curve([(100 - x, y) for x, y in reversed(top)])]
    lower = [(x, 100 - y) for x, y in upper]
    for bulb in (upper, lower):
        pen.shape(bulb, _SKIN)
    pen.shape([(34, 32), (66, 32), *curve([(66, 34), (58, 43), (50, 50), (42, 43), (34, 34)])], _SAND)
    pen.line([(50, 48), (50, 76)], 3, _SAND)
    pen.shape([*curve([(30, 84), (38, 73), (50, 67), (62, 73), (70, 84)])], _SAND)
    for bulb in (upper, lower):
        pen.line([*bulb, bulb[0]], 3.4, _EDGE)
    for y in (11, 89):
        pen.line([(24, y), (76, y)], 8, _EDGE)
        pen.line([(24, y), (76, y)], 4, paint.ink)


def _step_back(pen: Pen, _: Paint) -> None:
    """Draw a small person in the corners of a viewfinder, with arrows that point inward: step back."""
    for left in (4.0, 96.0):
        for top in (4.0, 96.0):
            inward_x, inward_y = (13 if left < 50 else -13), (13 if top < 50 else -13)
            pen.line([(left, top + inward_y), (left, top), (left + inward_x, top)], 4.5, WHITE)
            tip_x, tip_y = left + 2.0 * inward_x, top + 2.0 * inward_y
            tail_x, tail_y = left + 0.7 * inward_x, top + 0.7 * inward_y
            for width, ink in ((7.5, _EDGE), (4.5, _SKIN)):
                pen.line([(tail_x, tail_y), (tip_x, tip_y)], width, ink)
                pen.line([(tip_x, tip_y - 0.8 * inward_y), (tip_x, tip_y), (tip_x - 0.8 * inward_x, tip_y)], width, ink)
    with pen.shrunk(0.5):
        _head(pen)
        _eyes(pen)
        _nose(pen)
        pen.line([(42, 72), (58, 72)], 4, _EDGE)


def _idle(pen: Pen, _: Paint) -> None:
    _head(pen)
    _smiling_eyes(pen)
    _mask(pen, 0)
    for left in (4.0, 96.0):  # the corners of a viewfinder
        for top in (4.0, 96.0):
            inward_x, inward_y = (15 if left < 50 else -15), (15 if top < 50 else -15)
            pen.line([(left, top + inward_y), (left, top), (left + inward_x, top)], 4.5, WHITE)


def _out_of_order(pen: Pen, paint: Paint) -> None:
    pen.shape(rounded(6, 28, 68, 76, 9), _SKIN)
    pen.shape([(72, 46), (94, 33), (94, 71), (72, 58)], _SKIN)
    pen.disc((37, 52), 15, _EDGE)
    pen.disc((37, 52), 9.5, paint.ground)
    pen.disc((33, 48), 3, _SKIN)
    pen.line([(16, 12), (84, 92)], 15, paint.ground)
    pen.line([(16, 12), (84, 92)], 7, _EDGE)


def _head(pen: Pen) -> None:
    for x in (22.5, 77.5):
        pen.ellipse((x, 50), (7, 9), _EDGE)
        pen.ellipse((x, 50), (4.6, 6.6), _SKIN)
    pen.shape(_grown(_HEAD, 2.4), _EDGE)
    pen.shape(_HEAD, _SKIN)
    pen.shape(_HAIR, _EDGE)


def _eyes(pen: Pen) -> None:
    for x in (38.5, 61.5):
        pen.ellipse((x, 42), (3.4, 4.2), _EDGE)


def _smiling_eyes(pen: Pen) -> None:
    for x in (38.5, 61.5):
        pen.line(curve([(x - 5, 40.5), (x - 2.6, 37.6), (x, 36.6), (x + 2.6, 37.6), (x + 5, 40.5)]), 3, _EDGE)


def _nose(pen: Pen) -> None:
    pen.line(curve([(50.5, 44), (47, 54), (46.5, 57), (51, 58.5)]), 2.8, _EDGE)


def _mask(pen: Pen, lowered: float) -> None:
    """Draw a mask with its loops and folds, lowered by `lowered` hundredths."""
    squeeze = (92 - (42 + lowered)) / (92 - 42) if lowered else 1.0  # it still ends at the chin
    worn = [(x, 92 - (92 - y) * squeeze) for x, y in _WORN]
    left, right, low_left, low_right = worn[0], worn[4], worn[9], worn[5]
    for corner, ear in ((left, (21, 45)), (right, (79, 45)), (low_left, (22, 56)), (low_right, (78, 56))):
        pen.line([corner, ear], 2.4, _EDGE)
    outline = curve(worn, closed=True, steps=10)
    pen.shape(_grown(outline, 2.2), _EDGE)
    pen.shape(outline, _MASK)
    for share in (0.36, 0.56, 0.76):
        y = worn[2][1] + (worn[7][1] - worn[2][1]) * share
        half = 16 - 8 * abs(share - 0.4)
        pen.line(curve([(50 - half, y - 0.5), (50, y + 1.8), (50 + half, y - 0.5)]), 1.8, _FOLD)


def _badge(pen: Pen, ground: Bgr, ring: Bgr) -> None:
    pen.disc((78, 78), 21.5, _EDGE)
    pen.disc((78, 78), 20, ring)
    pen.disc((78, 78), 16.8, ground)


def _grown(outline: list[Point], by: float) -> list[Point]:
    """Return an outline moved away from its middle."""
    middle_x = sum(x for x, _ in outline) / len(outline)
    middle_y = sum(y for _, y in outline) / len(outline)
    found = []
    for x, y in outline:
        dx, dy = x - middle_x, y - middle_y
        length = max(1e-6, (dx * dx + dy * dy) ** 0.5)
        found.append((x + by * dx / length, y + by * dy / length))
    return found


_DRAWN: dict[Verdict, Callable[[Pen, Paint], None]] = {
    Verdict.GO: _go,
    Verdict.PUT_ON: _put_on,
    Verdict.COVER: _cover,
    Verdict.WAIT: _wait,
    Verdict.STEP_BACK: _step_back,
    Verdict.IDLE: _idle,
    Verdict.STARTING: _wait,
    Verdict.OUT_OF_ORDER: _out_of_order,
}
