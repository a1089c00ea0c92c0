import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("object_detection", reason="TFOD2 is not installed: see docs/training.md")

from monitor.domain.detection import DECIDED_STATES
from monitor.training.commands import view_settings
from monitor.training.dataset import open_dataset
from monitor.training.duplicates import groups, seeded_split
from monitor.training.errors import TrainingError
from monitor.training.labels import DEFAULT_STATES, parse_labels, parse_size
from monitor.training.pictures import decode
from monitor.training.pipelines import read_pipeline
from monitor.training.prepare import PrepareSettings, prepare, read_splits, source_of
from monitor.training.records import read_pictures, write_pictures
from monitor.training.views import ViewMaker, ViewSettings, _turned

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own


def test_pictures_come_back_from_a_record_as_they_went_in(voc, tmp_path):
    done = prepare(voc, tmp_path / "out", PrepareSettings())
    assert done.statistics["val"]["pictures_with_nobody"] == 1
    val = read_pictures(tmp_path / "out" / "val.record", DEFAULT_STATES)
    assert [one.name for one in val] == ["p6.jpg", "p7.jpg"]
    assert np.allclose(val[0].boxes, [[16, 12, 46, 46], [60, 20, 84, 50]], atol=1e-4)
    assert [DECIDED_STATES[index].value for index in val[0].classes] == ["with_mask", "with_mask"]
    assert val[1].boxes.shape == (0, 4)
    assert val[0].encoded == (voc / "images" / "p6.jpg").read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "label_map.pbtxt",
        "statistics.json",
        "statistics.png",
        "train.record",
        "val.record",
    ]
    assert json.loads((tmp_path / "out" / "statistics.json").read_text())["train"]["pictures"] == 6


def test_nothing_is_written_while_anything_is_wrong(voc, tmp_path, add_picture):
    add_picture(voc, "p0", [("helmet", 1, 1, 20, 20)])
    add_picture(voc, "p6", [("with_mask", 1, 1, 500, 20)])
    (voc / "val.txt").write_text("p6\np7\np1\n")
    with pytest.raises(TrainingError, match="3 fault") as caught:
        prepare(voc, tmp_path / "out", PrepareSettings())
    unknown = "unknown class names: 'helmet' (1 box(es), the first in p0)"
    for words in (unknown, "p6: box 1 (1, 1, 500, 20) reaches outside", "p1: is in both"):
        assert words in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["voc"]


def test_a_pipeline_whose_records_are_missing_says_what_to_run(tmp_path):
    pipeline = tmp_path / "pipeline.config"
    shutil.copy(Path(__file__).with_name("pipeline.config"), pipeline)
    with pytest.raises(TrainingError, match="does not exist; run `scripts/train train prepare` first"):
        read_pipeline(pipeline)


def test_a_full_disk_is_told_before_anything_is_written(voc, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 99, 1))
    with pytest.raises(TrainingError, match="needs about"):
        prepare(voc, tmp_path / "out", PrepareSettings())
    assert [path.name for path in tmp_path.iterdir()] == ["voc"]


def test_an_earlier_result_stands_when_a_later_run_fails(voc, tmp_path):
    prepare(voc, tmp_path / "out", PrepareSettings())
    (voc / "annotations" / "p0.xml").write_text("<annotation")
    with pytest.raises(TrainingError, match="cannot be read"):
        prepare(voc, tmp_path / "out", PrepareSettings())
    assert (tmp_path / "out" / "train.record").is_file()


def test_pictures_that_look_alike_stay_together(voc):
    copy = cv2.imread(str(voc / "images" / "p0.jpg"))
    cv2.imwrite(str(voc / "images" / "p3.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 60])
    shutil.copy(voc / "annotations" / "p0.xml", voc / "annotations" / "p3.xml")
    (voc / "train.txt").unlink()
    (voc / "val.txt").unlink()
    for seed in range(6):
        parts, _ = read_splits(voc, PrepareSettings(seed=seed, val_share=0.4))
        names = {split: {one.name for one in part} for split, part in parts.items()}
        assert len(names["train"]) + len(names["val"]) == 8
        assert any({"p0", "p3"} <= part for part in names.values())
        assert names["val"]


def test_groups_join_through_a_third():
    bits = np.zeros((3, 256), bool)
    bits[1, :20] = bits[2, :40] = True
    assert groups(list(bits)) == [[0, 1, 2]]
    assert groups([]) == []
    assert seeded_split([], 0.2, 1) == ((), ())


def maker(voc, **settings):
    pictures = read_splits(voc, PrepareSettings())[0]["train"]
    sources = [source_of(one, list(DEFAULT_STATES)) for one in pictures]
    return ViewMaker(
        sources, ViewSettings(size_px=64, frame_px=(96, 64), **settings), seed=5, states=tuple(DEFAULT_STATES.values())
    )


def test_views_are_the_same_in_any_order(voc):
    one, other = maker(voc), maker(voc)
    later = [other.make(number) for number in (3, 2, 1, 0)][::-1]
    for number, view in enumerate(later):
        assert np.array_equal(one.make(number).image, view.image)
        assert np.array_equal(one.make(number).boxes, view.boxes)


def test_boxes_stay_on_their_faces(voc):
    """Drawn faces are flat colours: what a learnt box holds must be mostly that colour."""
    views = [maker(voc, soften=0.0).make(number) for number in range(60)]
    colours = {1: (240, 200, 90), 2: (120, 160, 230), 3: (120, 160, 230)}
    seen = 0
    for view in views:
        assert view.image.shape == (64, 64, 3)
        assert len(view.boxes) == len(view.classes) == len(view.weights)
        assert (view.boxes >= 0).all()
        assert (view.boxes <= 64).all()
        for box, label in zip(view.boxes[view.weights > 0], view.classes[view.weights > 0], strict=True):
            x1, y1, x2, y2 = (round(float(side)) for side in box)
            inner = view.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].reshape(-1, 3).astype(int)
            if len(inner) < 20:
                continue
            seen += 1
            assert np.median(np.abs(inner - colours[int(label)]).sum(1)) < 60
    assert seen > 60


def test_rare_faces_are_shown_as_often_as_asked(voc):
    views = [maker(voc, mosaic=0.0, paste=0.0, class_share=(0.0, 0.0, 1.0)).make(number) for number in range(40)]
    assert sum(3 in view.classes for view in views) > 30


def test_words_to_settings():
    assert parse_size("512x352") == (352, 512)
    for wrong in ("512", "500x352", "0x0", "axb", "-32x32"):
        with pytest.raises(TrainingError):
            parse_size(wrong)
    assert list(parse_labels(["masked=with_mask", "bare=without_mask"])) == ["masked", "bare"]
    for wrong in (["x"], ["=with_mask"], ["x=unknown"], ["x=incorrect", "x=with_mask"]):
        with pytest.raises(TrainingError):
            parse_labels(wrong)


def test_degraded_views_lose_detail_and_keep_their_faces(voc):
    plain, coarse = maker(voc, degrade=0.0), maker(voc, degrade=1.0)
    for number in range(10):
        sharp, dull = plain.make(number), coarse.make(number)
        assert np.array_equal(sharp.boxes, dull.boxes)
        assert sharp.image.shape == dull.image.shape
        changed = np.abs(sharp.image.astype(np.int64) - dull.image).mean()
        assert 0.1 < changed < 30.0


def test_other_light_changes_the_picture_alone(voc):
    plain, tinted = maker(voc, paste=0.0), maker(voc, paste=0.0, tint=1.0)
    for number in range(10):
        one, other = plain.make(number), tinted.make(number)
        assert np.array_equal(one.boxes, other.boxes)
        assert one.image.shape == other.image.shape
        assert not np.array_equal(one.image, other.image)


def test_the_box_follows_a_face_that_is_turned():
    piece = np.zeros((120, 100, 3), np.uint8)
    cv2.ellipse(piece, (50, 60), (20, 35), 0, 0, 360, (255, 255, 255), -1)
    for degrees in (-30.0, 0.0, 20.0):
        turned, box = _turned(piece, np.array([30, 25, 70, 95], np.float32), degrees)
        rows, columns = np.nonzero(turned[..., 0] > 127)
        assert np.allclose(box, [columns.min(), rows.min(), columns.max(), rows.max()], atol=1.5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scale": "2"}, "--scale"),
        ({"scale": "2-1"}, "LOW-HIGH"),
        ({"shares": "a,b"}, "--shares"),
        ({"classes": 2}, "3 shares for 2"),
    ],
)
def test_odd_words_for_views_are_refused(change, says):
    words = {"frame": "96x64", "view_size": 96, "scale": "0.5-2", "mosaic": 0.5, "shares": "1,1,1"}
    words |= {"classes": 3, "degrade": 0.0, "tint": 0.0, "turn_deg": 0.0, "dressed": 0.0}
    settings = view_settings(**words)
    assert (settings.frame_px, settings.scale, settings.class_share) == ((96, 64), (0.5, 2.0), (1.0, 1.0, 1.0))
    with pytest.raises(TrainingError, match=says):
        view_settings(**(words | change))


def turned_on_its_side(voc, name):
    """Store a picture as phones do: sideways, with EXIF orientation 6."""
    path = voc / "images" / f"{name}.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(path)
    picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    return np.asarray(picture)


def test_tfod2_reads_a_turned_picture_upright_with_its_boxes(voc, tmp_path):
    import tensorflow as tf
    from object_detection.data_decoders.tf_example_decoder import TfExampleDecoder

    expected = turned_on_its_side(voc, "p6")
    Image.open(voc / "images" / "p7.jpg").save(voc / "images" / "p7.webp", lossless=True)
    (voc / "images" / "p7.jpg").unlink()
    prepare(voc, tmp_path / "out", PrepareSettings())
    raw = list(tf.data.TFRecordDataset(str(tmp_path / "out" / "val.record")))
    first, second = (TfExampleDecoder().decode(one) for one in raw)
    image = first["image"].numpy()
    assert image.shape == (64, 96, 3)
    assert abs(image.astype(int) - expected).mean() < 6
    boxes = first["groundtruth_boxes"].numpy() * [64, 96, 64, 96]
    assert np.allclose(boxes, [[12, 16, 46, 46], [20, 60, 50, 84]], atol=1e-3)
    assert np.array_equal(second["image"].numpy(), np.asarray(Image.open(voc / "images" / "p7.webp")))
    sample = read_pictures(tmp_path / "out" / "val.record", DEFAULT_STATES)[0]
    # TensorFlow's fast transform of a JPEG differs by a few grey levels.
    assert abs(decode(sample.encoded, sample.name)[..., ::-1].astype(int) - image).mean() < 2


def test_a_record_with_another_size_than_its_picture_is_refused(voc, tmp_path):
    (one,) = open_dataset(voc).read(["p6"], DEFAULT_STATES).annotations
    write_pictures(tmp_path / "wrong.record", [replace(one, width_px=64, height_px=96)], list(DEFAULT_STATES))
    with pytest.raises(TrainingError, match=r"p6\.jpg is 96 x 64, but its record states 64 x 96"):
        read_pictures(tmp_path / "wrong.record", DEFAULT_STATES)


def test_pictures_of_the_same_name_in_two_subsets_stay_two(tmp_path, add_picture):
    for subset in ("train", "val"):
        add_picture(tmp_path / subset, "a", [("with_mask", 10, 12, 40, 46)])
    prepare(tmp_path, tmp_path / "out", PrepareSettings())
    names = [
        [one.name for one in read_pictures(tmp_path / "out" / f"{split}.record", DEFAULT_STATES)]
        for split in ("train", "val")
    ]
    assert names == [["train/a.jpg"], ["val/a.jpg"]]
