"""Carry out a Dockerfile in Debian roots."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from .dockerfile import Context, Instruction, Stage
from .errors import CheckError
from .machine import LENT, Apt, Pip
from .system import in_root, lent

SUITE = "bookworm"
_DEBIAN = f"debian:{SUITE}-slim"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: As in Debian's slim image: no documentation, no translations, no copies of packages.
_UNWANTED = ("doc", "info", "locale", "man")
_DPKG_OF_IMAGES = "force-unsafe-io\n" + "".join(f"path-exclude /usr/share/{name}/*\n" for name in _UNWANTED)
_APT_OF_IMAGES = """
APT::Keep-Downloaded-Packages "false";
Acquire::Languages "none";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""


@dataclass(frozen=True, slots=True)
class Image:
    """A tree of files, and how to run it."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    folder: str = "/"
    user: str | None = None
    volumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    health_options: dict[str, str] = field(default_factory=dict)


class Builder:
    """Builds stages, each once, in folders of a workshop."""

    def __init__(
        self,
        stages: dict[str, Stage],
        context: Context,
        workshop: Path,
        apt: Apt,
        pip: Pip,
        say: Callable[[str], None],
    ) -> None:
        self._stages = stages
        self._context = context
        self._workshop = workshop
        self._apt = apt
        self._pip = pip
        self._say = say
        self._built: dict[str, Image] = {}

    def build(self, name: str) -> Image:
        """Return the image of a stage."""
        if name not in self._built:
            started = time.monotonic()
            self._built[name] = self._debian() if name.partition("@")[0] == _DEBIAN else self._stage(name)
            self._say(f"{name}: {tree_bytes(self._built[name].root) / 1e6:.0f} MB, {time.monotonic() - started:.0f} s")
        return self._built[name]

    def copy(self, stage: str, name: str) -> Image:
        """Return an image of a stage that is nobody else's, in a folder of this name."""
        image = self.build(stage)
        root = self._workshop / name
        _run("cp", "-a", str(image.root), str(root))
        return replace(image, root=root)

    def execute(self, image: Image, words: str) -> None:
        """Carry out a RUN."""
        environment = {"HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"} | image.environment | self._pip.environment
        with lent(image.root, LENT, self._pip.paths):
            _run(*in_root(image.root, environment, image.folder, ["sh", "-c", words], image.user))

    def _debian(self) -> Image:
        """Make what Debian's slim image holds."""
        root = self._workshop / "debian"
        _run("debootstrap", "--variant=minbase", SUITE, str(root), self._apt.mirror)
        (root / "etc/apt/sources.list").write_text(self._apt.sources, "utf-8")
        (root / "etc/apt/apt.conf.d/90machine").write_text(self._apt.configuration + _APT_OF_IMAGES, "utf-8")
        (root / "etc/dpkg/dpkg.cfg.d/90machine").write_text(_DPKG_OF_IMAGES, "utf-8")
        for left in ("var/cache/apt/archives", "var/lib/apt/lists", *(f"usr/share/{name}" for name in _UNWANTED)):
            shutil.rmtree(root / left)
            (root / left).mkdir()
        for file in ("etc/hosts", "etc/resolv.conf"):  # an engine puts these in place for each container
            shutil.copyfile(Path("/", file), root / file)
        return Image(root)

    def _stage(self, name: str) -> Image:
        stage = self._stages.get(name)
        if stage is None:
            raise CheckError(f"the Dockerfile has no stage {name}; it has {', '.join(self._stages)}")
        image = self.copy(stage.base, name)
        for instruction in stage.instructions:
            image = self._follow(image, instruction)
        return image

    def _follow(self, image: Image, instruction: Instruction) -> Image:
        match instruction.name:
            case "RUN":
                self.execute(image, instruction.text)
            case "COPY":
                self._copy(image, instruction)
            case "WORKDIR":
                inside(image.root, instruction.text).mkdir(parents=True, exist_ok=True)
        return described(image, instruction)

    def _copy(self, image: Image, instruction: Instruction) -> None:
        *sources, place = instruction.words
        target = inside(image.root, str(Path(image.folder, place)))
        if "from" in instruction.options:
            (source,) = sources
            tree = inside(self.build(instruction.options["from"]).root, source)
            target.mkdir(parents=True, exist_ok=True)
            _run("cp", "-a", "--no-preserve=ownership", f"{tree}/.", str(target))
            return
        for source in sources:
            start = Path(source)
            files = self._context.files(source)
            if not files:
                raise CheckError(f"Dockerfile:{instruction.line}: the context holds no {source}")
            for file in map(Path, files):
                to = target / (file.relative_to(start) if file != start else file.name)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self._context.folder / file, to)


def described(image: Image, instruction: Instruction) -> Image:
    """Return the image with what an instruction says about running it."""
    words = instruction.words
    changes: dict[str, object] = {}
    match instruction.name:
        case "ENV":
            changes["environment"] = image.environment | dict(word.split("=", 1) for word in words)
        case "WORKDIR":
            changes["folder"] = instruction.text
        case "USER":
            changes["user"] = instruction.text
        case "VOLUME":
            changes["volumes"] = (*image.volumes, *words)
        case "ENTRYPOINT":
            changes["entrypoint"] = tuple(words)
        case "CMD":
            changes["command"] = tuple(words)
        case "HEALTHCHECK":
            changes |= {"health": tuple(words), "health_options": instruction.options}
    return replace(image, **changes)  # type: ignore[arg-type]


def inside(root: Path, path: str) -> Path:
    """Return where a path of the image lies on this machine."""
    return root / path.lstrip("/")


def tree_bytes(root: Path) -> int:
    """Return what the files of a tree hold together; a file with several names counts once."""
    stats = (Path(folder, file).lstat() for folder, _, files in os.walk(root) for file in files)
    return sum({stat.st_ino: stat.st_size for stat in stats}.values())


def _run(*command: str) -> None:
    """Run a step quietly; where it fails, its last lines are what is told."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        told = "\n".join(done.stdout.splitlines()[-20:])
        raise CheckError(f"exit code {done.returncode} of: {' '.join(command)}\n{told}")
