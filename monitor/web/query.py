"""Query parameters that several routes share."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, HTTPException, Path, Query
from pydantic import AfterValidator

from monitor.domain.detection import MaskState
from monitor.storage.incidents import ReviewStatus, Search
from monitor.storage.statistics import Span
from monitor.web.access import ServicesDep, Viewer

_LONGEST = timedelta(days=366)


def _aware(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise HTTPException(422, "since, until: out of range") from error


When = Annotated[
    datetime | None, AfterValidator(_aware), Query(description="ISO 8601 with its time zone; UTC if it has none.")
]
CameraName = Annotated[str | None, Query(max_length=64)]

#: Row numbers, in the range of both databases' integers.
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Before = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="For the next page: the last number of this page.")
]
Most = Annotated[int, Query(ge=1, le=200)]


def _search(
    account: Viewer,
    camera: CameraName = None,
    state: MaskState | None = None,
    review: ReviewStatus | None = None,
    open: bool | None = None,
    since: When = None,
    until: When = None,
) -> Search:
    return Search(account.cameras, camera, state, review, open, since, until)


def _span(
    account: Viewer, services: ServicesDep, since: When = None, until: When = None, camera: CameraName = None
) -> Span:
    """Return the requested period, by default the last day, for the cameras that the account may see."""
    until = until or services.clock.utc_now()
    try:
        since = since or until - timedelta(days=1)
    except OverflowError as error:
        raise HTTPException(422, "until: out of range") from error
    if not timedelta(0) < until - since <= _LONGEST:
        raise HTTPException(422, f"since, until: a period of at most {_LONGEST.days} days")
    cameras = account.cameras
    if camera is not None:
        cameras = frozenset({camera}) if account.sees(camera) else frozenset()
    return Span(since, until, cameras)


#: A search for incidents and a period, both limited to the cameras that the account may see.
Searched = Annotated[Search, Depends(_search)]
Spanned = Annotated[Span, Depends(_span)]
