"""TFOD2's message classes on today's native protobuf runtime.

The API's generated `*_pb2.py` files were written for an older protobuf, which built every descriptor in Python; the
native runtime refuses them, and the pure-Python one that accepts them makes tracing, saving and converting graphs
several times slower. Each file still carries its descriptor in serialised form, from which the native runtime builds
the same classes.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = "object_detection.protos."


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TFOD2's generated modules before the ordinary import does."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the module's spec with this loader, or None for other modules."""
        if not (fullname.startswith(_PACKAGE) and fullname.endswith("_pb2")):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(Path(spec.origin)), origin=spec.origin)


class _Loader(importlib.abc.Loader):
    """Builds a generated module from the serialised descriptor in its file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module with the classes and enums of its file."""
        from google.protobuf import descriptor_pool
        from google.protobuf.internal import builder

        tree = ast.parse(self._file.read_text(encoding="utf-8"))
        for name in _imports(tree):
            importlib.import_module(name)
        names: dict[str, Any] = module.__dict__
        file = descriptor_pool.Default().AddSerializedFile(_serialised(tree, self._file))
        builder.BuildMessageAndEnumDescriptors(file, names)
        builder.BuildTopDescriptorsAndMessages(file, module.__name__, names)
        names["DESCRIPTOR"] = file


def _imports(tree: ast.Module) -> list[str]:
    """Return the generated modules that this one imports."""
    nodes = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    return [f"{node.module}.{one.name}" for node in nodes for one in node.names if one.name.endswith("_pb2")]


def _serialised(tree: ast.Module, file: Path) -> bytes:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "serialized_pb":
            value = ast.literal_eval(node.value)
            if isinstance(value, bytes):
                return value
    raise ImportError(f"{file}: contains no serialised descriptor")


def install() -> None:
    """Install the import finder; may be called more than once."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
