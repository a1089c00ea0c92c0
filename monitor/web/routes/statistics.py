"""Statistics over time, visits, and exports as files.

All of them can take long: they are made on threads of their own, for each account one at a time.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.review import Review
from monitor.domain.visit import Outcome
from monitor.storage.incidents import Incident
from monitor.web.access import Operator, ServicesDep, Viewer, address_of
from monitor.web.csv_export import as_csv
from monitor.web.figures import By, figures
from monitor.web.made import made
from monitor.web.query import Before, Most, Searched, Spanned
from monitor.web.schemas import IncidentExportOut, StatisticsOut, VisitOut
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["statistics"])

_PAGE = 200
#: The most rows of an export.
_MOST_ROWS = 50_000


def _zone(
    zone: Annotated[
        str,
        Query(max_length=64, description="IANA time zone in which hours and days are counted, such as Europe/Madrid."),
    ] = "UTC",
) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(422, "zone: unknown time zone") from error


Zone = Annotated[ZoneInfo, Depends(_zone)]
Row = TypeVar("Row", VisitOut, IncidentExportOut)


class Format(StrEnum):
    """The format of a file."""

    CSV = "csv"
    JSON = "json"


@router.get("/statistics", response_model=StatisticsOut)
async def statistics(account: Viewer, services: ServicesDep, span: Spanned, zone: Zone, by: By = By.HOUR) -> Response:
    """Compliance with its 95 % interval, over time and by camera; time to comply; reviews. Default: the last day."""

    def report() -> bytes:
        return services.figures.as_json(services.statistics, span, by, zone)

    return Response(await made(services.reports, account, report), media_type="application/json")


@router.get("/visits")
async def visits(
    account: Viewer,
    services: ServicesDep,
    span: Spanned,
    outcome: Outcome | None = None,
    before: Before = None,
    most: Most = 50,
) -> list[VisitOut]:
    """A page of visits, newest first."""

    def page() -> list[VisitOut]:
        return [VisitOut.of(line) for line in services.statistics.visits(span, outcome, before, most)]

    return await made(services.exports, account, page)


@router.get("/export/visits.{kind}", response_class=Response)
async def export_visits(
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

    def file() -> Response:
        return _file(services, account, request, "visits", kind, VisitOut, _all(page))

    return await made(services.exports, account, file)


@router.get("/export/incidents.{kind}", response_class=Response)
async def export_incidents(
    kind: Format, request: Request, account: Operator, services: ServicesDep, search: Searched
) -> Response:
    """Incidents as a file, newest first, each with its newest review and links to its page and picture."""
    base = str(request.base_url)

    def page(before: int | None) -> Sequence[IncidentExportOut]:
        found = services.incidents.find(replace(search, before=before, most=_PAGE))
        reviews = services.incidents.newest_reviews([incident.number for incident in found])
        return [_exported(incident, reviews.get(incident.number), base) for incident in found]

    def file() -> Response:
        return _file(services, account, request, "incidents", kind, IncidentExportOut, _all(page))

    return await made(services.exports, account, file)


@router.get("/export/statistics.{kind}", response_class=Response)
async def export_statistics(
    kind: Format,
    request: Request,
    account: Operator,
    services: ServicesDep,
    span: Spanned,
    zone: Zone,
    by: By = By.HOUR,
) -> Response:
    """Compliance over time and by camera as a file."""

    def file() -> Response:
        found = figures(services.statistics, span, by, zone)
        services.accounts.note(account.name, "export", f"statistics.{kind.value}", address_of(request))
        if kind is Format.JSON:
            return _attached(found.model_dump_json(indent=1), "statistics.json", "application/json")
        return _attached(_as_table(found), "statistics.csv", "text/csv")

    return await made(services.exports, account, file)


def _as_table(found: StatisticsOut) -> str:
    rows = [
        {"group": group, "label": bucket.label}
        | bucket.compliance.model_dump(exclude={"outcomes"})
        | {outcome.value: count for outcome, count in bucket.compliance.outcomes.items()}
        for group, buckets in (("time", found.over_time), ("camera", found.by_camera))
        for bucket in buckets
    ]
    header = ["group", "label", "visits", "decided", "complied", "rate", "low", "high", "unknown_share", *Outcome]
    return as_csv(header, rows)


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
