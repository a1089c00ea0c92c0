"""Where incidents and visits are kept."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainSerializer, SecretStr

from monitor.config.base import Section
from monitor.domain.address import redact


def _shown(url: SecretStr) -> str:
    return redact(url.get_secret_value())


class JournalSettings(Section):
    """The live monitor's database, and the rotating plain log of violations beside it.

    `url` is a database address as SQLAlchemy writes it (`postgresql+psycopg://...`); where it is not given, a SQLite
    file in the folder of results. A replay always writes a file of its own.
    """

    url: Annotated[SecretStr, PlainSerializer(_shown, return_type=str)] | None = None
    log_max_mb: Annotated[float, Field(gt=0, le=1024)] = 10
    log_keep: Annotated[int, Field(ge=1, le=100)] = 5


class OutputSettings(Section):
    """The folder that results go to."""

    folder: Path = Path("recordings")
