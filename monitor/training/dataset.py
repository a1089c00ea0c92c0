"""Reads and checks a data set: Pascal VOC, COCO or YOLO, in the layouts that labelling tools write.

`open_dataset` recognises the format by the files in the folder. The faults of all annotations are collected first, so
that one run of `prepare` reports everything that must be fixed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitor.training import coco, voc, yolo
from monitor.training.errors import TrainingError
from monitor.training.layout import SPLITS, Entry, Files, WrittenBox, is_tail, key_of
from monitor.training.pictures import Box, Stored, inspect

#: Pascal VOC counts pixels from 1, and many tools write xmax = width + 1 or ymin = 0: one pixel over is clipped.
EDGE_TOLERANCE_PX = 1.0

#: The split that means every annotation.
ALL = "all"

#: How many names a remark lists.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Labelled:
    """A box of an annotation: pixels of the upright picture, clipped to it, and the class name as written."""

    x1_px: float
    y1_px: float
    x2_px: float
    y2_px: float
    label: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One picture and its boxes, upright, whatever its EXIF orientation; pictures without faces are kept.

    `name` is unique in the data set: the path without suffix, from the folders that hold pictures or annotations.
    What is in `ignored` is neither learnt nor counted, found or not.
    """

    name: str
    image: Path
    width_px: int
    height_px: int
    boxes: tuple[Labelled, ...]
    ignored: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of one annotation."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Annotations that passed every check, in the requested order, the faults of the others, and remarks for people."""

    annotations: tuple[Annotation, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[str, ...]

    def demand(self, where: str) -> Dataset:
        """Return this; raises `TrainingError` with all faults, or if there is no picture or no face in it."""
        if self.problems:
            lines = "\n".join(f"  {problem}" for problem in self.problems)
            raise TrainingError(f"{where}: {len(self.problems)} fault(s):\n{lines}")
        if not self.annotations:
            raise TrainingError(f"{where}: has no pictures; add some, or give another folder or split")
        if not any(one.boxes for one in self.annotations):
            raise TrainingError(
                f"{where}: none of the {len(self.annotations)} picture(s) has an annotated face; check that the "
                "annotation files belong to the pictures"
            )
        return self


@dataclass(slots=True)
class _Findings:
    """What the check of several annotations finds, beyond the faults of each."""

    unknown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    clipped: int = 0
    either_way: list[str] = field(default_factory=list)

    def remarks(self) -> list[str]:
        """Return a sentence for people on each kind of finding."""
        found = []
        if self.clipped:
            found.append(f"{self.clipped} box(es) reached over the picture's edge by up to one pixel and were clipped")
        if self.either_way:
            found.append(
                f"{len(self.either_way)} picture(s) are turned by EXIF, and no stated size tells whether their boxes "
                f"are of the picture as shown or as stored; read as shown: {_some(self.either_way)}"
            )
        return found


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data set that has been found but not checked: its entries by name, and its format's own splits."""

    folder: Path
    entries: Mapping[str, Entry]
    listed: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]

    def names(self, split: str) -> tuple[str, ...] | None:
        """Return the names of a split in its order, or None if the data set does not have it.

        A split is, in this order: what the format's own file lists; what `SPLIT.txt` or `ImageSets/Main/SPLIT.txt`
        lists; the pictures in folders of that name. `all` is every annotation. `valid` and `validation` mean `val`.
        """
        if split == ALL:
            return tuple(self.entries)
        part = SPLITS.get(split, split)
        lines = self.listed.get(part)
        if lines is None:
            lines = self._read_lines([word for word, meant in SPLITS.items() if meant == part] or [split])
        if lines is None:
            return tuple(name for name, entry in self.entries.items() if entry.split == part) or None
        by_last: dict[str, list[str]] = defaultdict(list)
        for name in self.entries:
            by_last[_last(name)].append(name)
        return tuple(self._resolved(line, part, by_last) for line in lines)

    def _read_lines(self, stems: Sequence[str]) -> tuple[str, ...] | None:
        for path in (place / f"{stem}.txt" for stem in stems for place in (self.folder, self._image_sets)):
            if path.is_file() and path.stem not in self.entries:
                try:
                    lines = path.read_text(encoding="utf-8-sig").splitlines()
                except (OSError, ValueError) as error:
                    raise TrainingError(f"{path}: cannot be read as text ({error})") from error
                return tuple(line.strip() for line in lines if line.strip())
        return None

    @property
    def _image_sets(self) -> Path:
        return self.folder / "ImageSets" / "Main"

    def _resolved(self, line: str, split: str, by_last: Mapping[str, Sequence[str]]) -> str:
        """Return the name that a line of a split file means, or the line if there is none.

        Lines are names, or paths of pictures; the original Pascal VOC has a second column, 1, 0 or -1.
        """
        plain = re.split(r"\t|  ", line)[0].strip()
        for written in (plain, re.sub(r"\s+(-1|0|1)$", "", plain)):
            key = key_of(written)
            for name in (written, key, f"{split}/{key}"):
                if name in self.entries:
                    return name
            near = [
                name
                for name in by_last.get(_last(key), ())
                if is_tail(key_of(name), key) and ("/" in key or self.entries[name].split in {None, split})
            ]
            if len(near) == 1:
                return near[0]
        return plain

    def read(self, names: Iterable[str], labels: Iterable[str]) -> Dataset:
        """Read and check the named annotations; `labels` are the class names to expect."""
        names, known = list(names), frozenset(labels)
        findings = _Findings()
        good: list[Annotation] = []
        problems: list[Problem] = []
        for name in dict.fromkeys(names):
            entry = self.entries.get(name)
            found, wrong = (None, ["has no annotation"]) if entry is None else _checked(entry, known, findings)
            problems += [Problem(name, what) for what in wrong]
            if found is not None:
                good.append(found)
        problems += [Problem(name, "is listed more than once in the split") for name in sorted(_repeated(names))]
        if findings.unknown:
            unknown = ", ".join(
                f"{label!r} ({len(where)} box(es), the first in {where[0]})"
                for label, where in sorted(findings.unknown.items())
            )
            expected = f"expected are {', '.join(sorted(known))}; give every class as --label NAME=STATE"
            problems.append(Problem("unknown class names", f"{unknown}; {expected}"))
        return Dataset(tuple(good), tuple(problems), (*self.remarks, *findings.remarks()))


def open_dataset(folder: Path) -> DataFolder:
    """Find the annotations of a folder, in whatever format they are.

    Raises:
        TrainingError: there are none, or in more than one format, or a file of all annotations cannot be read.
    """
    files = Files(folder)
    found = [listing for listing in (voc.find(files), coco.find(files), yolo.find(files)) if listing is not None]
    if not found:
        raise TrainingError(
            f"{folder}: has no annotations; expected Pascal VOC (an XML file for each picture), COCO (a JSON file) or "
            "YOLO (a text file for each picture)"
        )
    if len(found) > 1:
        formats = "; ".join(listing.where for listing in found)
        raise TrainingError(f"{folder}: has annotations in {len(found)} formats ({formats}); keep one of them")
    listing = found[0]
    entries = {entry.name: entry for entry in listing.entries}
    return DataFolder(folder, entries, listing.splits, listing.remarks)


def _repeated(names: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    return {name for name in names if name in seen or seen.add(name)}  # type: ignore[func-returns-value]


def _last(name: str) -> str:
    """Return the last component of a key, in any case; of a name with a suffix, without it."""
    return key_of(name).rpartition("/")[2].casefold()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _checked(entry: Entry, known: frozenset[str], findings: _Findings) -> tuple[Annotation | None, list[str]]:
    """Return the annotation, None if it has any fault, and its faults; unknown classes are left to `findings`."""
    wrong = list(entry.faults)
    stored: Stored | None = None
    if entry.image is not None:
        try:
            stored = inspect(entry.image)
        except TrainingError as error:
            wrong.append(str(error))
    if stored is not None and entry.size is not None and entry.size not in {stored.shown, stored.size}:
        wrong.append(f"states an image of {_by(entry.size)}, but it is {_sizes(stored)}")
        stored = None
    # A size that fits the stored picture only: the tool did not turn it, and its boxes have to be turned with it.
    as_stored = stored is not None and entry.size == stored.size != stored.shown
    either_way = stored is not None and (entry.size is None or stored.size == stored.shown)
    if either_way and stored is not None and stored.orientation > 1 and entry.boxes:
        findings.either_way.append(entry.name)
    unknown = 0
    boxes: list[Labelled] = []
    ignored: list[Box] = []
    for index, written in enumerate(entry.boxes, start=1):
        if isinstance(written, str):
            wrong.append(f"box {index} {written}")
        elif written.label not in known and not written.ignored:
            findings.unknown[written.label].append(entry.name)
            unknown += 1
        else:
            found = _placed(written, entry.relative, stored, as_stored, findings)
            if isinstance(found, str):
                wrong.append(f"box {index} {found}")
            elif written.ignored:
                ignored.append((found.x1_px, found.y1_px, found.x2_px, found.y2_px))
            else:
                boxes.append(found)
    if stored is None or entry.image is None or wrong or unknown:
        return None, wrong
    return Annotation(entry.name, entry.image, *stored.shown, tuple(boxes), tuple(ignored)), wrong


def _placed(
    written: WrittenBox, relative: bool, stored: Stored | None, as_stored: bool, findings: _Findings
) -> Labelled | str:
    """Return a box clipped to its upright picture, or its fault."""
    box = written.sides
    where = f"({', '.join(f'{side:g}' for side in box)})"
    if not all(abs(value) < 1e6 for value in box):
        return f"{where} is not finite"
    if box[2] <= box[0] or box[3] <= box[1]:
        return f"{where} has no area"
    if stored is None:
        return Labelled(*box, written.label)
    width, height = stored.size if as_stored else stored.shown
    if relative:
        box = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    over = max(-box[0], -box[1], box[2] - width, box[3] - height)
    if over > EDGE_TOLERANCE_PX:
        return f"{where} reaches outside the image of {_sizes(stored)}"
    clipped = _clipped(box, width, height)
    if over > 0:
        findings.clipped += 1
    if clipped[2] <= clipped[0] or clipped[3] <= clipped[1]:
        return f"{where} has no area"
    return Labelled(*(stored.turned(clipped) if as_stored else clipped), written.label)


def _clipped(box: Box, width: int, height: int) -> Box:
    return max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(width)), min(box[3], float(height))


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _sizes(stored: Stored) -> str:
    """Return the picture's size in words; for one that EXIF turns, both sizes."""
    if stored.orientation == 1:
        return _by(stored.shown)
    return f"{_by(stored.shown)} (turned by EXIF orientation {stored.orientation}; stored as {_by(stored.size)})"
