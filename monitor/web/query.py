"""Parts of addresses that several routes share."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import HTTPException, Path, Query
from pydantic import AfterValidator


def _aware(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise HTTPException(422, "since, until: out of range") from error


When = Annotated[
    datetime | None, AfterValidator(_aware), Query(description="ISO 8601 with its zone; UTC where none is given.")
]
CameraName = Annotated[str | None, Query(max_length=64)]

#: Numbers of rows fit both databases' integers.
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="For the next page: the last number of this one.")]
Most = Annotated[int, Query(ge=1, le=200)]
