"""The window at the entrance."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from monitor.config.base import Section


class KioskSettings(Section):
    """`camera` None is the first one; `texts` names a file of further languages or of other words for these."""

    camera: str | None = None
    language: Annotated[str, Field(min_length=2, max_length=16)] = "en"
    texts: Path | None = None
    mirror: bool = True
    fullscreen: bool = True
    sound: bool = False
