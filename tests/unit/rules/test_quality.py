import cv2
import numpy as np
import pytest

from monitor.config.rules import RulesSettings
from monitor.domain.geometry import Box
from monitor.rules.quality import face_weight, is_usable, ramp, sharpness
from tests.fakes import checkers, flat, noise

RULES = RulesSettings(min_face_px=24)
SHARP = checkers(400, 600)


def face_quality(image, box, rules):
    sharp = sharpness(image, box)
    weight = face_weight(image, box, sharp, rules)
    assert bool(weight > 0) is is_usable(image, box, sharp, rules)
    return weight


def face(height_px, width_px=None, left=100.0, top=100.0):
    return Box(left, top, left + (width_px or height_px), top + height_px)


def test_a_large_sharp_face_counts_in_full():
    assert face_quality(SHARP, face(100), RULES) == 1.0


@pytest.mark.parametrize("height_px", [1, 10, 23, 23.99])
def test_a_face_that_is_too_small_does_not_count(height_px):
    assert face_quality(SHARP, face(height_px, width_px=100), RULES) == 0.0


@pytest.mark.parametrize("height_px", [24, 40, 59])
def test_a_face_between_the_limits_counts_in_part(height_px):
    assert 0 < face_quality(noise(400, 600), face(height_px), RULES) < 1


def test_the_larger_the_face_the_better():
    qualities = [face_quality(SHARP, face(height_px), RULES) for height_px in (24, 30, 40, 50, 60)]
    assert qualities == sorted(qualities)
    assert len(set(qualities)) == len(qualities)


def test_it_is_the_height_that_counts():
    assert face_quality(SHARP, face(23, width_px=200), RULES) == 0
    assert face_quality(SHARP, face(100, width_px=30), RULES) == 1


@pytest.mark.parametrize(
    "box",
    [
        Box(0, 100, 100, 200),
        Box(100, 0, 200, 100),
        Box(500, 100, 600, 200),
        Box(100, 300, 200, 400),
        Box(4.7, 100, 100, 200),
        Box(100, 4.7, 200, 100),
        Box(500, 100, 595.3, 200),
        Box(100, 300, 200, 395.3),
    ],
    ids=["left", "top", "right", "bottom", "nearly-left", "nearly-top", "nearly-right", "nearly-bottom"],
)
def test_a_face_at_the_edge_is_cut_off_and_does_not_count(box):
    assert face_quality(SHARP, box, RULES) == 0.0


@pytest.mark.parametrize("box", [Box(5, 5, 105, 105), Box(495, 295, 595, 395)], ids=["top-left", "bottom-right"])
def test_a_face_just_inside_is_whole(box):
    assert face_quality(SHARP, box, RULES) == 1.0


def test_on_a_wide_picture_the_edges_are_not_swapped():
    # The right edge of this face is beyond the picture's height, its bottom is not beyond it.
    wide, tall = checkers(200, 900), checkers(900, 200)
    assert face_quality(wide, Box(700, 50, 800, 150), RULES) == 1.0
    assert face_quality(tall, Box(50, 700, 150, 800), RULES) == 1.0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_face_without_any_detail_does_not_count(level):
    assert face_quality(flat(400, 600, level), face(100), RULES) == 0.0


def test_a_blurred_face_does_not_count():
    blurred = cv2.GaussianBlur(SHARP, (0, 0), 25)
    assert face_quality(blurred, face(100), RULES) == 0.0


def test_the_more_blurred_the_worse():
    values = [sharpness(cv2.GaussianBlur(SHARP, (0, 0), sigma), face(100)) for sigma in (1, 4, 8, 16)]
    assert values == sorted(values, reverse=True)


def test_only_the_face_itself_is_looked_at():
    image = flat(400, 600)
    image[:100], image[200:], image[:, :100], image[:, 200:] = 255, 255, 255, 0
    assert sharpness(image, face(100)) == 0


def test_an_enlarged_picture_is_judged_as_the_original():
    small = noise(100, 100)
    small = cv2.GaussianBlur(small, (0, 0), 1.5)
    large = cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    assert sharpness(large, Box(80, 80, 336, 336)) == pytest.approx(sharpness(small, Box(20, 20, 84, 84)), rel=0.35)


@pytest.mark.parametrize(
    "box", [Box(-50, -50, -10, -10), Box(700, 100, 800, 200), Box(50, 50, 50, 90), Box(90, 90, 50, 50)]
)
def test_a_box_with_nothing_in_it_has_no_sharpness(box):
    assert sharpness(SHARP, box) == 0.0
    assert face_quality(SHARP, box, RULES) == 0.0


def test_quality_is_a_weight_whatever_the_box():
    rng = np.random.default_rng(4)
    image = noise(120, 200)
    image.setflags(write=False)
    for x, y, width, height in rng.uniform((-40, -40, 0, 0), (240, 160, 200, 200), (300, 4)):
        assert 0 <= face_quality(image, Box(x, y, x + width, y + height), RULES) <= 1


@pytest.mark.parametrize(
    ("value", "expected"), [(-1, 0), (0, 0), (2, 0), (3, 0.25), (4, 0.5), (5, 0.75), (6, 1), (9, 1)]
)
def test_ramp(value, expected):
    assert ramp(value, 2, 6) == expected


def test_a_ramp_without_a_slope_is_a_step():
    assert [ramp(value, 5, 5) for value in (4, 5, 6)] == [0, 1, 1]
    assert [ramp(value, 9, 5) for value in (4, 5, 6)] == [0, 1, 1]
