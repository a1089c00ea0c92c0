"""What a lock holds: every package that a requirements file needs, with version, conditions and sha256 hashes.

`requirements-SET.lock` belongs to `requirements-SET.txt`. A file that the requirements file includes has a lock of its
own, which is installed with it; what that one holds is not repeated.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_HEADER = "# The packages of {name}, by scripts/lock; not to be edited. sha256 of the requirements: {digest}"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^\s;]+)(\s*;\s*(?P<condition>[^\\]*[^\\\s]))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
_NEEDED_BY = re.compile(r"^ +#( via)? *(\S.*)?$")


@dataclass(frozen=True, slots=True)
class Locked:
    """One version of a package: its normalised name, for which machines it is, its files' hashes, and who needs it.

    `text` are the lines of the lock.
    """

    name: str
    version: str
    condition: str
    sha256: frozenset[str]
    needed_by: frozenset[str]
    text: str


def normalised(name: str) -> str:
    """Return a package's name as the index knows it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_blocks(text: str) -> list[Locked]:
    """Return the packages of a lock's text; raises `ValueError` for a line that is none of a lock's."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            blocks.append([])
        elif not blocks:
            raise ValueError(f"a lock cannot begin with {line!r}")
        blocks[-1].append(line)
    return [_locked(lines) for lines in blocks]


def _locked(lines: list[str]) -> Locked:
    pin = _PIN.match(lines[0])
    if pin is None:
        raise ValueError(f"{lines[0]!r} is no version of a package")
    text = "\n".join(lines) + "\n"
    needed = (found[2] for line in lines[1:] if (found := _NEEDED_BY.match(line)) and found[2])
    return Locked(
        name=normalised(pin["name"]),
        version=pin["version"],
        condition=pin["condition"] or "",
        sha256=frozenset(_HASH.findall(text)),
        needed_by=frozenset(needed),
        text=text,
    )


def requirements(file: Path) -> list[str]:
    """Return the lines of a requirements file without comments and included files."""
    return [line for line in _lines(file) if not line.startswith("-r ")]


def included(file: Path) -> list[Path]:
    """Return the requirements files that a requirements file includes, also by others."""
    direct = [file.with_name(line.removeprefix("-r ")) for line in _lines(file) if line.startswith("-r ")]
    return list(dict.fromkeys(path for one in direct for path in [*included(one), one]))


def _lines(file: Path) -> list[str]:
    lines = (re.sub(r"\s*#.*", "", line) for line in file.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def digest(file: Path) -> str:
    """Return the sha256 of a requirements file without its comments; `scripts/setup.sh` computes the same."""
    return hashlib.sha256("".join(f"{line}\n" for line in _lines(file)).encode()).hexdigest()


def header(file: Path) -> str:
    """Return the first line of a requirements file's lock."""
    return _HEADER.format(name=file.name, digest=digest(file))
