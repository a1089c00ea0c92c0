"""Where incidents and visits are stored."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr

from monitor.config.base import Section
from monitor.domain.address import redact

_EXPECTED = (
    "expected sqlite:////FOLDER/FILE, or postgresql+psycopg://HOST/NAME with USER:PASSWORD@ before the host, "
    "where @, : and / of a password are written %40, %3A and %2F"
)


class _Unshown(str):
    """An address in which a password cannot be located, since it may be malformed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _unshown(value: object) -> object:
    return _Unshown(value) if isinstance(value, str) else value


def _checked(address: SecretStr) -> SecretStr:
    from sqlalchemy import make_url  # slow to load, and rarely needed
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address.get_secret_value())
    except (ArgumentError, ValueError):
        raise ValueError(_EXPECTED) from None
    match url.drivername:
        case "sqlite":  # a relative path would depend on the working directory
            usable = url.host is None and not url.query and Path(url.database or "").is_absolute()
        case "postgresql" | "postgresql+psycopg":
            usable = "@" not in (url.host or "")
        case _:
            usable = False
    if not usable:
        raise ValueError(_EXPECTED)
    return address


def _shown(address: SecretStr) -> str:
    from sqlalchemy import make_url

    return redact(str(make_url(address.get_secret_value())))  # hides a password with any characters


class JournalSettings(Section):
    """The live monitor's database, and its rotating text log; a replay always writes its own files."""

    url: (
        Annotated[
            SecretStr, AfterValidator(_checked), BeforeValidator(_unshown), PlainSerializer(_shown, return_type=str)
        ]
        | None
    ) = Field(default=None, title="Database")
    """The address of the live monitor's database; without one it is a SQLite file in the folder of results."""
    log_max_mb: Annotated[float, Field(gt=0, le=1024)] = Field(default=10, title="Size of the log")
    """The size in megabytes at which violations.log is rotated."""
    log_backups: Annotated[int, Field(ge=1, le=100)] = Field(default=5, title="Old logs")
    """How many old files of violations.log are kept."""


class OutputSettings(Section):
    """The folder that results are written to."""

    folder: Path = Field(default=Path("recordings"), title="Folder")
    """The folder that results are written to."""
