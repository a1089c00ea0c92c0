from pathlib import Path

import numpy as np
import pytest

from monitor.detectors.rows import checked_rows
from monitor.domain.errors import ModelError

FILE = Path("model.tflite")


def check(boxes=None, classes=(1, 2), scores=(0.9, 0.4), count=2.0, floor=0.3):
    boxes = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 1.1, 0.9]] if boxes is None else boxes
    return checked_rows(FILE, *(np.array(part, np.float32) for part in (boxes, classes, scores, count)), floor)


def test_rows_after_the_count_are_left_out_whatever_they_hold():
    rows = check(classes=(1, np.nan), scores=(0.9, np.nan), count=1.0)
    assert rows.class_ids.tolist() == [1]
    assert rows.class_ids.dtype == np.int64
    assert rows.scores.tolist() == pytest.approx([0.9])
    assert rows.boxes.shape == (1, 4)


def test_no_detections():
    assert check(count=0.0).scores.shape == (0,)


@pytest.mark.parametrize("count", [-1.0, 3.0, 1.5, np.nan, np.inf, [1.0, 2.0]])
def test_a_count_that_cannot_be_is_a_fault(count):
    with pytest.raises(ModelError, match=r"model\.tflite: .*number of detections, of at most 2"):
        check(count=count)


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf, -0.1, 1.1, 7.0])
def test_a_score_that_cannot_be_is_a_fault(score):
    with pytest.raises(ModelError, match="not between 0 and 1"):
        check(scores=(0.9, score))


def test_a_score_a_rounding_error_over_one_is_none():
    assert check(scores=(1.0005, 0.0)).scores.tolist() == pytest.approx([1.0005, 0])


@pytest.mark.parametrize("class_id", [np.nan, np.inf, 0.5, 1.999])
def test_a_class_that_is_no_whole_number_is_a_fault(class_id):
    with pytest.raises(ModelError, match="whole numbers"):
        check(classes=(1, class_id))


@pytest.mark.parametrize("side", [np.nan, np.inf, -np.inf, 320.0, -17.0])
def test_a_box_that_is_no_fraction_of_the_picture_is_a_fault_where_it_counts(side):
    boxes = [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, side, 0.4]]
    with pytest.raises(ModelError, match="not fractions of the picture"):
        check(boxes)
    assert check(boxes, floor=0.5).scores.tolist() == pytest.approx([0.9, 0.4])


@pytest.mark.parametrize(
    "parts",
    [
        {"classes": (1, 2, 3)},
        {"scores": (0.9,)},
        {"boxes": [[0.1, 0.2, 0.3]]},
        {"classes": [[1], [2]], "scores": [[0.9], [0.4]]},
    ],
)
def test_shapes_that_do_not_belong_together_are_a_fault(parts):
    with pytest.raises(ModelError, match="do not belong together"):
        check(**parts)
