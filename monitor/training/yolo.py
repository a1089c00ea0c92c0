"""Finds YOLO annotations: a text file a picture, with lines `CLASS X Y WIDTH HEIGHT` in shares of the picture's sides.

The names of the classes are in `data.yaml` (Ultralytics, Roboflow), `obj.names` (Darknet, CVAT) or `classes.txt`
(labelImg, Label Studio).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monitor.config.yaml_lines import plain_values
from monitor.training.errors import TrainingError
from monitor.training.layout import (
    Entry,
    FaultError,
    Files,
    Listing,
    WrittenBox,
    folder_split,
    key_of,
    once_each,
    parent_of,
)

_CLASSES = "classes.txt"
_PARTS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}


def find(files: Files) -> Listing | None:
    """Return the listing of a folder with YOLO files, None if it has none; raises `TrainingError`."""
    labels = [path for path in files.with_suffix(".txt") if _is_label_file(path, files)]
    described = _description(files)
    if not labels:
        return None
    names = _names(files, described)
    entries = [_entry(path, files, names) for path in labels]
    splits = _splits(files, described)
    annotated = {entry.image for entry in entries}
    folders = {parent_of(files.name_of(image)) for image in annotated if image is not None}
    listed = {name for part in splits.values() for name in part}
    alone = [
        Entry(key, path, folder_split(key), relative=True)
        for key, paths in files.pictures.items()
        for path in paths
        if path not in annotated and (key in listed or parent_of(files.name_of(path)) in folders)
    ]
    remarks = (f"{len(alone)} picture(s) have no label file and count as pictures without a face",) if alone else ()
    return Listing(f"YOLO: {files.name_of(labels[0])}", once_each([*entries, *alone], files), splits, remarks)


def _is_label_file(path: Path, files: Files) -> bool:
    """Return whether a text file lies in a folder `labels`, or belongs to a picture."""
    name = files.name_of(path)
    if path.name == _CLASSES:
        return False
    inside = "labels" in [part.lower() for part in name.split("/")[:-1]]
    return inside or key_of(name.removesuffix(path.suffix)) in files.pictures


def _description(files: Files) -> dict[str, Any]:
    """Return the YAML file that names classes, empty if there is none."""
    found = {}
    for path in files.with_suffix(".yaml", ".yml"):
        if path.parent != files.folder:
            continue
        try:
            read = plain_values(path.read_text(encoding="utf-8-sig"))
        except (yaml.YAMLError, ValueError, OSError) as error:
            raise TrainingError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
        if isinstance(read, dict) and "names" in read:
            found[path.name] = read
    if len(found) > 1:
        raise TrainingError(f"{files.folder}: more than one file names classes: {', '.join(found)}; keep one")
    return next(iter(found.values()), {})


def _names(files: Files, described: dict[str, Any]) -> dict[int, str]:
    """Return the class names by number."""
    lists: dict[str, dict[int, str]] = {}
    if described:
        names = described["names"]
        try:
            pairs = (
                names.items() if isinstance(names, dict) else enumerate([names] if isinstance(names, str) else names)
            )
            lists["its YAML file"] = {int(number): _plain(name).strip() for number, name in pairs}
        except (TypeError, ValueError, OverflowError) as error:
            raise TrainingError(f"{files.folder}: `names` in its YAML file is not a list of class names") from error
    for path in files.with_suffix(".names", ".txt"):
        if path.suffix.lower() == ".names" or path.name == _CLASSES:
            lines = [line.strip() for line in _text(path).splitlines()]
            lists[files.name_of(path)] = {number: line for number, line in enumerate(lines) if line}
    if not lists:
        raise TrainingError(
            f"{files.folder}: has YOLO labels, but no class names; add data.yaml with `names`, obj.names or {_CLASSES}"
        )
    first, *others = lists.items()
    for where, names in others:
        if names != first[1]:
            raise TrainingError(f"{files.folder}: {first[0]} and {where} name different classes; keep one")
    return first[1]


def _plain(value: object) -> str:
    """Return the text of a single value; raises `TypeError` for a list or mapping, which aliases may make huge."""
    if isinstance(value, list | dict | set | tuple):
        raise TypeError(f"found a {type(value).__name__}")
    return str(value)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: cannot be read as text ({error})") from error


def _entry(path: Path, files: Files, names: dict[int, str]) -> Entry:
    name = key_of(files.name_of(path).removesuffix(path.suffix))
    split = folder_split(name)
    boxes = tuple(_box(line.split(), names) for line in _text(path).splitlines() if line.strip())
    try:
        image = files.picture(name, split=split)
    except FaultError as error:
        return Entry(name, None, split, boxes=boxes, faults=(str(error),), relative=True)
    return Entry(name, image, split or folder_split(key_of(files.name_of(image))), boxes=boxes, relative=True)


def _box(words: list[str], names: dict[int, str]) -> WrittenBox | str:
    try:
        number, x, y, width, height = (float(word) for word in words)
    except ValueError:
        return f"({' '.join(words[:6])}{' ...' if len(words) > 6 else ''}) is not CLASS X Y WIDTH HEIGHT"
    if number not in names:
        return f"has the class {words[0]}, but {len(names)} classes are named, from 0"
    half_x, half_y = width / 2, height / 2
    return WrittenBox(names[int(number)], (x - half_x, y - half_y, x + half_x, y + half_y))


def _splits(files: Files, described: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the keys of the pictures of each part that the YAML file describes, if its folder or list is here."""
    found: dict[str, tuple[str, ...]] = {}
    for part, words in _PARTS.items():
        value = next((described[word] for word in words if described.get(word)), None)
        places = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        try:
            base = _plain(described.get("path") or "")
            keys = {key for place in places for key in _keys_at(files, base, _plain(place))}
        except (TypeError, ValueError, OSError) as error:
            where = f"`path` and `{part}` in its YAML file"
            raise TrainingError(f"{files.folder}: {where} cannot be used as paths ({error})") from error
        if keys:
            found[part] = tuple(sorted(keys))
    return found


def _keys_at(files: Files, base: str, place: str) -> list[str]:
    """Return the keys of the pictures in a folder or list; its path is from the folder, `path`, or as Roboflow's."""
    inside = place
    while inside.startswith(("../", "./")):
        inside = inside.partition("/")[2]
    for candidate in (files.folder / base / place, files.folder / place, files.folder / inside):
        if candidate.is_dir():
            inner = candidate.resolve()
            keys = [
                key
                for key, paths in files.pictures.items()
                if any(path.resolve().is_relative_to(inner) for path in paths)
            ]
            if keys:
                return keys
        elif candidate.is_file() and candidate.suffix.lower() == ".txt":
            return [key_of(line.strip()) for line in _text(candidate).splitlines() if line.strip()]
    return []
