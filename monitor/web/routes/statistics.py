"""Statistics over time, visits, and exports as files."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, HTTPException, Query, Response
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.review import Review
from monitor.domain.visit import Outcome
from monitor.rules.statistics import compliance_of, wilson
from monitor.storage.incidents import Incident
from monitor.storage.statistics import ReviewCounts, TimeCount
from monitor.web.access import Operator, ServicesDep, address_of
from monitor.web.csv_export import as_csv
from monitor.web.query import Before, Most, Searched, Spanned
from monitor.web.schemas import (
    BucketOut,
    ComplianceOut,
    ComplyTimesOut,
    IncidentExportOut,
    ReviewCountsOut,
    StatisticsOut,
    VisitOut,
)
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["statistics"])

_PAGE = 200
#: The most rows of an export.
_MOST_ROWS = 50_000

Zone = Annotated[
    str, Query(max_length=64, description="IANA time zone in which hours and days are counted, such as Europe/Madrid.")
]


Key = TypeVar("Key", str, datetime)
Row = TypeVar("Row", VisitOut, IncidentExportOut)


class By(StrEnum):
    """The length of a bucket."""

    HOUR = "hour"
    DAY = "day"


class Format(StrEnum):
    """The format of a file."""

    CSV = "csv"
    JSON = "json"


@router.get("/statistics")
def statistics(services: ServicesDep, span: Spanned, by: By = By.HOUR, zone: Zone = "UTC") -> StatisticsOut:
    """Compliance with its 95 % interval, over time and by camera; time to comply; reviews. Default: the last day."""
    counts = services.statistics.quarters(span)
    here = _zone(zone)

    def bucket(count: TimeCount) -> datetime:
        """Return the start of the bucket in UTC, which distinguishes the two hours of one name when clocks go back."""
        at = count.start.astimezone(here)
        at = at.replace(minute=0) if by is By.HOUR else at.replace(hour=0, minute=0, fold=0)
        return at.astimezone(UTC)

    return StatisticsOut(
        since=span.since,
        until=span.until,
        total=_rate(counts),
        over_time=[
            BucketOut(label=_label(at.astimezone(here), by), start_at=at.astimezone(here), compliance=rate)
            for at, rate in _grouped(counts, bucket)
        ],
        by_camera=[
            BucketOut(label=name, start_at=None, compliance=rate)
            for name, rate in _grouped(counts, lambda count: count.camera)
        ],
        time_to_comply=ComplyTimesOut.of(services.statistics.comply_times(span)),
        reviews=[_review_counts(counts) for counts in services.statistics.alarms(span)],
    )


@router.get("/visits")
def visits(
    services: ServicesDep, span: Spanned, outcome: Outcome | None = None, before: Before = None, most: Most = 50
) -> list[VisitOut]:
    """A page of visits, newest first."""
    return [VisitOut.of(line) for line in services.statistics.visits(span, outcome, before, most)]


@router.get("/export/visits.{kind}", response_class=Response)
def export_visits(
    kind: Format,
    request: Request,
    account: Operator,
    services: ServicesDep,
    span: Spanned,
    outcome: Outcome | None = None,
) -> Response:
    """Visits as a file, newest first."""

    def page(before: int | None) -> Sequence[VisitOut]:
        return [VisitOut.of(line) for line in services.statistics.visits(span, outcome, before, _PAGE)]

    return _file(services, account, request, "visits", kind, VisitOut, _all(page))


@router.get("/export/incidents.{kind}", response_class=Response)
def export_incidents(
    kind: Format, request: Request, account: Operator, services: ServicesDep, search: Searched
) -> Response:
    """Incidents as a file, newest first, each with its newest review and links to its page and picture."""
    base = str(request.base_url)

    def page(before: int | None) -> Sequence[IncidentExportOut]:
        found = services.incidents.find(replace(search, before=before, most=_PAGE))
        reviews = services.incidents.newest_reviews([incident.number for incident in found])
        return [_exported(incident, reviews.get(incident.number), base) for incident in found]

    return _file(services, account, request, "incidents", kind, IncidentExportOut, _all(page))


@router.get("/export/statistics.{kind}", response_class=Response)
def export_statistics(
    kind: Format,
    request: Request,
    account: Operator,
    services: ServicesDep,
    span: Spanned,
    by: By = By.HOUR,
    zone: Zone = "UTC",
) -> Response:
    """Compliance over time and by camera as a file."""
    figures = statistics(services, span, by, zone)
    if kind is Format.JSON:
        services.accounts.note(account.name, "export", "statistics.json", address_of(request))
        return _attached(figures.model_dump_json(indent=1), "statistics.json", "application/json")
    rows = [
        {"group": group, "label": bucket.label}
        | bucket.compliance.model_dump(exclude={"outcomes"})
        | {outcome.value: count for outcome, count in bucket.compliance.outcomes.items()}
        for group, buckets in (("time", figures.over_time), ("camera", figures.by_camera))
        for bucket in buckets
    ]
    header = ["group", "label", "visits", "decided", "complied", "rate", "low", "high", "unknown_share", *Outcome]
    services.accounts.note(account.name, "export", "statistics.csv", address_of(request))
    return _attached(as_csv(header, rows), "statistics.csv", "text/csv")


def _label(at: datetime, by: By) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if by is By.HOUR else f"{at:%Y-%m-%d}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(422, "zone: unknown time zone") from error


def _rate(counts: Iterable[TimeCount]) -> ComplianceOut:
    outcomes: dict[Outcome, int] = {}
    for count in counts:
        outcomes[count.outcome] = outcomes.get(count.outcome, 0) + count.visits
    return ComplianceOut.of(compliance_of(outcomes))


def _grouped(counts: Sequence[TimeCount], key: Callable[[TimeCount], Key]) -> list[tuple[Key, ComplianceOut]]:
    groups: dict[Key, list[TimeCount]] = {}
    for count in counts:
        groups.setdefault(key(count), []).append(count)
    return [(name, _rate(groups[name])) for name in sorted(groups)]


def _review_counts(counts: ReviewCounts) -> ReviewCountsOut:
    decided = counts.confirmed + counts.false_alarms
    low, high = wilson(counts.false_alarms, decided) if decided else (None, None)
    return ReviewCountsOut(
        camera=counts.camera,
        incidents=counts.incidents,
        confirmed=counts.confirmed,
        false_alarms=counts.false_alarms,
        false_alarm_rate=counts.false_alarms / decided if decided else None,
        low=low,
        high=high,
    )


def _exported(incident: Incident, review: Review | None, base: str) -> IncidentExportOut:
    return IncidentExportOut.model_validate(
        asdict(incident)
        | {
            "note": "" if review is None else review.note,
            "reviewer": None if review is None else review.by,
            "reviewed_at": None if review is None else review.at,
            "page": f"{base}incidents/{incident.number}",
            "picture": f"{base}api/v1/incidents/{incident.number}/picture.jpg",
        }
    )


def _all(page: Callable[[int | None], Sequence[Row]]) -> list[Row]:
    rows: list[Row] = []
    while found := page(rows[-1].number if rows else None):
        rows += found
        if len(rows) > _MOST_ROWS:
            raise HTTPException(422, f"more than {_MOST_ROWS} rows; choose a shorter period")
    return rows


def _file(
    services: Services,
    account: Account,
    request: Request,
    name: str,
    kind: Format,
    model: type[VisitOut] | type[IncidentExportOut],
    rows: Sequence[VisitOut] | Sequence[IncidentExportOut],
) -> Response:
    services.accounts.note(account.name, "export", f"{name}.{kind.value}: {len(rows)} rows", address_of(request))
    values = [row.model_dump(mode="json") for row in rows]
    if kind is Format.JSON:
        return _attached(json.dumps(values, ensure_ascii=False, indent=1), f"{name}.json", "application/json")
    return _attached(as_csv(list(model.model_fields), values), f"{name}.csv", "text/csv")


def _attached(text: str, name: str, kind: str) -> Response:
    return Response(
        text, media_type=f"{kind}; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'}
    )
