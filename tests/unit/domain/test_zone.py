import numpy as np
import pytest

from monitor.domain.detection import Detection, MaskState
from monitor.domain.frame import Frame
from monitor.domain.geometry import Box
from monitor.domain.zone import Zone, inside

DOOR = Zone("door", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
#: A horseshoe, open at the top.
HORSESHOE = Zone(
    "horseshoe", ((0.1, 0.1), (0.3, 0.1), (0.3, 0.7), (0.7, 0.7), (0.7, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
)


def face(x1: float, y1: float, x2: float, y2: float) -> Detection:
    return Detection(Box(x1, y1, x2, y2), MaskState.WITH_MASK, 0.9)


def frame() -> Frame:
    return Frame(np.zeros((100, 200, 3), np.uint8), "gate", 0, 0.0, None)


@pytest.mark.parametrize(
    ("x", "y", "held"),
    [(0.2, 0.5, True), (0.8, 0.5, True), (0.5, 0.8, True), (0.5, 0.3, False), (0.05, 0.5, False), (0.95, 0.95, False)],
)
def test_a_zone_may_have_any_shape(x: float, y: float, held: bool):
    assert HORSESHOE.holds(x, y) is held


def test_the_middle_of_a_face_decides():
    left, across, right = face(10, 10, 40, 40), face(95, 10, 125, 40), face(150, 10, 180, 40)
    assert inside([left, across, right], [DOOR], frame()) == [across, right]


def test_one_zone_of_several_is_enough_and_none_means_everywhere():
    left, right = face(10, 40, 30, 60), face(150, 10, 180, 40)
    assert inside([left, right], [DOOR, HORSESHOE], frame()) == [left, right]
    assert inside([left, right], [], frame()) == [left, right]
