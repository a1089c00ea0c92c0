"""`monitor train prepare`: check a data set, then write records, label map and statistics."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.domain.detection import MaskState
from monitor.training import tfod
from monitor.training.dataset import ALL, Annotation, Dataset, Problem, open_dataset
from monitor.training.duplicates import seeded_split
from monitor.training.errors import TrainingError
from monitor.training.faces import read_landmarks
from monitor.training.labels import DEFAULT_STATES
from monitor.training.masks import is_frontal
from monitor.training.records import write_label_map, write_pictures, write_views
from monitor.training.views import Source, ViewMaker, ViewSettings

LABEL_MAP = "label_map.pbtxt"
STATISTICS = "statistics.json"

#: Bytes that one view takes: 320 x 320 at JPEG quality 92 measured 31 kB a view on the project's data set.
_BYTES_PER_VIEW = 40_000


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """What to write: `states` by label, in the order of their ids. Without `views`, whole train pictures.

    `more` are further data sets to learn from, with the split to take, or None for everything that is not held out. A
    picture with the name of one of the first data set takes its place, as the same photograph in a higher resolution.
    """

    states: Mapping[str, MaskState] = field(default_factory=lambda: DEFAULT_STATES)
    views: int = 0
    view: ViewSettings = field(default_factory=ViewSettings)
    seed: int = 1
    val_share: float = 0.15
    more: Sequence[tuple[Path, str | None]] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names in the order of their ids."""
        return tuple(self.states)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The written folder, the statistics of each split, and remarks for people."""

    folder: Path
    statistics: dict[str, Any]
    remarks: tuple[str, ...]


def prepare(
    data_dir: Path,
    out_dir: Path,
    settings: PrepareSettings,
    done: Callable[[int, int], None] = lambda *_: None,
) -> Prepared:
    """Check everything, then write `train.record`, `val.record`, the label map, `statistics.json` and a plot.

    `done` is called with (written, total). If there is a fault, no files are left.

    Raises:
        TrainingError: every fault of every annotation, one per line; a split without a face; or too little space on the
            disk.
    """
    splits, remarks = read_splits(data_dir, settings)
    if settings.more:
        splits["train"], more_remarks = _with_more(splits, settings)
        remarks = (*remarks, *more_remarks)
    estimate = settings.views * _BYTES_PER_VIEW + sum(_most_bytes(one) for split in splits.values() for one in split)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(out_dir.parent).free) < estimate:
        raise TrainingError(f"{out_dir}: needs about {estimate / 1e6:.0f} MB, the disk has {free / 1e6:.0f} MB free")
    tfod.load()
    half_written = out_dir.with_name(out_dir.name + ".part")
    shutil.rmtree(half_written, ignore_errors=True)
    half_written.mkdir()
    try:
        statistics = {name: describe(split, settings.labels) for name, split in splits.items()}
        _write(half_written, splits, settings, done)
        (half_written / STATISTICS).write_text(json.dumps(statistics, indent=1), encoding="utf-8")
        from monitor.training.plots import plot_statistics

        plot_statistics(splits, settings.labels, half_written / "statistics.png")
        shutil.rmtree(out_dir, ignore_errors=True)
        half_written.rename(out_dir)
    except OSError as error:
        raise TrainingError(f"{out_dir}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(half_written, ignore_errors=True)
    return Prepared(out_dir, statistics, remarks)


def read_splits(folder: Path, settings: PrepareSettings) -> tuple[dict[str, tuple[Annotation, ...]], tuple[str, ...]]:
    """Return train and val, checked, and remarks for people; every fault of both is reported together.

    If the data set does not have both splits, val is drawn from train or from everything, similar pictures being kept
    together, or train is everything but val. A split `test` is never used.
    """
    data = open_dataset(folder)
    train, val, held_out = (data.names(split) for split in ("train", "val", "test"))
    apart = {*(held_out or ()), *(val or ())}
    rest = tuple(name for name in data.names(ALL) or () if name not in apart)
    train = rest if train is None else train
    found = data.read([*train, *sorted(set(val or ()) - set(train))], settings.labels)
    problems = [
        Problem(name, f"is in both train and {split}")
        for split, names in (("val", val), ("test", held_out))
        for name in sorted(set(train) & set(names or ()))
    ]
    Dataset(found.annotations, (*found.problems, *problems), ()).demand(str(folder))
    by_name = {one.name: one for one in found.annotations}
    if val is None:
        parts = seeded_split(found.annotations, settings.val_share, settings.seed)
    else:
        parts = tuple(by_name[name] for name in train), tuple(by_name[name] for name in val)
    splits = dict(zip(("train", "val"), parts, strict=True))
    for split, pictures in splits.items():
        Dataset(pictures, (), ()).demand(f"{folder}: {split}")
    return splits, found.remarks


def _with_more(
    splits: Mapping[str, tuple[Annotation, ...]], settings: PrepareSettings
) -> tuple[tuple[Annotation, ...], tuple[str, ...]]:
    """Return the train pictures of all data sets, and remarks; what any of them holds out is not among them."""
    train = {one.name: one for one in splits["train"]}
    held_out = {one.name for one in splits["val"]}
    folders = [(folder, split, open_dataset(folder)) for folder, split in settings.more]
    for _, _, data in folders:
        held_out |= {name for part in ("val", "test") for name in data.names(part) or ()}
    added: list[Annotation] = []
    remarks: list[str] = []
    for folder, split, data in folders:
        names = data.names(split or ALL)
        if names is None:
            raise TrainingError(f"{folder}: has no split {split!r}")
        found = data.read([name for name in names if name not in held_out], settings.labels)
        if found.problems:  # a set of pictures without faces is welcome, one with faults is not
            found.demand(str(folder))
        for one in found.annotations:
            if one.name in train:
                train[one.name] = one
            else:
                added.append(one)
        remarks += found.remarks
    return (*train.values(), *added), tuple(remarks)


def _write(
    folder: Path,
    splits: dict[str, tuple[Annotation, ...]],
    settings: PrepareSettings,
    done: Callable[[int, int], None],
) -> None:
    write_label_map(folder / LABEL_MAP, settings.labels)
    write_pictures(folder / "val.record", splits["val"], settings.labels)
    if not settings.views:
        write_pictures(folder / "train.record", splits["train"], settings.labels)
        done(1, 1)
        return
    sources = [source_of(one, settings.labels) for one in splits["train"]]
    maker = ViewMaker(sources, settings.view, settings.seed, tuple(settings.states.values()))
    write_views(
        folder / "train.record", maker, settings.views, settings.labels, lambda count: done(count, settings.views)
    )


def _most_bytes(one: Annotation) -> int:
    """Return about how many bytes a picture takes in a record: its pixels, if it is not a JPEG."""
    jpeg = one.image.suffix.lower() in {".jpg", ".jpeg"}
    return 2 * one.image.stat().st_size if jpeg else 3 * one.width_px * one.height_px


def source_of(annotation: Annotation, labels: Sequence[str]) -> Source:
    """Return an annotated picture as a source of views."""
    rows = [(box.x1_px, box.y1_px, box.x2_px, box.y2_px) for box in annotation.boxes]
    classes = [labels.index(box.label) + 1 for box in annotation.boxes]
    return Source(
        annotation.image,
        np.array(rows, np.float32).reshape(-1, 4),
        np.array(classes, np.int64),
        np.array(annotation.ignored, np.float32).reshape(-1, 4),
        {
            face: points
            for face, points in _landmarks(annotation.image.parent.parent).get(annotation.image.name, {}).items()
            if is_frontal(points)
        },
    )


@lru_cache
def _landmarks(folder: Path) -> dict[str, dict[int, NDArray[np.float32]]]:
    return read_landmarks(folder)


def describe(annotations: Sequence[Annotation], labels: Sequence[str]) -> dict[str, Any]:
    """Return counts by class, pictures without faces, and face heights (pixels, and share of the picture's height)."""
    boxes = [(one, box) for one in annotations for box in one.boxes]
    pixels = [box.y2_px - box.y1_px for _, box in boxes]
    shares = [(box.y2_px - box.y1_px) / one.height_px for one, box in boxes]
    points = (10, 50, 90)

    def percentiles(values: list[float]) -> dict[str, float]:
        return {f"p{p}": round(float(np.percentile(values, p)), 4) for p in points} if values else {}

    return {
        "pictures": len(annotations),
        "pictures_with_nobody": sum(1 for one in annotations if not one.boxes),
        "boxes": {label: sum(1 for _, box in boxes if box.label == label) for label in labels},
        "face_height_px": percentiles(pixels),
        "face_height_share": percentiles(shares),
    }
