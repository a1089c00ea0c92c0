"""Read the project's Dockerfile and .dockerignore: no more of their language than the project uses."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .errors import CheckError

#: The instructions that are understood, and their options.
_KNOWN = {
    "FROM": set(),
    "RUN": set(),
    "COPY": {"from"},
    "ENV": set(),
    "WORKDIR": set(),
    "USER": set(),
    "VOLUME": set(),
    "EXPOSE": set(),
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
    "ENTRYPOINT": set(),
    "CMD": set(),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: where it stands, its name, its options such as `--from=base`, and the rest as written."""

    line: int
    name: str
    options: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """The rest as words, in either of Docker's forms; a health check's without its CMD."""
        text = self.text.removeprefix("CMD ")
        return list(map(str, json.loads(text))) if text.startswith("[") else shlex.split(text)


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands between one FROM and the next."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


def read_dockerfile(path: Path) -> dict[str, Stage]:
    """Return the stages by name, in their order; the last is what is built where no target is named."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for instruction in _instructions(path):
        if not instruction.options.keys() <= _KNOWN.get(instruction.name, set()):
            raise CheckError(f"{path.name}:{instruction.line}: an option of {instruction.name} is not known here")
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            stage = stages[name] = Stage(name, base)
            if not name or not base:
                raise CheckError(f"{path.name}:{instruction.line}: expected FROM BASE AS NAME")
        elif stage is None or instruction.name not in _KNOWN:
            raise CheckError(f"{path.name}:{instruction.line}: {instruction.name} is not known here")
        else:
            stage.instructions.append(instruction)
    return stages


def _instructions(path: Path) -> list[Instruction]:
    found, pending, start = [], "", 0
    for number, raw in enumerate(path.read_text("utf-8").splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        start = start if pending else number
        pending += line.removesuffix("\\")
        if not line.endswith("\\"):
            found.append(_instruction(start, pending))
            pending = ""
    return found


def _instruction(line: int, text: str) -> Instruction:
    name, _, rest = text.partition(" ")
    options = {}
    while match := re.match(r"\s*--([a-z-]+)=(\S+)\s*", rest):
        options[match[1]] = match[2]
        rest = rest[match.end() :]
    return Instruction(line, name, options, rest.strip())


class Context:
    """The files that a build may copy: those that .dockerignore leaves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        lines = (folder / ".dockerignore").read_text("utf-8").splitlines()
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._patterns = [(pattern.startswith("!"), _compiled(pattern.removeprefix("!"))) for pattern in patterns]

    def holds(self, path: PurePosixPath) -> bool:
        """Tell whether a file is left: the last pattern that fits it or a folder above it decides."""
        held = True
        for wanted, pattern in self._patterns:
            if any(pattern.fullmatch(str(part)) for part in (path, *path.parents)):
                held = wanted
        return held

    def files(self, source: str) -> list[PurePosixPath]:
        """Return the files of a COPY's source, relative to the context."""
        start = self.folder / source
        paths = sorted(start.rglob("*")) if start.is_dir() else [start]
        names = [PurePosixPath(path.relative_to(self.folder)) for path in paths if path.is_file()]
        return [name for name in names if self.holds(name)]


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*)", pattern)))
