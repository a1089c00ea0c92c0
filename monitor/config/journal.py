"""Where incidents and visits are kept."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from monitor.config.base import Section


class JournalSettings(Section):
    """The rotating plain log of violations beside a run's database."""

    log_max_mb: Annotated[float, Field(gt=0, le=1024)] = 10
    log_keep: Annotated[int, Field(ge=1, le=100)] = 5


class OutputSettings(Section):
    """The folder that results go to."""

    folder: Path = Path("recordings")
