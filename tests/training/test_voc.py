from pathlib import Path

import pytest

from monitor.training.errors import TrainingError
from monitor.training.voc import all_names, image_size, read_dataset, read_split

LABELS = ("with_mask", "without_mask", "mask_weared_incorrect")


def problems(folder: Path, *names: str) -> list[str]:
    return [str(one) for one in read_dataset(folder, names, LABELS).problems]


def test_good_data_is_read_in_order_with_nobody_kept(voc):
    found = read_dataset(voc, read_split(voc, "val"), LABELS)
    assert found.problems == ()
    assert [(one.name, len(one.boxes)) for one in found.annotations] == [("p6", 2), ("p7", 0)]
    assert (found.annotations[0].width_px, found.annotations[0].height_px) == (96, 64)


def test_every_fault_of_every_annotation_is_reported(voc, add_picture):
    add_picture(voc, "outside", [("with_mask", 80, 10, 130, 40)])
    add_picture(voc, "empty box", [("with_mask", 30, 10, 30, 40), ("helmet", 1, 1, 9, 9)])
    (voc / "annotations" / "broken.xml").write_text("<annotation><object>")
    add_picture(voc, "lost", [])
    (voc / "images" / "lost.jpg").unlink()
    add_picture(voc, "wrong size", [])
    xml = voc / "annotations" / "wrong size.xml"
    xml.write_text(xml.read_text().replace("<width>96", "<width>90"))
    add_picture(voc, "no picture", [])
    (voc / "images" / "no picture.jpg").write_bytes(b"hello")
    told = problems(voc, "p0", "outside", "empty box", "broken", "lost", "wrong size", "no picture", "gone", "p0")
    assert [line.split(":")[0] for line in told] == [
        "outside",
        "empty box",
        "empty box",
        "broken",
        "broken",
        "lost",
        "wrong size",
        "no picture",
        "gone",
        "gone",
        "p0",
    ]
    text = "\n".join(told)
    for words in ("reaches outside", "no area", "unknown class 'helmet'", "cannot be read", "image is missing"):
        assert words in text
    assert "is 96 x 64" in text
    assert "more than once" in text


def test_names_with_spaces_and_unicode_and_boxes_as_floats(voc, add_picture):
    add_picture(voc, "café 口罩", [("with_mask", 1.5, 2.25, 30.75, 40.0)])
    found = read_dataset(voc, ["café 口罩"], LABELS)
    assert found.problems == ()
    assert found.annotations[0].boxes[0].y1_px == 2.25


def test_a_pixel_over_the_edge_is_clipped(voc, add_picture):
    add_picture(voc, "edge", [("with_mask", -1, 0, 97, 64)])
    box = read_dataset(voc, ["edge"], LABELS).annotations[0].boxes[0]
    assert (box.x1_px, box.x2_px) == (0, 96)


@pytest.mark.parametrize("value", ["nan", "inf", "1e9", "", "left"])
def test_numbers_that_are_none(voc, value):
    xml = voc / "annotations" / "p0.xml"
    xml.write_text(xml.read_text().replace("<xmin>10</xmin>", f"<xmin>{value}</xmin>"))
    assert len(problems(voc, "p0")) == 1


def test_not_a_data_set(tmp_path):
    with pytest.raises(TrainingError, match="no annotations"):
        all_names(tmp_path)
    with pytest.raises(TrainingError, match="no such folder"):
        read_dataset(tmp_path / "none", [], LABELS)


def test_split_files_of_both_layouts(tmp_path):
    (tmp_path / "train.txt").write_text("\ufeffa b\nc\n\n", encoding="utf-8")
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("x  1\ny  -1\n")
    assert read_split(tmp_path, "train") == ["a b", "c"]
    assert read_split(tmp_path, "val") == ["x", "y"]
    assert read_split(tmp_path, "test") is None


def test_picture_size_of_what_is_no_picture(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    assert image_size(tmp_path / "a.jpg") is None
    assert image_size(tmp_path / "none.jpg") is None
