"""The detector in use."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Model:
    """The description of a detector for the pages; `file` is the file that it was loaded from, if any."""

    name: str
    sha256: str
    backend: str
    device: str
    file: Path | None = None
