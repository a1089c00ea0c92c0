"""TFOD2 label maps (`.pbtxt`) without the TFOD2 library."""

import re
from pathlib import Path

from monitor.domain.errors import ModelError

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<brace>[{}])|(?P<key>[A-Za-z_]\w*)|(?P<colon>:)|(?P<sep>[,;])"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)|"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\\\n]|\\.)*)'"""
)


def read_label_map(path: Path) -> dict[int, str]:
    """Return {1-based class id: name} of a `StringIntLabelMap`; raises `ModelError` naming file and line."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; a TFOD2 model folder needs its label map") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as text: {error}") from error
    labels: dict[int, str] = {}
    for line, fields in _items(path, text):
        class_id, name = fields.get("id"), fields.get("name", fields.get("display_name"))
        if not isinstance(class_id, int) or not isinstance(name, str) or not name:
            raise ModelError(f"{path}:{line}: an item needs an 'id' and a 'name', found {fields}")
        if class_id < 1:
            raise ModelError(f"{path}:{line}: id {class_id} of {name!r} is below 1; 0 is TFOD2's background")
        if class_id in labels or name in labels.values():
            raise ModelError(f"{path}:{line}: id {class_id} or name {name!r} stands twice")
        labels[class_id] = name
    if not labels:
        raise ModelError(f"{path}: holds no item; expected lines such as item {{ id: 1 name: 'with_mask' }}")
    return labels


def _items(path: Path, text: str) -> list[tuple[int, dict[str, int | str]]]:
    """Read `item { key: value ... }` blocks; nested messages inside an item (keypoints) are passed over."""
    items: list[tuple[int, dict[str, int | str]]] = []
    depth, key, position = 0, "", 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        line = text.count("\n", 0, position) + 1
        if match is None:
            raise ModelError(f"{path}:{line}: not a label map: unexpected {text[position : position + 20]!r}")
        position = match.end()
        if match["brace"] == "{":
            if depth == 0 and key != "item":
                raise ModelError(f"{path}:{line}: expected 'item {{', found '{key} {{'")
            depth += 1
            if depth == 1:
                items.append((line, {}))
        elif match["brace"] == "}":
            depth -= 1
            if depth < 0:
                raise ModelError(f"{path}:{line}: a '}}' too many")
        elif match["key"]:
            key = match["key"]
        elif depth == 1 and match["number"]:
            value = float(match["number"])
            if key == "id" and not value.is_integer():
                raise ModelError(f"{path}:{line}: id {match['number']} is not a whole number")
            _set(path, line, items[-1][1], key, int(value))
        elif depth == 1 and (match["double"] is not None or match["single"] is not None):
            quoted = match["double"] if match["double"] is not None else match["single"]
            _set(path, line, items[-1][1], key, _unescaped(quoted))
    if depth != 0:
        raise ModelError(f"{path}: ends inside an item; the file is cut off")
    return items


def _set(path: Path, line: int, item: dict[str, int | str], key: str, value: int | str) -> None:
    if key in ("id", "name") and key in item:
        raise ModelError(f"{path}:{line}: {key} stands twice in one item")
    item[key] = value


def _unescaped(quoted: str) -> str:
    """Undo protobuf's text escapes: octal bytes of UTF-8, and a backslash before a character."""
    data = re.sub(
        rb"\\([0-7]{1,3}|.)",
        lambda match: bytes([int(match[1], 8) & 0xFF]) if match[1].isdigit() else match[1],
        quoted.encode(),
    )
    return data.decode(errors="replace")
