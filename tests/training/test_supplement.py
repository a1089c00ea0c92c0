"""Faces that nobody annotated, masks drawn on bare faces, and further data sets to learn from."""

import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("object_detection", reason="TFOD2 is not installed: see docs/training.md")

from monitor.training.dataset import open_dataset
from monitor.training.errors import TrainingError
from monitor.training.evaluate import Sample, judge, samples_of
from monitor.training.faces import _distinct, read_landmarks, unannotated
from monitor.training.labels import DEFAULT_STATES
from monitor.training.masks import is_frontal, masked, read_template
from monitor.training.metrics import in_ignored
from monitor.training.prepare import PrepareSettings, _with_more, read_splits, source_of
from monitor.training.supplement import _corrected
from monitor.training.views import ViewMaker, ViewSettings
from tests.training.conftest import write_voc

LABELS = tuple(DEFAULT_STATES)

#: A face from the front in a picture of 200 x 200, in the order of `LANDMARKS`.
FACE = np.array(
    [[100, 70], [100, 100], [100, 110], [100, 130], [100, 160], [60, 120], [140, 120], [55, 90], [145, 90]], np.float32
)


def make_difficult(folder: Path, name: str, number: int) -> None:
    path = folder / "annotations" / f"{name}.xml"
    tree = ET.parse(path)
    node = list(tree.getroot().iter("object"))[number]
    ET.SubElement(node, "difficult").text = "1"
    tree.write(path)


def test_a_difficult_object_is_neither_learnt_nor_counted(voc):
    make_difficult(voc, "p0", 1)
    (one,) = open_dataset(voc).read(["p0"], LABELS).annotations
    assert [box.label for box in one.boxes] == ["with_mask"]
    assert one.ignored == ((60.0, 20.0, 84.0, 50.0),)
    maker = ViewMaker([source_of(one, LABELS)], ViewSettings(size_px=96, mosaic=0, paste=0), 1, DEFAULT_STATES.values())
    seen = [view for view in map(maker.make, range(40)) if len(view.boxes) == 2]
    assert seen
    for view in seen:
        assert view.weights.tolist() == [1.0, 0.0] or view.weights[0] == 0.0
        assert view.weights[1] == 0.0


def test_a_difficult_object_of_an_unknown_class_is_no_fault(voc):
    write_voc(voc, "p0", [("face", 1, 1, 20, 20), ("with_mask", 60, 20, 84, 50)])
    make_difficult(voc, "p0", 0)
    found = open_dataset(voc).read(["p0"], LABELS)
    assert not found.problems
    assert found.annotations[0].ignored == ((1.0, 1.0, 20.0, 20.0),)


def test_detections_on_what_is_ignored_do_not_count(voc):
    class Everywhere:
        """Finds a face in each place, whatever there is."""

        def detect(self, images):
            from monitor.domain.detection import Detection, MaskState
            from monitor.domain.geometry import Box

            boxes = [Box(10, 12, 40, 46), Box(60, 20, 84, 50), Box(0, 0, 9, 9)]
            return [tuple(Detection(box, MaskState.WITH_MASK, 0.5) for box in boxes) for _ in images]

    make_difficult(voc, "p0", 1)
    (one,) = open_dataset(voc).read(["p0"], LABELS).annotations
    (sample,) = samples_of([one], DEFAULT_STATES)
    assert isinstance(sample, Sample)
    (judged,) = judge(Everywhere(), [sample])
    assert judged.boxes.tolist() == [[10, 12, 40, 46], [0, 0, 9, 9]]


def test_a_face_beside_an_ignored_one_counts():
    boxes = np.array([[0.0, 0.0, 10.0, 10.0]])
    assert in_ignored(boxes, np.zeros((0, 4)), boxes).tolist() == [True]
    assert in_ignored(boxes, boxes, boxes).tolist() == [False]
    assert in_ignored(boxes, np.zeros((0, 4)), np.array([[8.0, 0.0, 18.0, 10.0]])).tolist() == [False]


def test_only_faces_that_nobody_annotated_are_added():
    found = np.array([[0, 0, 10, 10, 0.9], [30, 0, 40, 10, 0.8], [60, 0, 70, 10, 0.2]], np.float32)
    annotated = np.array([[1, 1, 12, 12]], np.float32)
    assert unannotated(found, annotated, 0.3).tolist() == [[30, 0, 40, 10]]
    # The same face found in the whole picture and in a quarter of it, once with a smaller box inside.
    twice = np.array([[0, 0, 10, 10, 0.5], [0, 0, 10, 11, 0.9], [2, 2, 6, 6, 0.4], [30, 0, 40, 10, 0.3]], np.float32)
    assert _distinct(twice) == [1, 3]


def test_larger_pictures_take_the_place_of_their_twins_and_nothing_held_out_is_learnt(voc, tmp_path):
    more = tmp_path / "large"
    rows = [("with_mask", 20, 24, 80, 92)]
    for name in ("p0", "p6", "new", "secret"):
        write_voc(more, name, rows, size=(192, 128))
    (more / "val.txt").write_text("p6\n")
    (more / "test.txt").write_text("secret\n")
    settings = PrepareSettings(more=((more, None), (more, None)))
    splits, _ = read_splits(voc, settings)
    train, _ = _with_more(splits, settings)
    assert [one.name for one in train] == ["p0", "p1", "p2", "p3", "p4", "p5", "new", "new"]
    assert train[0].width_px == 192


def test_pictures_without_faces_are_learnt_from(voc, tmp_path):
    write_voc(tmp_path / "hands", "hand", [])
    settings = PrepareSettings(more=((tmp_path / "hands", None),))
    train, _ = _with_more(read_splits(voc, settings)[0], settings)
    assert [one.name for one in train if not one.boxes] == ["hand"]
    maker = ViewMaker(
        [source_of(one, LABELS) for one in train],
        ViewSettings(size_px=64, mosaic=0, paste=0, whole=0, negatives=1.0),
        1,
        DEFAULT_STATES.values(),
    )
    assert not any(len(maker.make(number).boxes) for number in range(10))


def test_corrected_labels_replace_those_of_the_annotation(voc, tmp_path):
    given = open_dataset(voc).read(["p0"], LABELS).annotations
    path = tmp_path / "corrections.csv"
    path.write_text("picture,box,label\np0,2,without_mask\n")
    (one,) = _corrected(given, path, LABELS)
    assert [box.label for box in one.boxes] == ["with_mask", "without_mask"]
    for wrong in ("p0,3,without_mask", "p9,1,without_mask", "p0,1,helmet"):
        path.write_text(f"picture,box,label\n{wrong}\n")
        with pytest.raises(TrainingError, match="has no box"):
            _corrected(given, path, LABELS)


def test_a_mask_covers_the_nose_or_leaves_it_free(tmp_path):
    opaque = np.full((60, 80, 4), 255, np.uint8)
    opaque[:, :2, 3] = opaque[:, -2:, 3] = 0
    cv2.imwrite(str(tmp_path / "plain.png"), opaque)
    template = read_template(tmp_path / "plain.png")
    face = np.full((200, 200, 3), 120, np.uint8)
    rng = np.random.default_rng(3)
    for below in (False, True):
        for _ in range(20):
            changed = (masked(rng, face, FACE, template, below) != face).any(axis=2)
            assert changed[140:158, 100].all() or below  # mouth and chin
            assert changed[105, 100] == (not below)  # under the tip of the nose
            assert not changed[:60].any()
            assert not changed[:, :40].any()


def test_masks_are_drawn_on_faces_seen_from_the_front():
    assert is_frontal(FACE)
    profile = FACE.copy()
    profile[6, 0] = 105
    assert not is_frontal(profile)


def test_a_picture_without_transparency_is_no_template(tmp_path):
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(TrainingError, match="is not a picture with transparency"):
        read_template(tmp_path / "photo.png")


def test_landmarks_that_are_none_are_refused(tmp_path):
    assert read_landmarks(tmp_path) == {}
    (tmp_path / "landmarks.json").write_text('{"a.jpg": {"0": [[1, 2]]}}')
    with pytest.raises(TrainingError, match="cannot be read"):
        read_landmarks(tmp_path)
