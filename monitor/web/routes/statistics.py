"""StatisticsRepository of people over time, and what can be taken elsewhere as files."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, HTTPException, Query, Response
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.visit import Outcome
from monitor.rules.statistics import compliance_of, wilson
from monitor.storage.statistics import ReviewCounts, TimeCount
from monitor.web.access import Given, Operator, address_of
from monitor.web.csv_export import as_csv
from monitor.web.query import Before, Most, Searched, Spanned
from monitor.web.schemas import (
    BucketOut,
    ComplianceOut,
    ComplyTimesOut,
    IncidentOut,
    ReviewCountsOut,
    StatisticsOut,
    VisitOut,
)
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["statistics"])

_PAGE = 200
#: An export has at most so many rows; a longer one is asked for in parts.
_MOST_ROWS = 50_000

Zone = Annotated[str, Query(max_length=64, description="IANA zone whose days are counted, such as Europe/Madrid.")]


Key = TypeVar("Key", str, datetime)
Row = TypeVar("Row", VisitOut, IncidentOut)


class By(StrEnum):
    """How long a bucket is."""

    HOUR = "hour"
    DAY = "day"


class Format(StrEnum):
    """What a file holds."""

    CSV = "csv"
    JSON = "json"


@router.get("/statistics")
def statistics(given: Given, span: Spanned, by: By = By.HOUR, zone: Zone = "UTC") -> StatisticsOut:
    """Compliance with its interval, over time and by camera; time to comply; false alarms. The last day if not told."""
    counts = given.statistics.quarters(span)
    here = _zone(zone)

    def bucket(count: TimeCount) -> datetime:
        """Return when the bucket begins, in UTC: the two hours of one name on a day of 25 are two."""
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
        time_to_comply=ComplyTimesOut.of(given.statistics.comply_times(span)),
        reviews=[_alarms(alarms) for alarms in given.statistics.alarms(span)],
    )


@router.get("/visits")
def visits(
    given: Given, span: Spanned, outcome: Outcome | None = None, before: Before = None, most: Most = 50
) -> list[VisitOut]:
    """One page of visits, newest first."""
    return [VisitOut.of(line) for line in given.statistics.visits(span, outcome, before, most)]


@router.get("/export/visits.{kind}", response_class=Response)
def export_visits(
    kind: Format, request: Request, account: Operator, given: Given, span: Spanned, outcome: Outcome | None = None
) -> Response:
    """The visits as a file, newest first."""

    def page(before: int | None) -> Sequence[VisitOut]:
        return [VisitOut.of(line) for line in given.statistics.visits(span, outcome, before, _PAGE)]

    return _file(given, account, request, "visits", kind, VisitOut, _all(page))


@router.get("/export/incidents.{kind}", response_class=Response)
def export_incidents(kind: Format, request: Request, account: Operator, given: Given, search: Searched) -> Response:
    """The incidents as a file, newest first."""

    def page(before: int | None) -> Sequence[IncidentOut]:
        return [
            IncidentOut.of(incident) for incident in given.incidents.find(replace(search, before=before, most=_PAGE))
        ]

    return _file(given, account, request, "incidents", kind, IncidentOut, _all(page))


@router.get("/export/statistics.{kind}", response_class=Response)
def export_statistics(
    kind: Format,
    request: Request,
    account: Operator,
    given: Given,
    span: Spanned,
    by: By = By.HOUR,
    zone: Zone = "UTC",
) -> Response:
    """Compliance over time and by camera as a file."""
    figures = statistics(given, span, by, zone)
    if kind is Format.JSON:
        given.accounts.note(account.name, "export", "statistics.json", address_of(request))
        return _attached(figures.model_dump_json(indent=1), "statistics.json", "application/json")
    rows = [
        {"group": group, "label": bucket.label}
        | bucket.compliance.model_dump(exclude={"outcomes"})
        | {outcome.value: count for outcome, count in bucket.compliance.outcomes.items()}
        for group, buckets in (("time", figures.over_time), ("camera", figures.by_camera))
        for bucket in buckets
    ]
    header = ["group", "label", "visits", "decided", "complied", "rate", "low", "high", "unknown_share", *Outcome]
    given.accounts.note(account.name, "export", "statistics.csv", address_of(request))
    return _attached(as_csv(header, rows), "statistics.csv", "text/csv")


def _label(at: datetime, by: By) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if by is By.HOUR else f"{at:%Y-%m-%d}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(422, "zone: no such time zone") from error


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


def _alarms(alarms: ReviewCounts) -> ReviewCountsOut:
    judged = alarms.confirmed + alarms.false_alarms
    low, high = wilson(alarms.false_alarms, judged) if judged else (None, None)
    return ReviewCountsOut(
        camera=alarms.camera,
        incidents=alarms.incidents,
        confirmed=alarms.confirmed,
        false_alarms=alarms.false_alarms,
        false_alarm_rate=alarms.false_alarms / judged if judged else None,
        low=low,
        high=high,
    )


def _all(page: Callable[[int | None], Sequence[Row]]) -> list[Row]:
    rows: list[Row] = []
    while found := page(rows[-1].number if rows else None):
        rows += found
        if len(rows) > _MOST_ROWS:
            raise HTTPException(422, f"more than {_MOST_ROWS} rows; export a shorter stretch of time")
    return rows


def _file(
    given: Services,
    account: Account,
    request: Request,
    name: str,
    kind: Format,
    model: type[VisitOut] | type[IncidentOut],
    rows: Sequence[VisitOut] | Sequence[IncidentOut],
) -> Response:
    given.accounts.note(account.name, "export", f"{name}.{kind.value}: {len(rows)} rows", address_of(request))
    values = [row.model_dump(mode="json") for row in rows]
    if kind is Format.JSON:
        return _attached(json.dumps(values, ensure_ascii=False, indent=1), f"{name}.json", "application/json")
    return _attached(as_csv(list(model.model_fields), values), f"{name}.csv", "text/csv")


def _attached(text: str, name: str, kind: str) -> Response:
    return Response(
        text, media_type=f"{kind}; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'}
    )
