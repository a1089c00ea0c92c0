"""`monitor train find-faces`: a data set with what other networks find in its pictures.

The result is a data set in Pascal VOC, whose pictures are links to those of the first one.
"""

from __future__ import annotations

import csv
import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from monitor.training.dataset import ALL, Annotation, Labelled, open_dataset
from monitor.training.errors import TrainingError
from monitor.training.faces import LANDMARKS_FILE, FaceFinder, Floats, LandmarkFinder, unannotated
from monitor.training.pictures import SUFFIXES, Box, inspect, read

#: The least score of a face that nobody annotated, and of one that gets a label without a person having seen it.
DOUBTFUL_SCORE, CERTAIN_SCORE = 0.3, 0.55


@dataclass(frozen=True, slots=True)
class Supplemented:
    """The written folder: its pictures, faces with a label, ignored ones, and faces with landmarks."""

    folder: Path
    pictures: int
    labelled: int
    ignored: int
    landmarks: int


def supplement(
    data_dir: Path,
    out_dir: Path,
    model: Path,
    labels: Sequence[str],
    bare: Sequence[str],
    label: str | None = None,
    corrections: Path | None = None,
    done: Callable[[int, int], None] = lambda *_: None,
) -> Supplemented:
    """Write a data set with the faces that were not annotated as ignored, and landmarks of those labelled `bare`.

    A folder of pictures without annotations gets them: faces found with certainty are labelled `label`, the others,
    and all without a label, are ignored. `corrections` is a CSV file of labels that a person has set right, with the
    columns `picture`, `box` (from 1, in the annotation's order) and `label`. `done` is called with (finished, total).

    Raises:
        TrainingError: the data set, a correction or a network cannot be read, or `out_dir` exists.
    """
    if out_dir.exists():
        raise TrainingError(f"{out_dir}: exists; remove it, or give another folder")
    finder, meshes = FaceFinder(model), LandmarkFinder()
    annotations = _pictures(data_dir, labels)
    if corrections is not None:
        annotations = _corrected(annotations, corrections, labels)
    known = any(one.boxes or one.ignored for one in annotations)
    half_written = out_dir.with_name(out_dir.name + ".part")
    shutil.rmtree(half_written, ignore_errors=True)
    for part in ("images", "annotations"):
        (half_written / part).mkdir(parents=True)
    landmarks: dict[str, dict[int, list[list[float]]]] = {}
    labelled = ignored = 0
    for count, given in enumerate(annotations, 1):
        image = read(given.image)
        found = finder.find(image)
        boxes = given.boxes
        if not known and label is not None:
            boxes = tuple(Labelled(*_clipped(row, given), label) for row in found[found[:, 4] >= CERTAIN_SCORE])
        rows = _rows(boxes)
        more = unannotated(found, rows, DOUBTFUL_SCORE)
        one = replace(given, boxes=boxes, ignored=(*given.ignored, *(_clipped(row, given) for row in more)))
        meshed = {
            index: points.round(2).tolist()
            for index, box in enumerate(boxes)
            if box.label in bare and (points := meshes.find(image, rows[index])) is not None
        }
        if meshed:
            landmarks[one.image.name] = meshed
        _write(half_written, one)
        labelled, ignored = labelled + len(one.boxes), ignored + len(one.ignored)
        done(count, len(annotations))
    meshes.close()
    (half_written / LANDMARKS_FILE).write_text(json.dumps(landmarks), "utf-8")
    for listing in data_dir.glob("*.txt"):
        shutil.copy(listing, half_written)
    half_written.rename(out_dir)
    return Supplemented(out_dir, len(annotations), labelled, ignored, sum(map(len, landmarks.values())))


def _pictures(folder: Path, labels: Sequence[str]) -> tuple[Annotation, ...]:
    """Return the annotated pictures of a data set, or all pictures of a folder that has no annotations."""
    if any(folder.rglob("*.xml")):
        data = open_dataset(folder)
        return data.read(data.names(ALL) or (), labels).demand(str(folder)).annotations
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not pictures:
        raise TrainingError(f"{folder}: has no pictures")
    return tuple(Annotation(path.stem, path, *inspect(path).shown, ()) for path in pictures)


def _corrected(annotations: Sequence[Annotation], path: Path, labels: Sequence[str]) -> tuple[Annotation, ...]:
    """Return the annotations with the labels of a CSV file."""
    by_name = {one.name: one for one in annotations}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(row["picture"], int(row["box"]), row["label"]) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: cannot be read: {error!r}") from error
    for name, number, label in rows:
        one = by_name.get(name)
        if one is None or not 1 <= number <= len(one.boxes) or label not in labels:
            raise TrainingError(f"{path}: {name} has no box {number}, or there is no label {label}")
        boxes = list(one.boxes)
        boxes[number - 1] = replace(boxes[number - 1], label=label)
        by_name[name] = replace(one, boxes=tuple(boxes))
    return tuple(by_name.values())


def _rows(boxes: Sequence[Labelled]) -> Floats:
    rows = [(box.x1_px, box.y1_px, box.x2_px, box.y2_px) for box in boxes]
    return np.array(rows, np.float32).reshape(-1, 4)


def _clipped(box: Floats, one: Annotation) -> Box:
    x1, y1, x2, y2 = (float(side) for side in box[:4])
    return max(x1, 0.0), max(y1, 0.0), min(x2, float(one.width_px)), min(y2, float(one.height_px))


def _write(folder: Path, one: Annotation) -> None:
    name = one.name.replace("/", "-")
    (folder / "images" / f"{name}{one.image.suffix}").symlink_to(one.image.resolve())
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = f"{name}{one.image.suffix}"
    size = ET.SubElement(root, "size")
    for side, length in (("width", one.width_px), ("height", one.height_px), ("depth", 3)):
        ET.SubElement(size, side).text = str(length)
    rows = [((box.x1_px, box.y1_px, box.x2_px, box.y2_px), box.label, 0) for box in one.boxes]
    for sides, label, difficult in [*rows, *((box, "face", 1) for box in one.ignored)]:
        node = ET.SubElement(root, "object")
        ET.SubElement(node, "name").text = label
        ET.SubElement(node, "difficult").text = str(difficult)
        bounds = ET.SubElement(node, "bndbox")
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), sides, strict=True):
            ET.SubElement(bounds, side).text = f"{value:.1f}"
    ET.ElementTree(root).write(folder / "annotations" / f"{name}.xml", encoding="utf-8")
