from pathlib import Path

import pytest

from monitor.training.dataset import Dataset, open_dataset
from monitor.training.errors import TrainingError

LABELS = ("with_mask", "without_mask", "mask_weared_incorrect")


def read(folder: Path, *names: str) -> Dataset:
    return open_dataset(folder).read(names, LABELS)


def problems(folder: Path, *names: str) -> list[str]:
    return [str(one) for one in read(folder, *names).problems]


def test_good_data_is_read_in_order_with_nobody_kept(voc):
    found = read(voc, *open_dataset(voc).names("val"))
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
        "broken",
        "lost",
        "wrong size",
        "no picture",
        "gone",
        "p0",
        "unknown class names",
    ]
    text = "\n".join(told)
    unknown = "unknown class names: 'helmet' (1 box(es), the first in empty box)"
    for words in ("reaches outside", "no area", unknown, "cannot be read", "image is missing"):
        assert words in text
    assert "is 96 x 64" in text
    assert "more than once" in text


def test_names_with_spaces_and_unicode_and_boxes_as_floats(voc, add_picture):
    add_picture(voc, "café 口罩", [("with_mask", 1.5, 2.25, 30.75, 40.0)])
    found = read(voc, "café 口罩")
    assert found.problems == ()
    assert found.annotations[0].boxes[0].y1_px == 2.25


def test_a_pixel_over_the_edge_is_clipped(voc, add_picture):
    add_picture(voc, "edge", [("with_mask", -1, 0, 97, 64)])
    found = read(voc, "edge")
    box = found.annotations[0].boxes[0]
    assert (box.x1_px, box.x2_px) == (0, 96)
    assert found.remarks == ("1 box(es) reached over the picture's edge by up to one pixel and were clipped",)


@pytest.mark.parametrize("value", ["nan", "inf", "1e9", "", "left"])
def test_numbers_that_are_none(voc, value):
    xml = voc / "annotations" / "p0.xml"
    xml.write_text(xml.read_text().replace("<xmin>10</xmin>", f"<xmin>{value}</xmin>"))
    assert len(problems(voc, "p0")) == 1


def test_not_a_data_set(tmp_path):
    with pytest.raises(TrainingError, match="no annotations"):
        open_dataset(tmp_path)
    with pytest.raises(TrainingError, match="no such folder"):
        open_dataset(tmp_path / "none")


def test_split_files_of_both_layouts(tmp_path, add_picture):
    for name in ("a b", "c", "x", "y"):
        add_picture(tmp_path, name, [])
    (tmp_path / "train.txt").write_text("\ufeffa b\nc\n\n", encoding="utf-8")
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("x  1\ny -1\n")
    data = open_dataset(tmp_path)
    assert data.names("train") == ("a b", "c")
    assert data.names("val") == data.names("valid") == ("x", "y")
    assert data.names("test") is None
    assert data.names("all") == ("a b", "c", "x", "y")


def test_a_bomb_of_entities_is_refused(voc):
    inner = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE annotation [<!ENTITY e0 "{"x" * 1000}">{inner}]><annotation>&e9;</annotation>'
    (voc / "annotations" / "p0.xml").write_text(bomb)
    (told,) = problems(voc, "p0")
    assert "its XML cannot be read" in told


def test_an_entity_of_a_file_is_refused(voc):
    xml = voc / "annotations" / "p0.xml"
    text = xml.read_text().replace("<name>with_mask</name>", "<name>&file;</name>")
    xml.write_text(f'<!DOCTYPE annotation [<!ENTITY file SYSTEM "file:///etc/hostname">]>{text}')
    (told,) = problems(voc, "p0")
    assert "undefined entity" in told


def test_xml_of_another_kind_is_no_picture_with_nobody(voc):
    (voc / "annotations" / "p0.xml").write_text("<annotations><image/></annotations>")
    (voc / "annotations" / "p1.xml").write_text("<svg/>")
    assert [line.partition(": ")[2] for line in problems(voc, "p0", "p1")] == [
        "is an XML file of all pictures, as CVAT writes; export as Pascal VOC instead",
        "is not a Pascal VOC annotation: its XML begins with <svg>",
    ]
