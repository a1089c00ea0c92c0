"""Write the locks: `python -m scripts.locking.make [--upgrade]`; needs uv and the package index that it is set to."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.locking.lock import Locked, header, included, read_blocks

PROJECT = Path(__file__).resolve().parents[2]

_LINUX = "sys_platform == 'linux'"


@dataclass(frozen=True, slots=True)
class Group:
    """Requirements files that are installed into one environment, so that they need the same versions.

    `machines` is a condition, as in a requirements file, of the machines that are supported.
    """

    files: tuple[str, ...]
    machines: str
    dependencies: bool = True


_PRODUCT = f"{_LINUX} and python_full_version < '3.15'"
_TRAINING = f"{_LINUX} and platform_machine == 'x86_64' and python_full_version < '3.12'"

GROUPS = (
    Group(
        (
            "requirements.txt",
            "requirements-tensorflow.txt",
            "requirements-gpu.txt",
            "requirements-evaluate.txt",
            "requirements-dev.txt",
        ),
        _PRODUCT,
    ),
    Group(("requirements-headless.txt",), _PRODUCT, dependencies=False),
    Group(("requirements-train.txt",), _TRAINING),
    Group(("requirements-train-nodeps.txt",), _TRAINING, dependencies=False),
    Group(("requirements-train-headless.txt",), _TRAINING, dependencies=False),
)


class LockError(Exception):
    """No lock can be made."""


def main() -> int:
    """Write every lock beside its requirements file, or none of them."""
    parser = argparse.ArgumentParser(prog="scripts/lock", description="Lock all packages, with their sha256 hashes.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the requirements allow")
    upgrade: bool = parser.parse_args().upgrade
    try:
        made = {name: text for group in GROUPS for name, text in _locks(group, upgrade=upgrade).items()}
    except LockError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, text in made.items():
        path = lock_of(PROJECT / name)
        changed = not path.exists() or path.read_text("utf-8") != text
        path.write_text(text, "utf-8")
        print(f"{path.name}: {len(read_blocks(text))} packages{', changed' if changed else ''}")
    return 0


def lock_of(file: Path) -> Path:
    """Return the lock of a requirements file."""
    return file.with_suffix(".lock")


def _locks(group: Group, *, upgrade: bool) -> dict[str, str]:
    """Return the text of each file's lock."""
    with TemporaryDirectory(prefix="lock-") as folder:
        place = Path(folder)
        (place / "pyproject.toml").write_text(f'[tool.uv]\nenvironments = ["{group.machines}"]\n', "utf-8")
        for path in PROJECT.glob("requirements*.txt"):
            shutil.copy(path, place)
        # uv keeps the versions that it finds in the file that it is to write.
        kept = [] if upgrade else [lock_of(PROJECT / name) for name in group.files]
        everything = _compiled(place, group, group.files, [path.read_text("utf-8") for path in kept if path.exists()])
        found = {name: _compiled(place, group, [name], [everything]) for name in group.files}
    versions = {(one.name, one.version) for one in read_blocks(everything)}
    locks: dict[str, list[Locked]] = {}
    for name, text in found.items():
        blocks = read_blocks(text)
        if strange := [one for one in blocks if (one.name, one.version) not in versions]:
            raise LockError(f"{name}: {strange[0].name} {strange[0].version} is another version than with the others")
        locks[name] = blocks
    return {name: _text(PROJECT / name, locks) for name in locks}


def _text(file: Path, locks: dict[str, list[Locked]]) -> str:
    elsewhere = {(one.name, one.version) for path in included(file) for one in locks[path.name]}
    own = [one.text for one in locks[file.name] if (one.name, one.version) not in elsewhere]
    return "\n".join([header(file), *(text.rstrip("\n") for text in own)]) + "\n"


def _compiled(place: Path, group: Group, names: Iterable[str], kept: Iterable[str]) -> str:
    (place / "out.lock").write_text("".join(kept), "utf-8")
    command = ["uv", "pip", "compile", *names, "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--quiet", "--output-file", "out.lock"]
    command += [] if group.dependencies else ["--no-deps"]
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [str(uv), *command[1:]], cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise LockError(f"uv cannot lock {', '.join(names)}:\n{done.stderr.strip()}")
    return (place / "out.lock").read_text("utf-8")


if __name__ == "__main__":
    sys.exit(main())
