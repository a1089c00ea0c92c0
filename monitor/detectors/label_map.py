"""TFOD2 label maps (`.pbtxt`) without the TFOD2 library.

They are parsed with protobuf's text format, so everything that TFOD2's `label_map_util` accepts is accepted: comments,
separators, escapes, key points. Protobuf comes with LiteRT; the schema is that of TFOD2's `string_int_label_map.proto`,
built in a separate pool, so that TFOD2's generated module can be loaded too. Unlike TFOD2, ids or names that two items
share are refused, since detections would be ambiguous.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.domain.errors import ModelError

_BACKGROUND = "background"

_SCHEMA = """
name: "label_map.proto" syntax: "proto2"
message_type {
  name: "LabelMap"
  field { name: "item" number: 1 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".Item" }
}
message_type {
  name: "Item"
  field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "id" number: 2 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "display_name" number: 3 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "keypoints" number: 4 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".Keypoint" }
  field { name: "ancestor_ids" number: 5 label: LABEL_REPEATED type: TYPE_INT32 }
  field { name: "descendant_ids" number: 6 label: LABEL_REPEATED type: TYPE_INT32 }
  field { name: "frequency" number: 7 label: LABEL_OPTIONAL type: TYPE_ENUM type_name: ".Frequency" }
  field { name: "instance_count" number: 8 label: LABEL_OPTIONAL type: TYPE_INT32 }
}
message_type {
  name: "Keypoint"
  field { name: "id" number: 1 label: LABEL_OPTIONAL type: TYPE_INT32 }
  field { name: "label" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING }
}
enum_type {
  name: "Frequency"
  value { name: "UNSPECIFIED" number: 0 } value { name: "FREQUENT" number: 1 }
  value { name: "COMMON" number: 2 } value { name: "RARE" number: 3 }
}
"""


@dataclass(frozen=True, slots=True)
class Label:
    """The names of a class, at least one: its `name`, and its `display_name` if that is another."""

    names: tuple[str, ...]


def read_label_map(path: Path) -> dict[int, str]:
    """Return {1-based class id: name} of a `StringIntLabelMap`; raises `ModelError` naming the file and the fault.

    An item without a `name` uses its `display_name`. Ids may leave gaps; item 0, the background, is left out.
    """
    return {class_id: label.names[0] for class_id, label in read_labels(path).items()}


def read_labels(path: Path) -> dict[int, Label]:
    """Return {1-based class id: label}; see `read_label_map`."""
    labels: dict[int, Label] = {}
    for number, item in enumerate(_parsed(path).item, start=1):
        names = tuple(dict.fromkeys(normalised(name) for name in (item.name, item.display_name) if name))
        if item.id == 0 and _BACKGROUND in names:
            continue
        if not item.HasField("id") or not names:
            raise ModelError(f"{path}: item {number} needs an 'id' and a 'name'")
        name = names[0]
        if item.id < 1:
            raise ModelError(f"{path}: item {number}: id {item.id} of {name!r} is below 1; 0 is for the background")
        if item.id in labels or name in (label.names[0] for label in labels.values()):
            raise ModelError(f"{path}: item {number}: id {item.id} or name {name!r} is defined twice")
        labels[item.id] = Label(names)
    if not labels:
        raise ModelError(f"{path}: contains no item; expected lines such as item {{ id: 1 name: 'with_mask' }}")
    return labels


def normalised(name: str) -> str:
    """Return a name with accents in Unicode's composed form: what looks the same is the same."""
    return unicodedata.normalize("NFC", name)


def _parsed(path: Path) -> Any:
    from google.protobuf import text_format

    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; a TFOD2 model folder needs its label map") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as text: {error}") from error
    try:
        return text_format.Parse(text, _label_map_class()())
    except text_format.ParseError as error:
        reason = re.sub(r"^[\d:]+ : ", "", " ".join(str(error).split()))
        raise ModelError(f"{path}:{error.GetLine() or 1}: not a label map: {reason}") from error
    except (ValueError, RecursionError) as error:  # invalid escape sequences; messages in messages without end
        raise ModelError(f"{path}: not a label map: {error}") from error


@functools.cache
def _label_map_class() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

    file = text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("LabelMap"))
