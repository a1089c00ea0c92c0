"""`monitor train prepare`: check a Pascal VOC data set, then write records, label map and statistics."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from monitor.domain.detection import MaskState
from monitor.training import tfod
from monitor.training.duplicates import seeded_split
from monitor.training.errors import TrainingError
from monitor.training.labels import DEFAULT_STATES
from monitor.training.records import write_label_map, write_pictures, write_views
from monitor.training.views import Source, ViewMaker, ViewSettings
from monitor.training.voc import Annotation, Problem, all_names, read_dataset, read_split

LABEL_MAP = "label_map.pbtxt"
STATISTICS = "statistics.json"

#: Bytes that one view takes: 320 x 320 at JPEG quality 92 measured 31 kB a view on the project's data set.
_BYTES_PER_VIEW = 40_000


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """What to write: `states` by label, in the order of their ids. Without `views`, whole train pictures."""

    states: Mapping[str, MaskState] = field(default_factory=lambda: DEFAULT_STATES)
    views: int = 0
    view: ViewSettings = field(default_factory=ViewSettings)
    seed: int = 1
    val_share: float = 0.15

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names in the order of their ids."""
        return tuple(self.states)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The written folder, and the statistics of each split."""

    folder: Path
    statistics: dict[str, Any]


def prepare(
    voc_dir: Path,
    out_dir: Path,
    settings: PrepareSettings,
    done: Callable[[int, int], None] = lambda *_: None,
) -> Prepared:
    """Check everything, then write `train.record`, `val.record`, the label map, `statistics.json` and a plot.

    Split files (`train.txt`, `val.txt`) are used if both exist; otherwise a seeded split keeps similar pictures
    together. `done` is called with (written, total). If there is a fault, no files are left.

    Raises:
        TrainingError: every fault of every annotation, one per line; or too little space on the disk.
    """
    splits = read_splits(voc_dir, settings)
    estimate = settings.views * _BYTES_PER_VIEW + 2 * sum(
        one.image.stat().st_size for s in splits.values() for one in s
    )
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
    return Prepared(out_dir, statistics)


def read_splits(voc_dir: Path, settings: PrepareSettings) -> dict[str, tuple[Annotation, ...]]:
    """Train and val, checked; every fault of both is reported together."""
    named = {split: read_split(voc_dir, split) for split in ("train", "val")}
    problems: list[Problem] = []
    if named["train"] is None or named["val"] is None:
        everything = read_dataset(voc_dir, all_names(voc_dir), settings.labels)
        problems += everything.problems
        parts = seeded_split(everything.annotations, settings.val_share, settings.seed) if not problems else ((), ())
        splits = {"train": parts[0], "val": parts[1]}
    else:
        splits = {}
        for split, names in named.items():
            found = read_dataset(voc_dir, names or [], settings.labels)
            splits[split] = found.annotations
            problems += found.problems
        shared = sorted(set(named["train"]) & set(named["val"]))
        problems += [Problem(name, "is in both train and val") for name in shared]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise TrainingError(f"{voc_dir}: {len(problems)} fault(s), nothing written:\n{lines}")
    if not splits["train"]:
        raise TrainingError(f"{voc_dir}: has no training pictures")
    return splits


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


def source_of(annotation: Annotation, labels: Sequence[str]) -> Source:
    """Return an annotated picture as a source of views."""
    rows = [(box.x1_px, box.y1_px, box.x2_px, box.y2_px) for box in annotation.boxes]
    classes = [labels.index(box.label) + 1 for box in annotation.boxes]
    return Source(annotation.image, np.array(rows, np.float32).reshape(-1, 4), np.array(classes, np.int64))


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
