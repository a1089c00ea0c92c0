"""Reads and checks a Pascal VOC data set: `images/`, `annotations/NAME.xml` and optional split files.

The faults of all annotations are collected first, so that one run of `prepare` reports everything that must be fixed.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.training.errors import TrainingError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

#: Pascal VOC counts pixels from 1, and many tools write xmax = width + 1 or ymin = 0: one pixel over is clipped.
EDGE_TOLERANCE_PX = 1.0


@dataclass(frozen=True, slots=True)
class Labelled:
    """A box of an annotation: pixels of the image, clipped to it, and the class name as written."""

    x1_px: float
    y1_px: float
    x2_px: float
    y2_px: float
    label: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One image and its boxes; images without faces are kept."""

    name: str
    image: Path
    width_px: int
    height_px: int
    boxes: tuple[Labelled, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of one annotation."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Annotations that passed every check, in the requested order, and the faults of the others."""

    annotations: tuple[Annotation, ...]
    problems: tuple[Problem, ...]


def read_split(voc_dir: Path, split: str) -> list[str] | None:
    """Return the names in `SPLIT.txt` (or `ImageSets/Main/SPLIT.txt`), or None if there is no such file.

    A second column, as the original Pascal VOC split files have, must be preceded by two spaces or a tab: names may
    contain single spaces.
    """
    for path in (voc_dir / f"{split}.txt", voc_dir / "ImageSets" / "Main" / f"{split}.txt"):
        if path.is_file():
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            return [line.strip().replace("\t", "  ").split("  ")[0] for line in lines if line.strip()]
    return None


def all_names(voc_dir: Path) -> list[str]:
    """Return every annotation's name, sorted."""
    return sorted(path.stem for path in _annotations_dir(voc_dir).glob("*.xml"))


def read_dataset(voc_dir: Path, names: Sequence[str], labels: Iterable[str]) -> Dataset:
    """Read and check the named annotations.

    Raises:
        TrainingError: `voc_dir` is not laid out as Pascal VOC at all.
    """
    if not voc_dir.is_dir():
        raise TrainingError(f"{voc_dir}: no such folder")
    annotations, images = _annotations_dir(voc_dir), _images_dir(voc_dir)
    pictures = {path.stem: path for path in images.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES}
    known = frozenset(labels)
    good: list[Annotation] = []
    problems: list[Problem] = []
    for name in names:
        found, wrong = _read_one(name, annotations / f"{name}.xml", pictures.get(name), known)
        problems += [Problem(name, what) for what in wrong]
        if found is not None and not wrong:
            good.append(found)
    problems += [Problem(name, "is listed more than once in the split") for name in sorted(_repeated(names))]
    return Dataset(tuple(good), tuple(problems))


def _repeated(names: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def _annotations_dir(voc_dir: Path) -> Path:
    return _subfolder(voc_dir, "annotations", "Annotations")


def _images_dir(voc_dir: Path) -> Path:
    return _subfolder(voc_dir, "images", "JPEGImages")


def _subfolder(voc_dir: Path, *names: str) -> Path:
    for name in names:
        if (voc_dir / name).is_dir():
            return voc_dir / name
    raise TrainingError(f"{voc_dir}: has no {' or '.join(names)} folder; expected Pascal VOC")


def _read_one(name: str, xml: Path, image: Path | None, known: frozenset[str]) -> tuple[Annotation | None, list[str]]:
    """Return the annotation, or None if it cannot be read at all, and its faults."""
    wrong: list[str] = []
    if image is None:
        wrong.append("its image is missing")
    try:
        root = ET.parse(xml).getroot()
    except FileNotFoundError:
        return None, [*wrong, "its XML file is missing"]
    except (ET.ParseError, OSError, ValueError) as error:
        return None, [*wrong, f"its XML cannot be read ({error})"]
    stated = _stated_size(root)
    actual = None
    if image is not None:
        actual = image_size(image)
        if actual is None:
            wrong.append(f"{image.name} is not a readable JPEG or PNG picture")
        elif stated is not None and stated != actual:
            wrong.append(f"states an image of {stated[0]} x {stated[1]}, but it is {actual[0]} x {actual[1]}")
    size = actual or stated
    boxes: list[Labelled] = []
    for index, node in enumerate(root.iter("object"), start=1):
        box, fault = _read_box(node, size, known)
        if box is None:
            wrong.append(f"box {index} {fault}")
        else:
            boxes.append(box)
    if image is None or size is None:
        return None, wrong
    return Annotation(name, image, size[0], size[1], tuple(boxes)), wrong


def _stated_size(root: ET.Element) -> tuple[int, int] | None:
    try:
        return int(float(root.findtext("size/width", ""))), int(float(root.findtext("size/height", "")))
    except ValueError:
        return None


def _read_box(node: ET.Element, size: tuple[int, int] | None, known: frozenset[str]) -> tuple[Labelled | None, str]:
    """Return a box clipped to its image, or None and its fault."""
    label = (node.findtext("name") or "").strip()
    if label not in known:
        return None, f"has the unknown class {label!r}; known are {', '.join(sorted(known))}"
    try:
        x1, y1, x2, y2 = (float(node.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        return None, "does not have four numbers xmin, ymin, xmax, ymax"
    where = f"({x1:g}, {y1:g}, {x2:g}, {y2:g})"
    if not all(abs(value) < 1e6 for value in (x1, y1, x2, y2)):
        return None, f"{where} is not finite"
    if size is not None:
        width, height = size
        over = max(-x1, -y1, x2 - width, y2 - height)
        if over > EDGE_TOLERANCE_PX:
            return None, f"{where} reaches outside the image of {width} x {height}"
        x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    if x2 <= x1 or y2 <= y1:
        return None, f"{where} has no area"
    return Labelled(x1, y1, x2, y2, label), ""


def image_size(path: Path) -> tuple[int, int] | None:
    """Return width and height in pixels from the header of a JPEG or PNG file, None if it is neither."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return int(width), int(height)
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start-of-frame segment
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return int(width), int(height)
        else:
            at += 2 + length
    return None
