import cv2
import numpy as np
import pytest

from monitor.config.rules import RulesSettings
from monitor.domain.detection import Detection
from monitor.domain.geometry import Box
from monitor.probe.scene import SceneMeasure, histogram, histogram_edges
from tests.fakes import WITH, checkers, flat, noise

RULES = RulesSettings(min_face_px=24)


def face(height_px: float, left: float = 100, top: float = 100) -> Detection:
    return Detection(Box(left, top, left + height_px, top + height_px), WITH, 0.9)


def measured(*pictures, detections=(), period_s=0.5):
    measure = SceneMeasure(RULES)
    for number, picture in enumerate(pictures):
        measure.add(number * period_s, picture, detections)
    return measure.facts()


def test_nothing_seen_is_nothing_known():
    facts = measured()
    assert (facts.pictures, facts.faces, facts.luma, facts.face_height_px) == (0, 0, None, None)


@pytest.mark.parametrize("level", [0, 16, 90, 255])
def test_light_is_the_mean_grey_level(level):
    facts = measured(flat(120, 160, level))
    assert facts.luma == level
    assert facts.contrast == 0
    assert facts.black_share == float(level <= 24)
    assert facts.burnt_share == float(level >= 250)


def test_a_dark_picture_with_something_in_it_is_not_black():
    picture = flat(120, 160, 5).copy()
    picture[40:80, 60:100] = 90
    assert measured(picture).black_share == 0


def test_still_is_the_longest_time_without_a_changed_pixel():
    first, second = noise(60, 80), flat(60, 80, 9)
    almost = second.copy()
    almost[0, 0, 0] += 1
    assert measured(first, first, first, second, second).still_s == 1.0
    assert measured(second, almost, second, almost).still_s == 0.0


def test_faces_are_counted_by_their_height():
    detections = [face(10), face(23.9), face(24), face(59), face(60), face(100)]
    facts = measured(noise(400, 400), detections=detections)
    assert facts.faces == 6
    assert facts.large_enough_share == pytest.approx(4 / 6)
    assert facts.in_full_share == pytest.approx(2 / 6)
    assert facts.face_height_px == pytest.approx(41.5)


def test_the_light_of_faces_is_theirs_alone():
    picture = flat(300, 300, 200).copy()
    picture[100:160, 100:160] = 40
    facts = measured(picture, detections=[face(60)])
    assert facts.face_luma == pytest.approx(40, abs=1)


def test_a_face_smeared_sideways_has_less_detail_across():
    picture = noise(300, 300)
    smeared = cv2.blur(picture, (25, 1))
    sharp = measured(picture, detections=[face(100)])
    moved = measured(smeared, detections=[face(100)])
    assert sharp.face_across == pytest.approx(1, abs=0.2)
    assert moved.face_across < 0.5


def test_a_face_at_the_edge_is_not_judged():
    facts = measured(checkers(300, 300), detections=[face(100, left=0), face(100)])
    assert facts.usable_share == 0.5


def test_a_box_with_nothing_in_it_is_harmless():
    facts = measured(noise(100, 100), detections=[face(50, left=500)])
    assert facts.face_luma == 0


def test_the_histograms_edges_hold_the_rules_limits():
    edges = histogram_edges(RULES)
    assert edges == [12, 24, 42, 60, 120]
    assert histogram_edges(RulesSettings(min_face_px=60)) == sorted({30.0, 60.0, 120.0})


def test_the_histogram_counts_every_height_once():
    heights = np.array([0, 11.9, 12, 23, 24, 60, 119, 120, 900.0])
    counts = histogram(heights, [12, 24, 42, 60, 120])
    assert counts == [2, 2, 1, 0, 2, 2]
    assert sum(counts) == len(heights)
