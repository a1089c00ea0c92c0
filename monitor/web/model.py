"""The detector at work."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Model:
    """What the pages say of a detector; `file` is the file that it was loaded from, where there is one."""

    name: str
    sha256: str
    backend: str
    device: str
    file: Path | None = None
