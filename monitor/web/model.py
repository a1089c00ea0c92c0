"""The detector in use."""

from dataclasses import dataclass
from pathlib import Path

from monitor.detectors.folder import cached_sha256


@dataclass(frozen=True, slots=True)
class Model:
    """The description of a detector for the pages; `file` is the file that it was loaded from, if any.

    `choice` says why it was chosen, "" if the settings name it.
    """

    name: str
    sha256: str
    backend: str
    device: str
    file: Path | None = None
    choice: str = ""

    def has_changed(self) -> bool:
        """Return whether the file is no longer the one that was loaded; raises `ModelError` if it cannot be read."""
        return self.file is not None and cached_sha256(self.file) != self.sha256
