"""Finds Pascal VOC annotations, one XML file a picture, in the layouts of the VOC, CVAT, labelImg and Roboflow."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

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

_SIDES = ("xmin", "ymin", "xmax", "ymax")


def find(files: Files) -> Listing | None:
    """Return the listing of a folder with XML files, None if it has none."""
    annotations = files.with_suffix(".xml")
    if not annotations:
        return None
    found = {path: entry for path in annotations if (entry := _entry(path, files)) is not None}
    if not found:
        return None
    return Listing(f"Pascal VOC: {files.name_of(next(iter(found)))}", once_each(found.values(), files), {})


def _entry(path: Path, files: Files) -> Entry | None:
    """Return the entry of an annotation, None for an XML file of something else that lies elsewhere."""
    name = key_of(files.name_of(path).removesuffix(path.suffix))
    split = folder_split(name)
    faults: list[str] = []
    root = None
    try:
        root = ET.parse(path).getroot()
    except (ET.ParseError, OSError, ValueError, LookupError) as error:
        faults.append(f"its XML cannot be read ({error})")
    if root is not None and root.tag == "annotations":
        faults.append("is an XML file of all pictures, as CVAT writes; export as Pascal VOC instead")
    elif root is not None and root.tag != "annotation":
        if path.parent == files.folder and name not in files.pictures:
            return None
        faults.append(f"is not a Pascal VOC annotation: its XML begins with <{root.tag}>")
    if root is None or root.tag != "annotation":
        return Entry(name, None, split, faults=tuple(faults))
    written = (root.findtext("filename") or "").strip().replace("\\", "/").rpartition("/")[2]
    image = None
    try:
        image = files.picture(name, f"{parent_of(name)}/{written}" if written else "", split=split)
    except FaultError as error:
        faults.append(str(error))
    if split is None and image is not None:
        split = folder_split(key_of(files.name_of(image)))
    boxes = tuple(_box(node) for node in root.iter("object"))
    return Entry(name, image, split, _size(root), boxes, tuple(faults))


def _size(root: ET.Element) -> tuple[int, int] | None:
    """Return the stated size; None for a size of 0, which tools write that have not opened the picture."""
    try:
        width, height = (int(float(root.findtext(f"size/{side}", ""))) for side in ("width", "height"))
    except (ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _box(node: ET.Element) -> WrittenBox | str:
    label = (node.findtext("name") or "").strip()
    try:
        x1, y1, x2, y2 = (float(node.findtext(f"bndbox/{side}", "")) for side in _SIDES)
    except ValueError:
        return f"does not have four numbers {', '.join(_SIDES)}"
    return WrittenBox(label, (x1, y1, x2, y2), ignored=(node.findtext("difficult") or "").strip() == "1")
