import itertools

import pytest

from monitor.domain.calibration import BUILT_IN, logit
from monitor.domain.detection import Detection
from monitor.domain.geometry import Box
from tests.fakes import INCORRECT, WITH, WITHOUT

BOX = Box(0, 0, 60, 60)


def said(with_mask=0.0, without_mask=0.0, incorrect=0.0, height_px=60, sharpness=200):
    return BUILT_IN.likelihood((with_mask, without_mask, incorrect), height_px, sharpness)


def test_each_state_is_told_from_the_others():
    assert said(with_mask=0.9).violation < -2
    assert said(without_mask=0.9).violation > 2
    assert said(without_mask=0.9).missing > 2
    assert said(incorrect=0.9).violation > 2
    assert said(incorrect=0.9).missing < -2


def test_the_scores_of_other_states_count():
    assert said(with_mask=0.4, without_mask=0.5).violation < said(without_mask=0.5).violation
    assert said(with_mask=0.05, without_mask=0.4, incorrect=0.45).violation > 2


def test_a_higher_score_a_larger_and_a_sharper_face_are_more_surely_a_face():
    for low, high in itertools.pairwise([said(with_mask=score).face for score in (0.2, 0.5, 0.7, 0.95)]):
        assert low < high
    assert said(with_mask=0.6, height_px=24).face < said(with_mask=0.6, height_px=90).face
    assert said(with_mask=0.6, sharpness=30).face < said(with_mask=0.6, sharpness=300).face


@pytest.mark.parametrize("score", [0.0, 1.0])
@pytest.mark.parametrize("height_px", [0.0, 1e6])
@pytest.mark.parametrize("sharpness", [0.0, 1e9])
def test_one_analysis_never_says_more_than_it_can(score, height_px, sharpness):
    one = BUILT_IN.likelihood((score, 1 - score, score), height_px, sharpness)
    assert max(abs(one.face), abs(one.violation), abs(one.missing)) <= 4


def test_logits_are_limited():
    assert logit(0.5) == 0
    assert logit(0.0) == logit(0.05)
    assert logit(1.0) == logit(0.98)


@pytest.mark.parametrize(("state", "scores"), [(WITH, (0.7, 0, 0)), (WITHOUT, (0, 0.7, 0)), (INCORRECT, (0, 0, 0.7))])
def test_a_detection_with_one_score_means_the_others_were_not_found(state, scores):
    one = Detection(BOX, state, 0.7)
    assert one.all_scores == scores
    assert one.likelihood(100) == BUILT_IN.likelihood(scores, 60, 100)
