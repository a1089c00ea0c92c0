"""YAML with the line number of each value."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import yaml

from monitor.domain.errors import ConfigError

#: A value's place in the document: mapping keys and list indices from the root.
Place = tuple[str | int, ...]

MAX_BYTES = 1 << 20

#: The most values of a file, counted anew wherever an alias repeats them; far more than for hundreds of cameras.
MAX_VALUES = 100_000
_TOO_MANY = f"more than {MAX_VALUES} values, the limit for a file; use fewer aliases"
_LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?P<login>(?:\$\{\w+\}|[^/?#@])*)@")
_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})")


class _Loader(yaml.SafeLoader):
    """Loads plain values; merge keys may not multiply the keys of a mapping without limit."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """Return the value of a node; raises `ConstructorError`, also for what PyYAML's own constructors fail on."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # a date that does not exist
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error
        except (LookupError, AttributeError, TypeError) as error:  # a value that does not fit its tag
            problem = f"not a value of the type {node.tag.rpartition(':')[2]}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Replace merge keys by the keys that they stand for; raises `ConstructorError`."""
        count = 0
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(merged, yaml.MappingNode):
                        self.flatten_mapping(merged)
                        count += len(merged.value)
            if count > MAX_VALUES:
                raise yaml.constructor.ConstructorError(None, None, _TOO_MANY, node.start_mark)
        super().flatten_mapping(node)


def plain_values(text: str) -> object:
    """Return the plain values of a YAML document; raises `yaml.YAMLError`."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError as error:
        raise yaml.YAMLError("nested too deeply") from error


class LinedDocument:
    """The plain values of a YAML file, the 1-based line of each, and every fault found on the way.

    `from_environment` holds the places of values with an environment variable in them.
    """

    def __init__(self, path: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.path = path
        self.lines: dict[Place, int] = {(): 1}
        self.faults: list[tuple[int, str]] = []
        self.from_environment: set[Place] = set()
        self._environment = environment
        self._flattened: set[int] = set()
        self._count = 0
        try:
            self._loader = _Loader(_read(path))
            node = self._loader.get_single_node()
            self.values = {} if node is None else self._build(node, (), frozenset())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
        except RecursionError as error:
            raise ConfigError(f"{path}: not valid YAML: nested too deeply") from error

    def line(self, place: Place) -> int:
        """Return the line of a value, or of the nearest enclosing mapping if the value is not in the file."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def move(self, old: Place, new: Place) -> None:
        """Move the records of a value, and of everything inside it, to another place."""
        moved = {place: (*new, *place[len(old) :]) for place in self.lines if place[: len(old)] == old}
        for place, other in moved.items():
            self.lines[other] = self.lines.pop(place)
            if place in self.from_environment:
                self.from_environment.remove(place)
                self.from_environment.add(other)

    def _build(self, node: yaml.Node, place: Place, around: frozenset[int]) -> object:
        if id(node) in around:
            raise ConfigError(f"{self.path}:{node.start_mark.line + 1}: an alias contains itself")
        self._count += 1
        if self._count > MAX_VALUES:
            raise ConfigError(f"{self.path}:{node.start_mark.line + 1}: {_TOO_MANY}")
        around = around | {id(node)}
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._build_mapping(node, place, around)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(child, (*place, index), around) for index, child in enumerate(node.value)]
        value: object = self._loader.construct_object(node)
        return self._substitute(value, place, node.start_mark.line + 1) if isinstance(value, str) else value

    def _build_mapping(self, node: yaml.MappingNode, place: Place, around: frozenset[int]) -> dict[str, object]:
        if id(node) not in self._flattened:  # an alias shows the same node again
            self._flattened.add(id(node))
            self._find_duplicates(node, place)
            self._loader.flatten_mapping(node)  # YAML's << merge keys
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            self.lines[(*place, key)] = key_node.start_mark.line + 1
            result[key] = self._build(value_node, (*place, key), around)
        return result

    def _find_duplicates(self, node: yaml.MappingNode, place: Place) -> None:
        written: set[str] = set()
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{self.path}:{line}: a list or mapping cannot be a key; quote it if it is text")
            if key_node.value in written:
                self.faults.append((line, f"{_dotted((*place, key_node.value))}: is defined twice"))
            written.add(key_node.value)

    def _substitute(self, text: str, place: Place, line: int) -> str:
        """Return the text with variables replaced; what one puts into the user part of a URL is percent-encoded."""
        login = _LOGIN.match(text)

        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            if name is None:
                return "$"
            if name not in self._environment:
                self.faults.append((line, f"the environment variable {name} is not set"))
                return ""
            self.from_environment.add(place)
            value = self._environment[name]
            if login is None or match.start() >= login.end():
                return value
            if match[0] == login["login"] and ":" in value:  # user and password in one variable
                user, _, password = value.partition(":")
                return f"{quote(user, safe='')}:{quote(password, safe='')}"
            return quote(value, safe="")

        return _VARIABLE.sub(replace, text)


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder, expected a YAML file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes, the limit for a configuration file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
