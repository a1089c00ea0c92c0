import pytest

from monitor.config.detector import Precision
from monitor.detectors.agreement import disagreement
from monitor.domain.detection import Detection
from monitor.domain.geometry import Box
from tests.fakes import WITH, WITHOUT

FACE = Detection(Box(10, 10, 30, 40), WITH, 0.8)
FAINT = Detection(Box(60, 60, 80, 90), WITHOUT, 0.39)


def changed(score=0.8, state=WITH, x2_px=30.0):
    return Detection(Box(10, 10, x2_px, 40), state, score)


def both_ways(first, second, precision=Precision.FLOAT):
    results = disagreement(first, second, precision), disagreement(second, first, precision)
    assert (results[0] is None) == (results[1] is None)
    return results[0]


def test_the_same_faces_agree():
    assert both_ways([FACE], [FACE]) is None
    assert both_ways([], []) is None
    assert both_ways([FACE, FAINT], [FACE]) is None, "faint faces may be lost to rounding"


def test_a_sure_face_that_one_lacks():
    assert both_ways([FACE], [FAINT]) == "one finds a face that scores 0.80, the other does not"


@pytest.mark.parametrize(("precision", "near", "far"), [(Precision.FLOAT, 0.79, 0.77), (Precision.INT8, 0.71, 0.69)])
def test_scores(precision, near, far):
    assert both_ways([FACE], [changed(score=near)], precision) is None
    assert both_ways([FACE], [changed(score=far)], precision) == f"one face scores 0.80 for one and {far} for the other"


@pytest.mark.parametrize(("precision", "near", "far"), [(Precision.FLOAT, 31.5, 33), (Precision.INT8, 38, 40)])
def test_places(precision, near, far):
    assert both_ways([FACE], [changed(x2_px=near)], precision) is None
    assert "the other does not" in both_ways([FACE], [changed(x2_px=far)], precision)


def test_states():
    assert both_ways([FACE], [changed(state=WITHOUT)]) == "one face is with_mask for one and without_mask for the other"
