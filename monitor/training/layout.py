"""The files of a data set's folder, whatever tool wrote it, and what its annotation files state about each picture.

Tools sort pictures and annotations differently: `images/a.jpg` and `annotations/a.xml`, `JPEGImages/train/a.jpg` and
`Annotations/train/a.xml`, `train/images/a.jpg` and `train/labels/a.txt`, or both beside each other. The key of a file
is its path without its suffix and without such folders: a picture and its annotation have the same key, `train/a`.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from monitor.training.errors import TrainingError
from monitor.training.pictures import SUFFIXES, Box

#: The splits of a data set, by the names that tools give to them.
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
#: Folders that separate pictures from annotations, and are not part of a key.
_STRUCTURE = frozenset({"images", "jpegimages", "annotations", "labels", "xml", "xmls"})


class FaultError(Exception):
    """A picture or its annotation cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class WrittenBox:
    """A box as written, and its class; pixels, or shares of the picture's sides if the entry is `relative`.

    What is `ignored` is neither learnt nor counted, found or not, like a `difficult` object of Pascal VOC; its class
    does not matter.
    """

    label: str
    sides: Box
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as its annotation file describes it.

    `name` is unique in the data set; `image` is None if there is none; `split` is stated by a folder's or file's name;
    `size` is the stated (width, height) in pixels, None if none is stated; `boxes` are as written, in their order, a
    text being the fault of a box; `faults` are those of the whole entry.
    """

    name: str
    image: Path | None
    split: str | None = None
    size: tuple[int, int] | None = None
    boxes: tuple[WrittenBox | str, ...] = ()
    faults: tuple[str, ...] = ()
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What a format found: where, all entries, the names by split where it lists them, and remarks for people."""

    where: str
    entries: tuple[Entry, ...]
    splits: dict[str, tuple[str, ...]]
    remarks: tuple[str, ...] = ()


def split_of(text: str) -> str | None:
    """Return `train`, `val` or `test` if a folder or file with this name holds that part (`valid`, `val2017`)."""
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in SPLITS:
            return SPLITS[word]
    return None


def folder_split(key: str) -> str | None:
    """Return the part of a data set that one of the folders of a key is named after, None if there is none."""
    for folder in key.split("/")[:-1]:
        name = re.sub(r"[-_]?\d{1,4}$|^obj_|_data$", "", folder.lower())
        if name in SPLITS:
            return SPLITS[name]
    return None


def key_of(written: str) -> str:
    """Return the key of a path, relative or not, with the separators of any system; a picture's suffix is removed."""
    parts = [part for part in written.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    if parts and parts[-1].lower().endswith(SUFFIXES):
        parts[-1] = parts[-1].rpartition(".")[0]
    return "/".join([part for part in parts[:-1] if part.lower() not in _STRUCTURE] + parts[-1:])


def is_tail(one: str, other: str) -> bool:
    """Return whether one key ends with the other, whole components being compared, in any case."""
    one, other = f"/{one.casefold()}", f"/{other.casefold()}"
    return one.endswith(other) or other.endswith(one)


class Files:
    """The files below a folder; hidden ones are left out."""

    def __init__(self, folder: Path) -> None:
        """List the files.

        Raises:
            TrainingError: there is no such folder.
        """
        if not folder.is_dir():
            raise TrainingError(f"{folder}: no such folder")
        self.folder = folder
        self._all = sorted(_walk(folder))
        self.pictures: dict[str, list[Path]] = defaultdict(list)
        self._by_last: dict[str, list[str]] = defaultdict(list)
        for path in self.with_suffix(*SUFFIXES):
            key = key_of(self.name_of(path))
            if key not in self.pictures:
                self._by_last[key.rpartition("/")[2].casefold()].append(key)
            self.pictures[key].append(path)

    def with_suffix(self, *suffixes: str) -> list[Path]:
        """Return the files with one of these suffixes, in any case, sorted."""
        return [path for path in self._all if path.suffix.lower() in suffixes]

    def name_of(self, path: Path) -> str:
        """Return the path relative to the folder, with slashes."""
        return path.relative_to(self.folder).as_posix()

    def picture(self, *written: str, split: str | None = None) -> Path:
        """Return the picture with the first of these keys or paths that has one, of the same part if `split` is given.

        Raises:
            FaultError: there is none, or more than one.
        """
        keys = [key_of(one) for one in written if one]
        for key in keys:
            if found := self.pictures.get(key):
                return self._only(found, written)
        for key in keys:
            near = self._by_last.get(key.rpartition("/")[2].casefold(), [])
            near = [
                other
                for other in near
                if is_tail(other, key) and (split is None or folder_split(other) in {None, split})
            ]
            if near:
                return self._only([path for other in near for path in self.pictures[other]], written)
        raise FaultError(self._missing(keys))

    def _only(self, found: list[Path], written: Iterable[str]) -> Path:
        """Return the only one, or the one whose file name is written."""
        if len(found) > 1:
            names = {re.split(r"[/\\]", one)[-1] for one in written}
            found = [path for path in found if path.name in names] or found
        if len(found) > 1:
            raise FaultError(f"has more than one image: {', '.join(self.name_of(path) for path in found)}")
        return found[0]

    def _missing(self, keys: list[str]) -> str:
        for path in self._all:
            key = key_of(self.name_of(path).removesuffix(path.suffix))
            if key in keys and path.suffix.lower() in {".tif", ".tiff", ".gif", ".heic", ".heif", ".avif", ".jfif"}:
                return f"its image {self.name_of(path)} is of a kind that is not read: convert it to JPEG or PNG"
        return "its image is missing"


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for at, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(at)
        if real in seen:  # a link to a folder that is listed already
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        yield from (Path(at, name) for name in files if not name.startswith("."))


def once_each(entries: Iterable[Entry], files: Files) -> tuple[Entry, ...]:
    """Return the entries by name; names and pictures that two of them share are faults of both."""
    entries = sorted(entries, key=lambda entry: entry.name)
    names: dict[str, int] = defaultdict(int)
    images: dict[Path, list[str]] = defaultdict(list)
    for entry in entries:
        names[entry.name] += 1
        if entry.image is not None:
            images[entry.image].append(entry.name)
    found: dict[str, Entry] = {}
    for entry in entries:
        faults = list(entry.faults)
        if names[entry.name] > 1:
            faults = ["has more than one annotation; keep one"]
        elif entry.image is not None and len(sharing := images[entry.image]) > 1:
            faults.append(f"has the same image, {files.name_of(entry.image)}, as {_others(sharing, entry.name)}")
        found[entry.name] = Entry(
            entry.name, entry.image, entry.split, entry.size, entry.boxes, tuple(faults), entry.relative
        )
    return tuple(found.values())


def _others(names: list[str], name: str) -> str:
    return ", ".join(other for other in names if other != name)


def parent_of(name: str) -> str:
    """Return the folders of a path with slashes, empty if it has none."""
    parent = str(PurePosixPath(name).parent)
    return "" if parent == "." else parent
