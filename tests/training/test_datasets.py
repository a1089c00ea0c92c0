"""Data sets as labelling tools write them: VOC, COCO and YOLO in their layouts."""

import json
from pathlib import Path

import pytest
from PIL import Image

from monitor.training.dataset import Annotation, DataFolder, Dataset, open_dataset
from monitor.training.errors import TrainingError
from monitor.training.labels import DEFAULT_STATES
from monitor.training.prepare import PrepareSettings, read_splits

WIDTH, HEIGHT = 80, 60
BOX = (10.0, 12.0, 40.0, 36.0)


def picture(path: Path, grey: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (grey, grey, 255 - grey)).save(path)
    return path


def xml(
    path: Path, label: str = "with_mask", filename: str = "x", box=BOX, size=(WIDTH, HEIGHT), boxes: int = 1
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sides = "".join(f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    stated = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    one = f"<object><name>{label}</name><bndbox>{sides}</bndbox></object>"
    path.write_text(
        f"<annotation><folder>elsewhere</folder><filename>{filename}</filename><path>C:\\wrong\\{filename}</path>{stated}"
        f"{one * boxes}</annotation>"
    )


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def read(data: DataFolder, split: str = "all") -> Dataset:
    return data.read(data.names(split) or (), DEFAULT_STATES)


def good(folder: Path, split: str = "all") -> dict[str, Annotation]:
    return {one.name: one for one in read(open_dataset(folder), split).demand("data").annotations}


def fault(folder: Path, split: str = "all") -> str:
    with pytest.raises(TrainingError) as caught:
        read(open_dataset(folder), split).demand("data")
    return str(caught.value)


def sides(one: Annotation) -> list[tuple[float, ...]]:
    return [(box.x1_px, box.y1_px, box.x2_px, box.y2_px) for box in one.boxes]


# Pascal VOC


def test_subsets_of_cvat_with_the_same_names(tmp_path):
    for subset, grey, label in (("train", 10, "with_mask"), ("val", 200, "without_mask")):
        picture(tmp_path / "JPEGImages" / subset / "a.jpg", grey)
        xml(tmp_path / "Annotations" / subset / "a.xml", label, "a.jpg")
        text(tmp_path / "ImageSets" / "Main" / f"{subset}.txt", f"{subset}/a\n")
    found = good(tmp_path)
    assert {name: (one.image.parent.name, one.boxes[0].label) for name, one in found.items()} == {
        "train/a": ("train", "with_mask"),
        "val/a": ("val", "without_mask"),
    }
    assert list(good(tmp_path, "val")) == ["val/a"]


def test_a_missing_picture_is_not_taken_from_another_subset(tmp_path):
    picture(tmp_path / "JPEGImages" / "night" / "a.jpg")
    xml(tmp_path / "Annotations" / "day" / "a.xml", filename="a.jpg")
    assert "day/a: its image is missing" in fault(tmp_path)
    picture(tmp_path / "JPEGImages" / "val" / "b.jpg")
    xml(tmp_path / "Annotations" / "train" / "b.xml", filename="b.jpg")
    assert "train/b: its image is missing" in fault(tmp_path)


def test_annotations_in_subsets_of_pictures_in_one_folder_and_the_other_way(tmp_path):
    picture(tmp_path / "one" / "JPEGImages" / "a.jpg")
    xml(tmp_path / "one" / "Annotations" / "default" / "a.xml")
    assert list(good(tmp_path / "one")) == ["default/a"]
    picture(tmp_path / "other" / "JPEGImages" / "train" / "a.jpg")
    xml(tmp_path / "other" / "Annotations" / "a.xml")
    assert list(good(tmp_path / "other", "train")) == ["a"]


def test_one_picture_with_two_annotations_is_a_fault(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "train" / "a.xml")
    xml(tmp_path / "annotations" / "val" / "a.xml", "without_mask")
    assert "train/a: has the same image, images/a.jpg, as val/a" in fault(tmp_path)
    xml(tmp_path / "train" / "a.xml")
    assert "train/a: has more than one annotation" in fault(tmp_path)


def test_roboflow_folders_are_the_splits(tmp_path):
    for folder in ("train", "valid", "test"):
        picture(tmp_path / folder / "a_jpg.rf.1a2b.jpg")
        xml(tmp_path / folder / "a_jpg.rf.1a2b.xml", filename="a_jpg.rf.1a2b.jpg")
    assert len(good(tmp_path)) == 3
    for split, folder in (("train", "train"), ("val", "valid"), ("valid", "valid"), ("test", "test")):
        assert list(good(tmp_path, split)) == [f"{folder}/a_jpg.rf.1a2b"]
    assert len(good(tmp_path / "valid")) == 1


def test_folders_of_pictures_and_annotations_inside_split_folders(tmp_path):
    for folder in ("train", "validation"):
        picture(tmp_path / folder / "images" / "a.jpg")
        xml(tmp_path / folder / "annotations" / "a.xml")
    assert list(good(tmp_path, "train")) == ["train/a"]
    assert list(good(tmp_path, "val")) == ["validation/a"]


@pytest.mark.parametrize("size", [None, (0, 0), (0, HEIGHT)])
def test_labelimg_without_size_and_with_wrong_places(tmp_path, size):
    picture(tmp_path / "a.jpg")
    xml(tmp_path / "a.xml", filename="other name.jpg", size=size)
    (one,) = good(tmp_path).values()
    assert (one.width_px, one.height_px, sides(one)) == (WIDTH, HEIGHT, [BOX])


@pytest.mark.parametrize("name", ["a.webp", "a.bmp", "a.png", "a.jpeg", "a.JPG", "a.PNG"])
def test_suffixes_of_pictures(tmp_path, name):
    picture(tmp_path / "images" / name)
    xml(tmp_path / "annotations" / "a.xml", filename=name)
    assert good(tmp_path)["a"].image.name == name


@pytest.mark.parametrize("filename", ["photo 7.jpg", "photo 7", "C:\\Users\\me\\photo 7.jpg", "PHOTO 7.JPG"])
def test_a_picture_that_only_the_filename_tells(tmp_path, filename):
    picture(tmp_path / "images" / "photo 7.jpg")
    xml(tmp_path / "annotations" / "0001.xml", filename=filename)
    assert good(tmp_path)["0001"].image.name == "photo 7.jpg"


def test_two_pictures_of_one_name_are_told_apart_by_the_filename(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    picture(tmp_path / "images" / "a.png")
    xml(tmp_path / "annotations" / "a.xml", filename="a.png")
    assert good(tmp_path)["a"].image.name == "a.png"
    xml(tmp_path / "annotations" / "a.xml", filename="a")
    assert "a: has more than one image: images/a.jpg, images/a.png" in fault(tmp_path)


def test_boxes_over_the_edge(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml", box=(-0.5, 0, WIDTH + 1, 30.25), boxes=2)
    done = read(open_dataset(tmp_path)).demand("data")
    assert sides(done.annotations[0]) == [(0, 0, WIDTH, 30.25)] * 2
    assert done.remarks == ("2 box(es) reached over the picture's edge by up to one pixel and were clipped",)
    xml(tmp_path / "annotations" / "a.xml", box=(0, 0, WIDTH + 2, 30))
    assert "a: box 1 (0, 0, 82, 30) reaches outside the image of 80 x 60" in fault(tmp_path)


def test_unknown_class_names_are_one_error_that_lists_them(tmp_path):
    for name, label in (("a", "Mask"), ("b", "helmet"), ("c", "Mask"), ("d", "with_mask")):
        picture(tmp_path / "images" / f"{name}.jpg")
        xml(tmp_path / "annotations" / f"{name}.xml", label)
    told = fault(tmp_path)
    assert "1 fault(s)" in told
    assert "'Mask' (2 box(es), the first in a), 'helmet' (1 box(es), the first in b)" in told
    assert "--label NAME=STATE" in told


# COCO


def coco(path: Path, images: list, annotations: list, categories: dict[int, str]) -> None:
    content = {
        "images": [
            {"id": number, "file_name": name, "width": size[0], "height": size[1]} for number, name, size in images
        ],
        "annotations": [
            {"id": index, "image_id": image, "category_id": category, "bbox": box, "iscrowd": crowd}
            for index, (image, category, box, crowd) in enumerate(annotations)
        ],
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
    }
    text(path, json.dumps(content))


CATEGORIES = {0: "faces", 3: "with_mask", 17: "without_mask"}


def test_coco_with_gaps_between_ids_crowds_and_nobody(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "images" / f"{name}.jpg")
    size = (WIDTH, HEIGHT)
    rows = [(9, 17, [10, 12, 30, 24], 0), (9, 3, [50.5, 5, 20, 20], 0), (9, 3, [0, 0, 80, 60], 1)]
    coco(tmp_path / "annotations" / "instances.json", [(9, "a.jpg", size), (4, "b.jpg", size)], rows, CATEGORIES)
    done = read(open_dataset(tmp_path)).demand("data")
    assert [(one.name, sides(one)) for one in done.annotations] == [("a", [BOX, (50.5, 5, 70.5, 25)]), ("b", [])]
    assert [box.label for box in done.annotations[0].boxes] == ["without_mask", "with_mask"]
    assert done.remarks == ("1 crowd region(s) (iscrowd) are left out, in 1 picture(s)",)


def test_coco_files_of_the_splits_with_the_same_names(tmp_path):
    for part in ("train2017", "val2017"):
        picture(tmp_path / part / "a.jpg")
        coco(
            tmp_path / "annotations" / f"instances_{part}.json",
            [(1, "a.jpg", (WIDTH, HEIGHT))],
            [(1, 3, [10, 12, 30, 24], 0)],
            CATEGORIES,
        )
    assert list(good(tmp_path, "train")) == ["train2017/a"]
    assert list(good(tmp_path, "val")) == ["val2017/a"]
    (tmp_path / "train2017" / "a.jpg").unlink()
    assert "its image is missing" in fault(tmp_path, "train")


def test_coco_beside_the_pictures_as_roboflow_writes_it(tmp_path):
    for part in ("train", "valid"):
        picture(tmp_path / part / "a.jpg")
        name = "images/a.jpg" if part == "valid" else "a.jpg"
        rows = [(0, 3, [10, 12, 30, 24], 0)]
        coco(tmp_path / part / "_annotations.coco.json", [(0, name, (0, 0))], rows, CATEGORIES)
    assert sides(good(tmp_path, "train")["train/a"]) == [BOX]
    assert sides(good(tmp_path, "valid")["valid/a"]) == [BOX]


def test_coco_lists_two_pictures_that_differ_in_the_suffix(tmp_path):
    for name in ("a.jpg", "a.png"):
        picture(tmp_path / "images" / name)
    listed = [(1, "a.jpg", (WIDTH, HEIGHT)), (2, "a.png", (WIDTH, HEIGHT))]
    coco(tmp_path / "coco.json", listed, [(2, 3, [10, 12, 30, 24], 0)], CATEGORIES)
    assert {one.image.name: len(one.boxes) for one in good(tmp_path).values()} == {"a.jpg": 0, "a.png": 1}


@pytest.mark.parametrize(
    ("images", "rows", "words"),
    [
        ([(1, "a.jpg", (9, 9))], [], "states an image of 9 x 9, but it is 80 x 60"),
        ([(1, "gone.jpg", (80, 60))], [], "gone: its image is missing"),
        ([(1, "a.jpg", (80, 60))], [(2, 3, [1, 1, 9, 9], 0)], "is of the picture 2, which is not listed"),
        ([(1, "a.jpg", (80, 60))], [(1, 5, [1, 1, 9, 9], 0)], "box 1 has the category 5, which is not listed"),
        ([(1, "a.jpg", (80, 60))], [(1, 3, [1, 1, 9], 0)], "box 1 does not have a bbox of four numbers"),
        ([(1, "a.jpg", (80, 60))], [(1, 3, [1, 1, -9, 9], 0)], "box 1 (1, 1, -8, 10) has no area"),
        ([(1, "a.jpg", (80, 60)), (1, "b.jpg", (80, 60))], [], "two images have the same id"),
    ],
)
def test_faults_of_coco_files(tmp_path, images, rows, words):
    picture(tmp_path / "a.jpg")
    coco(tmp_path / "instances.json", images, rows, CATEGORIES)
    assert words in fault(tmp_path)


def test_a_cut_off_coco_file_is_named(tmp_path):
    picture(tmp_path / "a.jpg")
    coco(tmp_path / "instances.json", [(1, "a.jpg", (80, 60))], [], CATEGORIES)
    path = tmp_path / "instances.json"
    path.write_text(path.read_text()[:-9])
    assert "instances.json: cannot be read as JSON" in fault(tmp_path)
    text(tmp_path / "other.json", "{")
    path.unlink()
    assert "has no annotations" in fault(tmp_path)


# YOLO

LINE = "{} 0.3125 0.4 0.375 0.4\n"
NAMES = "names: [mask_weared_incorrect, with_mask, without_mask]\n"


def test_yolo_with_its_splits_as_roboflow_writes_it(tmp_path):
    for number, folder in enumerate(("train", "valid", "test")):
        picture(tmp_path / folder / "images" / "a.jpg")
        text(tmp_path / folder / "labels" / "a.txt", LINE.format(number))
    text(tmp_path / "data.yaml", f"train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 3\n{NAMES}")
    for split, folder, label in (("train", "train", "mask_weared_incorrect"), ("val", "valid", "with_mask")):
        (one,) = good(tmp_path, split).values()
        assert one.name == f"{folder}/a"
        assert sides(one) == [pytest.approx(BOX)]
        assert one.boxes[0].label == label


def test_yolo_with_folders_of_images_and_labels_and_named_by_number(tmp_path):
    for part, name in (("train", "a"), ("train", "nobody"), ("night", "b")):
        picture(tmp_path / "images" / part / f"{name}.png")
        if name != "nobody":
            text(tmp_path / "labels" / part / f"{name}.txt", LINE.format(1) * 2)
    text(
        tmp_path / "data.yaml",
        "path: .\ntrain: images/train\nval: images/night\nnames:\n  0: without_mask\n  1: with_mask\n",
    )
    done = read(open_dataset(tmp_path), "train")
    assert {one.name: len(one.boxes) for one in done.annotations} == {"train/a": 2, "train/nobody": 0}
    assert done.remarks == ("1 picture(s) have no label file and count as pictures without a face",)
    assert list(good(tmp_path, "val")) == ["night/b"]


def test_yolo_of_darknet_with_lists(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / "obj_train_data" / f"{name}.jpg")
        text(tmp_path / "obj_train_data" / f"{name}.txt", LINE.format(0))
    text(tmp_path / "obj.names", "with_mask\n")
    text(tmp_path / "train.txt", "data/obj_train_data/b.jpg\n")
    text(tmp_path / "valid.txt", "data/obj_train_data/a.jpg\n")
    assert list(good(tmp_path, "train")) == ["obj_train_data/b"]
    assert list(good(tmp_path, "val")) == ["obj_train_data/a"]


def test_yolo_of_labelimg_beside_the_pictures(tmp_path):
    picture(tmp_path / "a.jpg")
    text(tmp_path / "a.txt", LINE.format(1))
    text(tmp_path / "classes.txt", "with_mask\nwithout_mask\n")
    assert good(tmp_path)["a"].boxes[0].label == "without_mask"
    text(tmp_path / "data.yaml", "names: [without_mask, with_mask]\n")
    assert "name different classes; keep one" in fault(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("7 0.5 0.5 0.1 0.1", "box 1 has the class 7, but 3 classes are named, from 0"),
        ("0 0.5 0.5 0.1", "box 1 (0 0.5 0.5 0.1) is not CLASS X Y WIDTH HEIGHT"),
        ("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5", "is not CLASS X Y WIDTH HEIGHT"),
        ("0 0.95 0.5 0.3 0.1", "reaches outside the image of 80 x 60"),
        ("0 25 24 30 24", "reaches outside the image of 80 x 60"),
        ("0 0.5 0.5 0 0.1", "has no area"),
        ("0 nan 0.5 0.1 0.1", "is not finite"),
        ("with_mask 0.5 0.5 0.1 0.1", "is not CLASS X Y WIDTH HEIGHT"),
    ],
)
def test_faults_of_yolo_lines(tmp_path, line, words):
    picture(tmp_path / "images" / "a.jpg")
    text(tmp_path / "labels" / "a.txt", f"{line}\n")
    text(tmp_path / "data.yaml", NAMES)
    assert words in fault(tmp_path)


def test_yolo_without_class_names_or_pictures(tmp_path):
    text(tmp_path / "labels" / "a.txt", LINE.format(0))
    assert "has YOLO labels, but no class names; add data.yaml" in fault(tmp_path)
    text(tmp_path / "data.yaml", NAMES)
    assert "a: its image is missing" in fault(tmp_path)


# Any format


def test_xml_of_a_project_is_no_annotation(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml")
    text(tmp_path / "project.xml", "<project/>")
    assert list(good(tmp_path)) == ["a"]
    text(tmp_path / "annotations.xml", "<annotations><image/></annotations>")
    assert "annotations: is an XML file of all pictures, as CVAT writes" in fault(tmp_path)


def test_a_path_of_data_yaml_on_another_machine_or_elsewhere_is_passed_over(tmp_path):
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (elsewhere / "images" / "night").mkdir(parents=True)
    picture(data / "images" / "night" / "a.jpg")
    text(data / "labels" / "night" / "a.txt", LINE.format(0))
    for path in (elsewhere, "/nowhere"):
        text(data / "data.yaml", f"path: {path}\nval: images/night\n{NAMES}")
        assert list(good(data, "val")) == ["night/a"]


def test_two_formats_are_refused(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml")
    text(tmp_path / "labels" / "a.txt", LINE.format(0))
    text(tmp_path / "data.yaml", NAMES)
    told = fault(tmp_path)
    assert "has annotations in 2 formats (Pascal VOC: annotations/a.xml; YOLO: labels/a.txt); keep one of them" in told


def test_hidden_files_are_no_annotations(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml")
    text(tmp_path / "__MACOSX" / "annotations" / "a.xml", "junk")
    text(tmp_path / "annotations" / "._a.xml", "junk")
    text(tmp_path / ".cache" / "b.xml", "junk")
    assert list(good(tmp_path)) == ["a"]


def test_nothing_to_judge_is_an_error(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml", boxes=0)
    text(tmp_path / "val.txt", "")
    assert "none of the 1 picture(s) has an annotated face" in fault(tmp_path)
    assert "has no pictures" in fault(tmp_path, "val")


# Splits


def many(folder: Path, *parts: str) -> None:
    """Three pictures with a face in each of these folders of the data set."""
    for part in parts:
        for number in range(3):
            picture(folder / "images" / part / f"{part}{number}.png", 20 + 70 * number)
            xml(folder / "annotations" / part / f"{part}{number}.xml")


def parts_of(folder: Path, **settings) -> dict[str, set[str]]:
    parts, _ = read_splits(folder, PrepareSettings(**settings))
    return {split: {one.image.stem for one in annotations} for split, annotations in parts.items()}


def test_the_test_part_is_never_trained_on(tmp_path):
    many(tmp_path, "train", "test", "val")
    expected = {"train": {"train0", "train1", "train2"}, "val": {"val0", "val1", "val2"}}
    assert parts_of(tmp_path) == expected
    (tmp_path / "test.txt").write_text("train/train0\n")
    with pytest.raises(TrainingError, match="train/train0: is in both train and test"):
        read_splits(tmp_path, PrepareSettings())


def test_val_is_drawn_from_train_alone(tmp_path, monkeypatch):
    many(tmp_path, "train", "test", "other")
    monkeypatch.setattr("monitor.training.duplicates.SAME_WITHIN_BITS", -1)  # plain pictures look alike
    parts = parts_of(tmp_path, val_share=0.4)
    assert parts["train"] | parts["val"] == {"train0", "train1", "train2"}
    assert parts["val"]


def test_train_is_all_but_val_and_test(tmp_path):
    many(tmp_path, "a", "test", "val")
    assert parts_of(tmp_path) == {"train": {"a0", "a1", "a2"}, "val": {"val0", "val1", "val2"}}


def test_a_set_too_small_to_split_is_refused(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    xml(tmp_path / "annotations" / "a.xml")
    with pytest.raises(TrainingError, match="val: has no pictures"):
        read_splits(tmp_path, PrepareSettings())
