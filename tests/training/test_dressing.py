"""Faces made of two."""

import numpy as np
import pytest

pytest.importorskip("object_detection")

from monitor.domain.detection import MaskState
from monitor.training.dressing import dressed
from monitor.training.labels import DEFAULT_STATES
from monitor.training.views import Source, ViewMaker, ViewSettings, _read

FACE = np.array([30, 20, 90, 100], np.float32)


def picture(value):
    return np.full((140, 120, 3), value, np.uint8)


@pytest.mark.parametrize(("below", "untouched"), [(True, 0.59), (False, 0.38)])
def test_only_the_lower_part_of_the_face_changes(below, untouched):
    bare, giver = picture(60), picture(200)
    for seed in range(20):
        made = dressed(np.random.default_rng(seed), bare, FACE, giver, FACE, below)
        rows, columns = np.nonzero((made != bare).any(axis=2))
        assert rows.min() >= 20 + untouched * 80
        assert rows.max() <= 20 + 1.25 * 80
        assert (columns.min() >= 26, columns.max() <= 94) == (True, True)
        middle = made[(rows.min() + rows.max()) // 2, 60]
        assert (middle == 200).all()
        assert (bare == 60).all()


def test_a_face_at_the_edge_of_its_picture_is_cut_there():
    edge = np.array([90, 100, 135, 160], np.float32)
    made = dressed(np.random.default_rng(1), picture(60), edge, picture(200), FACE, below=True)
    assert made.shape == (140, 120, 3)
    assert (made[:, :88] == 60).all()


def test_half_of_them_are_worn_wrong(tmp_path):
    import cv2

    bare, masked, small = (tmp_path / f"{name}.png" for name in ("bare", "masked", "small"))
    for path, value in ((bare, 60), (masked, 200), (small, 10)):
        cv2.imwrite(str(path), picture(value))
    tiny = np.array([[5, 5, 15, 15]], np.float32)
    sources = [
        Source(masked, FACE[None], np.array([1])),
        Source(bare, FACE[None], np.array([2])),
        Source(small, tiny, np.array([2])),  # too small to be made into anything
    ]
    maker = ViewMaker(sources, ViewSettings(dressed=1.0), 1, tuple(DEFAULT_STATES.values()))
    rng = np.random.default_rng(3)
    made = [maker._face_to_paste(rng) for _ in range(400)]
    labels = [int(one[3]) for one in made if one is not None]
    assert len(labels) == 400
    shares = np.bincount(labels, minlength=4)[1:] / 400
    assert shares == pytest.approx([0.25, 0.25, 0.5], abs=0.08)
    for one in made:
        assert one is not None
        image, boxes, face, label = one
        assert (boxes[face] == FACE).all()
        covered = bool((image[92, 60] == 200).all())
        assert covered == (label != 2)
    assert (_read(bare) == 60).all()


def test_nothing_is_made_where_a_state_is_missing():
    maker = ViewMaker([], ViewSettings(class_share=(1.0,), dressed=1.0), 1, (MaskState.WITH_MASK,))
    assert maker._face_to_paste(np.random.default_rng(1)) is None
