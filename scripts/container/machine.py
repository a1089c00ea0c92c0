"""What this machine's own configuration says about packages, handed on to the image for as long as it is built."""

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import CheckError

_APT_KEYS = ("Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date")
#: Where an image sees this machine's files while it is built.
LENT = "/mnt/machine"
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Apt:
    """Where Debian's packages come from."""

    mirror: str
    sources: str
    configuration: str


@dataclass(frozen=True, slots=True)
class Pip:
    """pip's settings as environment variables, and the files and folders of this machine that they name."""

    environment: dict[str, str]
    paths: list[Path]


def read_apt(suite: str) -> Apt:
    """Read apt's sources of a Debian release; raises `CheckError` where there are none."""
    targets = _output(
        "apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"
    )
    wanted = (suite, f"{suite}-updates", f"{suite}-security")
    found = [words for words in map(str.split, targets.splitlines()) if words[0] in wanted and words[1] == "main"]
    mirror = next((uri for release, _, uri in found if release == suite), None)
    if mirror is None:
        raise CheckError(f"apt's sources on this machine have no Debian {suite}")
    sources = "".join(f"deb {uri} {release} {component}\n" for release, component, uri in found)
    return Apt(mirror, sources, _output("apt-config", "dump", *_APT_KEYS))


def read_pip() -> Pip:
    """Read what `pip config` says, its environment variables included; local paths are those under `LENT`."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    settings: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later the stronger
        for key, value in re.findall(rf"^{section}\.(\S+?)=('.*'|\".*\")$", listed, re.MULTILINE):
            settings[f"PIP_{key.upper().replace('-', '_')}"] = str(ast.literal_eval(value))
    paths: set[Path] = set()

    def borrow(word: str) -> str:
        scheme, path = re.fullmatch(r"(file://[^/]*)?(.*)", word, re.DOTALL).groups("")  # type: ignore[union-attr]
        if not path.startswith("/") or not Path(path).exists():
            return word
        paths.add(Path(path).parent if scheme else Path(path))  # an index names files beside itself
        return f"{scheme}{LENT}{path}"

    environment = {name: " ".join(map(borrow, value.split())) for name, value in settings.items()}
    proxies = {name: os.environ[name] for name in _PROXIES if name in os.environ}
    return Pip(environment | proxies, sorted(paths))


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CheckError(f"{command[0]} does not tell where packages come from: {error}") from error
