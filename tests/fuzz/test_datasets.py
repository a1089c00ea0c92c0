"""Annotations from anywhere: Pascal VOC, COCO and YOLO."""

import contextlib
import json
from pathlib import Path

from PIL import Image

from monitor.training.dataset import open_dataset
from monitor.training.errors import TrainingError
from tests.fuzz.mutations import JSON, attack
from tests.fuzz.test_settings import BOMB, MERGES, TYPES, YAML

LABELS = ("with_mask", "without_mask")


def read(folder: Path) -> None:
    """Read the whole data set: what is wrong is said."""
    with contextlib.suppress(TrainingError):
        data = open_dataset(folder)
        data.read(data.names("all") or (), LABELS)


def picture(folder: Path) -> None:
    Image.new("RGB", (40, 30)).save(folder / "a.jpg")


def test_pascal_voc(tmp_path: Path) -> None:
    picture(tmp_path)
    sides = "<xmin>1</xmin><ymin>2</ymin><xmax>20</xmax><ymax>21</ymax>"
    box = f"<object><name>with_mask</name><bndbox>{sides}</bndbox></object>"
    size = "<size><width>40</width><height>30</height><depth>3</depth></size>"
    whole = f"<annotation><folder>x</folder><filename>a.jpg</filename>{size}{box}{box}</annotation>".encode()
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    laughs = b'<!DOCTYPE a [<!ENTITY e0 "ha">%s]>' % entities + whole.replace(b"with_mask", b"&e9;")
    outside = b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + whole.replace(b"with_mask", b"&f;")
    tokens = [
        *(b"<a>" * 2000, b"</object>", b"<annotations>", b"&#0;", b"&lt;", b"<![CDATA[", b"../../a.jpg"),
        *(b'<?xml version="1.0" encoding="%s"?>' % name for name in (b"utf-16", b"x", b"rot13")),
    ]

    def check(data: bytes) -> None:
        (tmp_path / "a.xml").write_bytes(data)
        read(tmp_path)

    attack([whole, laughs, outside], check, tmp_path, 150, tokens)


def test_coco(tmp_path: Path) -> None:
    picture(tmp_path)
    values = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 20, 20], "iscrowd": 0}],
        "categories": [{"id": 1, "name": "with_mask"}],
    }

    def check(data: bytes) -> None:
        (tmp_path / "all.json").write_bytes(data)
        read(tmp_path)

    whole = json.dumps(values).encode()
    deep, large = whole[:-1] + b', "x": ' + b"[" * 200_000, whole.replace(b"[1, 2,", b"[1%s, 2," % (b"0" * 400))
    attack([whole, json.dumps(values, indent=1).encode(), deep, large], check, tmp_path, 800, JSON)


def test_yolo(tmp_path: Path) -> None:
    picture(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [with_mask, without_mask]\n")

    def check(data: bytes) -> None:
        (tmp_path / "a.txt").write_bytes(data)
        read(tmp_path)

    attack([b"0 0.5 0.5 0.2 0.2\n1 0.1 0.2 0.05 0.05\n"], check, tmp_path, 600)


def test_yolo_descriptions(tmp_path: Path) -> None:
    picture(tmp_path)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    plain = b"path: .\ntrain: ./\nval: [a.txt]\nnc: 2\nnames: {0: with_mask, 1: without_mask}\n"
    bombs = [BOMB + b"%s: *a9\nnames: [a]\n" % key for key in (b"path", b"train", b"val")]

    def check(data: bytes) -> None:
        (tmp_path / "data.yaml").write_bytes(data)
        read(tmp_path)

    names = [BOMB + b"names: *a9\n", BOMB + b"names: {0: *a9}\n"]
    attack([plain, *bombs, *names, MERGES + plain, *TYPES], check, tmp_path, 400, YAML)
