"""Adds an accepted model to a configuration file, whose comments and order stay."""

import os
import shutil
from pathlib import Path

import yaml

from monitor.config.yaml_lines import plain_values
from monitor.domain.errors import ConfigError, OutputError

_SECTION, _KEY = "detector", "accepted_sha256"


def accept(file: Path, sha256: str) -> None:
    """Add a sha256 to `detector.accepted_sha256`; the file is replaced as a whole.

    Raises `ConfigError` if it is not written in a form that can be changed, `OutputError` if it cannot be written.
    """
    by_hand = f"add by hand, under {_SECTION}: {_KEY}: [{sha256}]"
    try:
        before = file.read_text("utf-8-sig")
        after = with_accepted(before, sha256)
        if after is None or plain_values(after) != _expected(plain_values(before), sha256):
            raise ConfigError(f"{file}: is not written in a form that can be changed here; {by_hand}")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: cannot be read: {' '.join(str(error).split())}; {by_hand}") from error
    target = file.resolve()
    fresh = target.with_name(f".{target.name}.new")
    try:
        fresh.write_text(after, "utf-8")
        shutil.copystat(target, fresh)
        if os.geteuid() == 0:
            shutil.chown(fresh, target.stat().st_uid, target.stat().st_gid)
        fresh.replace(target)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OutputError(f"{file}: cannot be written: {error.strerror}; {by_hand}") from error


def with_accepted(text: str, sha256: str) -> str | None:
    """Return the text of a configuration with a sha256 added, or None where it is not written in blocks."""
    new = f"{_KEY}: [{sha256}]\n"
    root = yaml.compose(text, yaml.SafeLoader)
    section = _child(root, _SECTION)
    accepted = _child(section, _KEY)
    match root, section, accepted:
        case (None, _, _) | (yaml.MappingNode(flow_style=False), None, _):
            return f"{text.rstrip()}\n\n{_SECTION}:\n  {new}".lstrip()
        case _, yaml.MappingNode(flow_style=False, start_mark=at), None:
            return f"{text[: at.index]}{new}{' ' * at.column}{text[at.index :]}"
        case _, _, yaml.SequenceNode(flow_style=True, value=items, end_mark=end):
            return f"{text[: end.index - 1]}{', ' if items else ''}{sha256}{text[end.index - 1 :]}"
    return None


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _expected(values: object, sha256: str) -> object:
    document = dict(values) if isinstance(values, dict) else {}
    section = dict(document.get(_SECTION) or {})
    return document | {_SECTION: section | {_KEY: [*section.get(_KEY, []), sha256]}}
