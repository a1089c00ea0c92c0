"""The detector at work."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """What the pages say of a detector."""

    name: str
    sha256: str
    backend: str
    device: str
