import math

import numpy as np
import pytest

from monitor.domain.detection import DECIDED_STATES, MaskState
from monitor.training import metrics
from monitor.training.errors import TrainingError
from monitor.training.evaluate import coco_figures, evaluate
from monitor.training.metrics import ClassHits, Judged
from monitor.training.plots import plot_evaluation


def picture(true, found):
    """Rows (class, x1, y1, x2, y2[, score])."""
    return Judged(
        np.array([row[1:5] for row in true], float).reshape(-1, 4),
        np.array([row[0] for row in true], np.int64),
        np.array([row[1:5] for row in found], float).reshape(-1, 4),
        np.array([row[0] for row in found], np.int64),
        np.array([row[5] for row in found], float),
    )


def hits(*pairs, faces):
    return ClassHits(np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], bool), faces)


def test_a_true_box_is_taken_once_by_the_best_score():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]], float)
    assert metrics.match(boxes, np.array([[0, 0, 10, 10]], float)).tolist() == [0, -1, -1]
    assert metrics.match(boxes[:0], boxes).tolist() == []
    assert metrics.match(boxes, boxes[:0]).tolist() == [-1, -1, -1]


def test_average_precision_by_hand():
    # Two faces; right, wrong, right: precision 1 up to recall 0.5 (51 of 101 points), then 2/3.
    part = hits((0.9, True), (0.8, False), (0.7, True), faces=2)
    assert metrics.average_precision([part]) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert math.isnan(metrics.average_precision([hits(faces=0)]))
    assert metrics.average_precision([hits(faces=3)]) == 0


def test_own_average_precision_is_pycocotools():
    rng = np.random.default_rng(3)
    judged = []
    for _ in range(20):
        true = [(int(rng.integers(3)), x, 10, x + 30, 50) for x in range(0, 300, 60)]
        found = [
            (row[0] if rng.random() < 0.8 else int(rng.integers(3)), *(np.array(row[1:]) + rng.normal(0, 4, 4)), s)
            for row, s in zip(true, sorted(rng.random(5), reverse=True), strict=True)
        ]
        judged.append(picture(true, found))
    _, by_class = coco_figures(judged)
    for index, state in enumerate(DECIDED_STATES):
        own = metrics.average_precision([metrics.class_hits(one, index) for one in judged])
        assert own == pytest.approx(by_class[state.value], abs=1e-9)


def test_confusion_counts_missed_and_false():
    one = picture(
        [(0, 0, 0, 10, 10), (1, 20, 0, 30, 10), (2, 40, 0, 50, 10)],
        [(0, 0, 0, 10, 10, 0.9), (0, 20, 0, 30, 10, 0.8), (1, 70, 0, 80, 10, 0.7)],
    )
    assert metrics.confusion([one], 3).tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0]]


def test_thresholds():
    part = hits((0.9, True), (0.8, True), (0.6, False), (0.5, True), (0.1, False), faces=4)
    assert metrics.best_f1_threshold([part]) == 0.5
    assert metrics.threshold_for_precision([part], 0.95) == 0.8
    assert metrics.threshold_for_precision([part], 0.7) == 0.5
    assert metrics.threshold_for_precision([hits((0.9, False), faces=1)], 0.95) is None
    assert metrics.best_f1_threshold([hits(faces=1)]) == 0.5
    assert metrics.precision_recall([part], 0.55) == (pytest.approx(2 / 3), 0.5)


def test_a_threshold_gives_in_use_what_it_gave_when_it_was_chosen():
    """Two scores that a written threshold does not tell apart stand or fall together."""
    part = hits((0.9004, True), (0.8003, True), (0.8001, False), (0.5, False), faces=2)
    threshold = metrics.threshold_for_precision([part], 0.95)
    assert threshold == 0.9
    assert metrics.precision_recall([part], threshold) == (1.0, 0.5)
    threshold = metrics.best_f1_threshold([part])
    assert threshold == 0.8
    assert metrics.precision_recall([part], threshold) == (pytest.approx(2 / 3), 1.0)


def test_calibration():
    bins = metrics.calibration([hits((0.95, True), (0.91, True), (0.15, False), (1.0, False), faces=2)])
    assert [(one.low, one.count) for one in bins] == [(0.1, 1), (0.9, 3)]
    assert metrics.calibration_error(bins) == pytest.approx((0.15 + 3 * abs((0.95 + 0.91 + 1) / 3 - 2 / 3)) / 4)


def test_evaluation_of_perfect_and_of_silent_detectors():
    true = [(0, 0, 0, 10, 10), (1, 20, 0, 40, 40), (2, 50, 0, 150, 100)]
    limits = dict.fromkeys(DECIDED_STATES, 0.5)
    perfect = evaluate([picture(true, [(*row, 0.9) for row in true])], limits, rounds=2)
    assert perfect.map50 == pytest.approx(1)
    assert perfect.ap50_by_height == {"tiny": 1, "small": pytest.approx(math.nan, nan_ok=True), "medium": 1, "large": 1}
    assert perfect.recall == dict.fromkeys(("with_mask", "without_mask", "incorrect"), 1)
    silent = evaluate([picture(true, [])], limits, rounds=2)
    assert silent.map50 == 0
    assert silent.as_json()["precision"]["with_mask"] is None
    assert silent.confusion[0][3] == 1


def test_a_state_that_does_not_occur_is_left_out_of_the_mean():
    one = picture([(0, 0, 0, 10, 10)], [(0, 0, 0, 10, 10, 0.9)])
    found = evaluate([one], dict.fromkeys(DECIDED_STATES, 0.5), rounds=2)
    assert found.map50 == pytest.approx(1)
    assert math.isnan(found.ap50[MaskState.INCORRECT.value])


def test_a_silent_detector_has_no_figure_for_a_state_that_does_not_occur():
    found = evaluate([picture([(0, 0, 0, 10, 10)], [])], dict.fromkeys(DECIDED_STATES, 0.5), rounds=2)
    assert (found.map, found.map50, found.ap50["with_mask"]) == (0, 0, 0)
    assert found.as_json()["ap50"] == {"with_mask": 0, "without_mask": None, "incorrect": None}


@pytest.mark.parametrize("judged", [[], [picture([], [(0, 0, 0, 10, 10, 0.9)])]])
def test_figures_of_nothing_are_refused(judged):
    with pytest.raises(
        TrainingError, match=rf"nothing to evaluate: {len(judged)} picture\(s\) without an annotated face"
    ):
        evaluate(judged, dict.fromkeys(DECIDED_STATES, 0.5), rounds=2)


def test_plots_of_a_silent_detector(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: see docs/training.md")
    found = evaluate([picture([(0, 0, 0, 10, 10)], [])], dict.fromkeys(DECIDED_STATES, 0.5), rounds=2)
    assert all(path.stat().st_size > 1000 for path in plot_evaluation({"silent": found}, tmp_path))
