"""Figures of people over time, and what can be taken elsewhere as files."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, HTTPException, Query, Response
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.detection import MaskState
from monitor.domain.visit import Outcome
from monitor.rules.statistics import Compliance, compliance_of, wilson
from monitor.storage.figures import Alarms, HourCount, Span
from monitor.storage.incident_book import Judged, Search
from monitor.web.access import Given, Operator, Viewer, address_of
from monitor.web.query import Before, CameraName, Most, When
from monitor.web.schemas import (
    AlarmsOut,
    BucketOut,
    ComplianceOut,
    ComplyTimesOut,
    IncidentOut,
    StatisticsOut,
    VisitOut,
    incident_out,
)
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["statistics"])

_LONGEST = timedelta(days=366)
_PAGE = 200
#: An export has at most so many rows; a longer one is asked for in parts.
_MOST_ROWS = 50_000

#: Signs that spreadsheets take for the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

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
def statistics(
    account: Viewer,
    given: Given,
    since: When = None,
    until: When = None,
    camera: CameraName = None,
    by: By = By.HOUR,
    zone: Zone = "UTC",
) -> StatisticsOut:
    """Compliance with its interval, over time and by camera; time to comply; false alarms. The last day if not told."""
    span = _span(given, account, since, until, camera)
    counts = given.figures.hours(span)
    here = _zone(zone)

    def bucket(count: HourCount) -> datetime:
        at = count.hour.astimezone(here)
        return at if by is By.HOUR else at.replace(hour=0)

    times = given.figures.comply_times(span)
    return StatisticsOut(
        since=span.since,
        until=span.until,
        total=_rate(counts),
        over_time=[
            BucketOut(label=f"{at:%Y-%m-%d %H:%M}" if by is By.HOUR else f"{at:%Y-%m-%d}", start_at=at, compliance=rate)
            for at, rate in _grouped(counts, bucket)
        ],
        by_camera=[
            BucketOut(label=name, start_at=None, compliance=rate)
            for name, rate in _grouped(counts, lambda count: count.camera)
        ],
        time_to_comply=ComplyTimesOut(people=times.people, median_s=times.median_s, p90_s=times.p90_s),
        alarms=[_alarms(alarms) for alarms in given.figures.alarms(span)],
    )


@router.get("/visits")
def visits(
    account: Viewer,
    given: Given,
    since: When = None,
    until: When = None,
    camera: CameraName = None,
    outcome: Outcome | None = None,
    before: Before = None,
    most: Most = 50,
) -> list[VisitOut]:
    """One page of visits, newest first."""
    span = _span(given, account, since, until, camera)
    return [_visit(line) for line in given.figures.visits(span, outcome, before, most)]


@router.get("/export/visits.{kind}", response_class=Response)
def export_visits(
    kind: Format,
    request: Request,
    account: Operator,
    given: Given,
    since: When = None,
    until: When = None,
    camera: CameraName = None,
    outcome: Outcome | None = None,
) -> Response:
    """The visits as a file, newest first."""
    span = _span(given, account, since, until, camera)

    def page(before: int | None) -> Sequence[VisitOut]:
        return [_visit(line) for line in given.figures.visits(span, outcome, before, _PAGE)]

    return _file(given, account, request, "visits", kind, VisitOut, _all(page))


@router.get("/export/incidents.{kind}", response_class=Response)
def export_incidents(
    kind: Format,
    request: Request,
    account: Operator,
    given: Given,
    since: When = None,
    until: When = None,
    camera: CameraName = None,
    state: MaskState | None = None,
    judged: Judged | None = None,
    open: bool | None = None,
) -> Response:
    """The incidents as a file, newest first."""

    def page(before: int | None) -> Sequence[IncidentOut]:
        search = Search(account.cameras, camera, state, judged, open, since, until, before, _PAGE)
        return [incident_out(incident) for incident in given.book.find(search)]

    return _file(given, account, request, "incidents", kind, IncidentOut, _all(page))


@router.get("/export/statistics.{kind}", response_class=Response)
def export_statistics(
    kind: Format,
    request: Request,
    account: Operator,
    given: Given,
    since: When = None,
    until: When = None,
    camera: CameraName = None,
    by: By = By.HOUR,
    zone: Zone = "UTC",
) -> Response:
    """Compliance over time and by camera as a file."""
    figures = statistics(account, given, since, until, camera, by, zone)
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
    return _attached(_csv(header, rows), "statistics.csv", "text/csv")


def _span(
    given: Services, account: Account, since: datetime | None, until: datetime | None, camera: str | None
) -> Span:
    until = until or given.clock.utc_now()
    try:
        since = since or until - timedelta(days=1)
    except OverflowError as error:
        raise HTTPException(422, "until: out of range") from error
    if not timedelta(0) < until - since <= _LONGEST:
        raise HTTPException(422, f"since, until: a stretch of time, {_LONGEST.days} days at most")
    cameras = account.cameras
    if camera is not None:
        cameras = frozenset({camera}) if account.sees(camera) else frozenset()
    return Span(since, until, cameras)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(422, "zone: no such time zone") from error


def _rate(counts: Iterable[HourCount]) -> ComplianceOut:
    outcomes: dict[Outcome, int] = {}
    for count in counts:
        outcomes[count.outcome] = outcomes.get(count.outcome, 0) + count.visits
    return _compliance(compliance_of(outcomes))


def _compliance(rate: Compliance) -> ComplianceOut:
    return ComplianceOut(
        visits=rate.visits,
        decided=rate.decided,
        complied=rate.complied,
        rate=rate.rate,
        low=rate.low,
        high=rate.high,
        unknown_share=rate.unknown_share,
        outcomes=rate.outcomes,
    )


def _grouped(counts: Sequence[HourCount], key: Callable[[HourCount], Key]) -> list[tuple[Key, ComplianceOut]]:
    groups: dict[Key, list[HourCount]] = {}
    for count in counts:
        groups.setdefault(key(count), []).append(count)
    return [(name, _rate(groups[name])) for name in sorted(groups)]


def _alarms(alarms: Alarms) -> AlarmsOut:
    judged = alarms.right + alarms.false_alarms
    low, high = wilson(alarms.false_alarms, judged) if judged else (None, None)
    return AlarmsOut(
        camera=alarms.camera,
        incidents=alarms.incidents,
        right=alarms.right,
        false_alarms=alarms.false_alarms,
        false_alarm_rate=alarms.false_alarms / judged if judged else None,
        low=low,
        high=high,
    )


def _visit(line: Any) -> VisitOut:
    return VisitOut.model_validate(line, from_attributes=True)


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
    return _attached(_csv(list(model.model_fields), values), f"{name}.csv", "text/csv")


def _csv(header: list[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula, whatever a camera is called."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _attached(text: str, name: str, kind: str) -> Response:
    return Response(
        text, media_type=f"{kind}; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'}
    )
