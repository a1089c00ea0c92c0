"""Finds COCO annotations: JSON files with `images`, `annotations` and `categories`."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

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
    split_of,
)

_PARTS = ("images", "annotations", "categories")


def find(files: Files) -> Listing | None:
    """Return the listing of a folder with COCO files, None if it has none; raises `TrainingError`."""
    sets = {path: read for path in files.with_suffix(".json") if (read := _read(path)) is not None}
    if not sets:
        return None
    crowds = Counter[str]()
    entries = [entry for path, read in sets.items() for entry in _entries(path, read, files, crowds)]
    count = sum(crowds.values())
    remarks = (f"{count} crowd region(s) (iscrowd) are left out, in {len(crowds)} picture(s)",) if count else ()
    return Listing(f"COCO: {files.name_of(next(iter(sets)))}", once_each(entries, files), {}, remarks)


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a COCO file with boxes, None for any other JSON file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        read = json.loads(text)
    except json.JSONDecodeError as error:
        if not all(f'"{part}"' in text for part in _PARTS[:2]):
            return None
        raise TrainingError(f"{path}: cannot be read as JSON ({error})") from error
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: cannot be read ({error})") from error
    if not isinstance(read, dict) or not all(isinstance(read.get(part), list) for part in _PARTS):
        return None
    return read


def _entries(path: Path, read: dict[str, Any], files: Files, crowds: Counter[str]) -> list[Entry]:
    """Return an entry for each picture of a file; `crowds` counts regions left out, by picture."""
    try:
        labels = {one["id"]: str(one["name"]) for one in read["categories"]}
        pictures = {one["id"]: str(one["file_name"]) for one in read["images"]}
        boxes: dict[Any, list[WrittenBox | str]] = defaultdict(list)
        for one in read["annotations"]:
            image = one["image_id"]
            if image not in pictures:
                raise TrainingError(
                    f"{path}: annotation {one.get('id')} is of the picture {image}, which is not listed"
                )
            if one.get("iscrowd"):
                crowds[pictures[image]] += 1
            else:
                boxes[image].append(_box(one, labels))
    except KeyError as error:
        raise TrainingError(f"{path}: is not a COCO file: {error} is missing") from error
    except (TypeError, AttributeError) as error:
        raise TrainingError(f"{path}: is not a COCO file ({error})") from error
    for what, listed in (("categories", labels), ("images", pictures)):
        if len(listed) < len(read[what]):
            raise TrainingError(f"{path}: two {what} have the same id")
    folder = key_of(f"{parent_of(files.name_of(path))}/x").removesuffix("x")
    split = folder_split(f"{folder}x") or split_of(path.stem)
    return [_entry(one, files, folder, split, boxes[one["id"]]) for one in read["images"]]


def _entry(one: dict[str, Any], files: Files, folder: str, split: str | None, boxes: list[WrittenBox | str]) -> Entry:
    """Return the entry of a picture that a file in `folder` (a key's, with a slash at its end, or empty) lists."""
    size, written = _size(one), str(one["file_name"])
    try:
        image = files.picture(f"{folder}{written}", f"{split}/{written}" if split else "", split=split)
    except FaultError as error:
        return Entry(key_of(f"{folder}{written}"), None, split, size, tuple(boxes), (str(error),))
    name = key_of(files.name_of(image))
    if len(files.pictures[name]) > 1:
        name = files.name_of(image)
    return Entry(name, image, split or folder_split(name), size, tuple(boxes))


def _size(one: dict[str, Any]) -> tuple[int, int] | None:
    try:
        width, height = int(one["width"]), int(one["height"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _box(one: dict[str, Any], labels: dict[Any, str]) -> WrittenBox | str:
    if one["category_id"] not in labels:
        return f"has the category {one['category_id']}, which is not listed"
    try:
        x, y, width, height = (float(value) for value in one["bbox"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return "does not have a bbox of four numbers x, y, width, height"
    return WrittenBox(labels[one["category_id"]].strip(), (x, y, x + width, y + height))
