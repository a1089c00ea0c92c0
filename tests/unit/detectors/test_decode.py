from dataclasses import replace

import numpy as np
import pytest

from monitor.detectors.decode import SAME_FACE_IOU, decode
from monitor.detectors.fitting import ModelInput, Resize, Resizing
from monitor.domain.calibration import BUILT_IN
from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.domain.geometry import Box
from tests.fakes import INCORRECT, UNKNOWN, WITH, WITHOUT

STATES = {1: WITH, 2: WITHOUT, 3: INCORRECT, 4: UNKNOWN}
THRESHOLDS = dict.fromkeys(DECIDED_STATES, 0.3)


def run(rows, width_px=1000, height_px=400, states=STATES, thresholds=THRESHOLDS):
    """Rows of (ymin, xmin, ymax, xmax, class id, score)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    boxes, ids, scores = table[:, :4].astype(np.float32), table[:, 4].astype(np.int64), table[:, 5].astype(np.float32)
    return decode(boxes, ids, scores, ModelInput(256, 416).place(height_px, width_px), states, thresholds)


def face(left, class_id=1, score=0.9, size=0.1):
    return (0.2, left, 0.2 + size, left + size, class_id, score)


def test_boxes_are_y_before_x_on_a_frame_that_is_not_square():
    (found,) = run([(0.25, 0.1, 0.75, 0.2, 1, 0.9)])
    assert found.box.x1_px == pytest.approx(100)
    assert found.box.y1_px == pytest.approx(100)
    assert found.box.x2_px == pytest.approx(200)
    assert found.box.y2_px == pytest.approx(300)


def test_boxes_on_a_tall_frame():
    (found,) = run([(0.25, 0.1, 0.75, 0.2, 1, 0.9)], width_px=400, height_px=1000)
    assert found.box.x2_px - found.box.x1_px == pytest.approx(40, abs=1e-3)
    assert found.box.y2_px - found.box.y1_px == pytest.approx(500, abs=1e-3)


@pytest.mark.parametrize(("class_id", "state"), [(1, WITH), (2, WITHOUT), (3, INCORRECT)])
def test_class_ids_count_from_one(class_id, state):
    (found,) = run([face(0.1, class_id)])
    assert found.state is state


def test_a_class_that_the_label_map_does_not_hold_is_a_fault():
    with pytest.raises(KeyError):
        run([face(0.1, 5)])
    with pytest.raises(KeyError):
        run([face(0.1, 0)])


def test_labels_that_mean_unknown_are_left_out():
    assert run([face(0.1, 4, 0.99)]) == []


def test_a_face_under_an_unknown_label_hides_no_other():
    (found,) = run([face(0.1, 4, 0.99), face(0.1, 2, 0.5)])
    assert found.state is WITHOUT


def test_each_state_has_its_own_threshold():
    thresholds = {WITH: 0.8, WITHOUT: 0.2, INCORRECT: 0.5}
    rows = [
        face(0.0, 1, 0.79), face(0.15, 1, 0.81), face(0.3, 2, 0.19), face(0.45, 2, 0.21),
        face(0.6, 3, 0.49), face(0.75, 3, 0.51),
    ]  # fmt: skip
    assert [(d.state, round(d.score, 2)) for d in run(rows, thresholds=thresholds)] == [
        (WITH, 0.81),
        (INCORRECT, 0.51),
        (WITHOUT, 0.21),
    ]


def test_a_score_on_the_threshold_counts():
    assert len(run([face(0.1, 1, 0.5)], thresholds=dict.fromkeys(DECIDED_STATES, 0.5))) == 1


def test_a_face_under_its_threshold_hides_no_other():
    thresholds = {WITH: 0.9, WITHOUT: 0.3, INCORRECT: 0.3}
    (found,) = run([face(0.1, 1, 0.8), face(0.1, 2, 0.4)], thresholds=thresholds)
    assert found.state is WITHOUT


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 1, 2, 3, 5])
def test_rows_with_values_that_are_not_finite_are_left_out(bad, column):
    row = list(face(0.1))
    row[column] = bad
    (kept,) = run([row, face(0.5, 2, 0.4)])
    assert kept.state is WITHOUT


def test_the_best_comes_first():
    found = run([face(0.1, 1, 0.4), face(0.3, 2, 0.9), face(0.5, 3, 0.6), face(0.7, 1, 0.95)])
    assert [round(d.score, 2) for d in found] == [0.95, 0.9, 0.6, 0.4]


def test_equal_scores_keep_the_models_order():
    found = run([face(0.1, 1, 0.5), face(0.3, 2, 0.5), face(0.5, 3, 0.5)])
    assert [d.state for d in found] == [WITH, WITHOUT, INCORRECT]


def test_one_face_in_two_states_is_one_face_and_the_better_score_rules():
    (found,) = run([face(0.1, 1, 0.6), face(0.101, 2, 0.7), face(0.1, 3, 0.65)])
    assert found.state is WITHOUT
    assert found.score == pytest.approx(0.7)


def test_two_faces_that_overlap_a_little_stay_two():
    step = 0.1 * (1 - 2 * SAME_FACE_IOU / (1 + SAME_FACE_IOU)) + 0.005  # just under the limit
    a, b = run([face(0.1), face(0.1 + step, 2, 0.8)])
    assert a.box.iou(b.box) < SAME_FACE_IOU
    assert len(run([face(0.1), face(0.1 + step - 0.01, 2, 0.8)])) == 1


def test_a_chain_of_overlaps_is_judged_against_the_kept_ones_only():
    # a hides b; c overlaps b but hardly a, so c stays.
    found = run([face(0.10, 1, 0.9), face(0.13, 2, 0.8), face(0.16, 3, 0.7)])
    assert [d.state for d in found] == [WITH, INCORRECT]


def test_boxes_are_clipped_to_the_picture():
    (found,) = run([(-0.5, -0.5, 1.5, 1.5, 1, 0.9)])
    assert found.box == Box(0, 0, 1000, 400)


@pytest.mark.parametrize(
    "row",
    [
        (0.2, 0.2, 0.2, 0.4, 1, 0.9),
        (0.2, 0.2, 0.4, 0.2, 1, 0.9),
        (0.4, 0.2, 0.2, 0.4, 1, 0.9),
        (0.2, 0.4, 0.4, 0.2, 1, 0.9),
        (0.2, 1.1, 0.4, 1.3, 1, 0.9),
        (-0.4, 0.2, -0.2, 0.4, 1, 0.9),
        (0.2, 0.2, 0.2005, 0.4, 1, 0.9),
    ],
    ids=["no-height", "no-width", "upside-down", "inside-out", "right-of-it", "above-it", "less-than-a-pixel"],
)
def test_empty_boxes_are_left_out(row):
    assert run([row]) == []


def test_nothing_in_nothing_out():
    assert run([]) == []


def test_scores_over_one_are_one():
    (found,) = run([face(0.1, 1, 1.0001)])
    assert found.score == 1.0


def test_the_models_output_is_not_changed():
    boxes = np.array([[0.1, 0.1, 0.3, 0.3], [-0.1, 0.1, 0.3, 0.3]], np.float32)
    ids, scores = np.array([1, 2]), np.array([0.4, 0.9], np.float32)
    copies = [array.copy() for array in (boxes, ids, scores)]
    for array in (boxes, ids, scores):
        array.setflags(write=False)
    decode(boxes, ids, scores, ModelInput(256, 416).place(480, 640), STATES, THRESHOLDS)
    for array, copy in zip((boxes, ids, scores), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_whatever_the_model_says_what_comes_out_is_sane():
    rng = np.random.default_rng(7)
    for _ in range(60):
        count = int(rng.integers(0, 40))
        table = np.column_stack([rng.normal(0.5, 0.6, (count, 4)), rng.integers(1, 5, count), rng.uniform(0, 1, count)])
        table[rng.random((count, 6)) < 0.03] = np.nan
        table[:, 4] = rng.integers(1, 5, count)
        width, height = (int(side) for side in rng.integers(1, 2000, 2))
        found = run(table, width, height)
        assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
        for number, detection in enumerate(found):
            assert detection.state is not MaskState.UNKNOWN
            assert THRESHOLDS[detection.state] <= detection.score <= 1
            assert detection.box == detection.box.clipped(width, height)
            assert detection.box.area_px2 >= 1
            assert all(detection.box.iou(other.box) < SAME_FACE_IOU for other in found[:number])


def test_the_other_states_of_a_face_are_among_its_scores():
    below, far = face(0.102, 3, 0.1), face(0.6, 3, 0.8)
    found = run([face(0.1, 2, 0.5), face(0.101, 1, 0.4), below, far])
    assert [one.state for one in found] == [INCORRECT, WITHOUT]
    assert found[1].scores == pytest.approx((0.4, 0.5, 0.1))
    assert found[0].scores == pytest.approx((0.0, 0.0, 0.8))


def test_a_detection_says_what_its_models_scores_mean():
    table = np.array([face(0.1)], dtype=np.float64)
    own = replace(BUILT_IN, state_size=1.0)
    boxes, ids, scores = table[:, :4].astype(np.float32), np.array([1]), np.array([0.9], np.float32)
    (found,) = decode(boxes, ids, scores, ModelInput(400, 1000).place(400, 1000), STATES, THRESHOLDS, own)
    assert found.calibration is own


def test_boxes_of_a_fitted_picture_are_in_its_pixels_clipped_and_not_in_the_padding():
    placement = ModelInput(200, 400, Resizing(Resize.FIT)).place(1000, 500)  # columns 150 to 250 of the input
    rows = [
        (0.1, 0.4, 0.3, 0.5, 0.9),  # columns 160 to 200: 50 to 250 pixels of the picture
        (0.5, 0.36, 0.7, 0.42, 0.8),  # reaches over the left edge: clipped
        (0.5, 0.1, 0.7, 0.3, 0.95),  # in the padding
        (0.1, 0.62, 0.3, 0.66, 0.95),  # its centre is
    ]
    table = np.array(rows, np.float32)
    ids = np.ones(len(rows), np.int64)
    found = decode(table[:, :4], ids, table[:, 4], placement, STATES, THRESHOLDS)
    boxes = [(d.box.x1_px, d.box.y1_px, d.box.x2_px, d.box.y2_px) for d in found]
    assert boxes == [pytest.approx((50, 100, 250, 300), abs=0.01), pytest.approx((0, 500, 90, 700), abs=0.01)]
