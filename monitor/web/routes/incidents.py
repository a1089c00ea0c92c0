"""Incidents: search, details and reviews."""

from dataclasses import replace

from fastapi import APIRouter, HTTPException, Response, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.web.access import Operator, ServicesDep, Viewer, address_of, require_camera
from monitor.web.query import Before, Most, Number, Searched
from monitor.web.schemas import CountOut, IncidentDetailOut, IncidentOut, KeptOut, ReviewIn, incident_message
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])


@router.get("")
def incidents(services: ServicesDep, search: Searched, before: Before = None, most: Most = 50) -> list[IncidentOut]:
    """A page of incidents, newest first."""
    return [IncidentOut.of(incident) for incident in services.incidents.find(replace(search, before=before, most=most))]


@router.get("/count")
def count(services: ServicesDep, search: Searched) -> CountOut:
    """How many incidents a search finds on all its pages."""
    return CountOut(count=services.incidents.count(search))


@router.get("/{number}")
def incident(number: Number, account: Viewer, services: ServicesDep) -> IncidentDetailOut:
    """Everything that is known about one incident.

    410: it was erased; only accounts that may see every camera are told so.
    """
    if account.cameras is None and services.incidents.is_erased(number):
        raise HTTPException(status.HTTP_410_GONE, "this incident was erased")
    _require_incident(services, account, number)
    detail = services.incidents.detail(number)
    if detail is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such incident")
    kept = services.journal().kept.of(number)
    return IncidentDetailOut.of(detail).model_copy(update={"kept": None if kept is None else KeptOut.of(kept)})


@router.get("/{number}/picture.jpg", response_class=Response)
def picture(number: Number, request: Request, account: Viewer, services: ServicesDep) -> Response:
    """The incident's picture, a JPEG, in which the faces of all other people are blurred.

    Who views it is in the audit log, once an hour.
    """
    _require_incident(services, account, number)
    found = services.incidents.incident(number)
    if found is None or found.opened_at is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no picture of this incident")
    data = services.snapshots.load(found.incident_id, found.opened_at)
    if data is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no picture of this incident")
    what = f"picture of incident {number}"
    if services.viewings.is_new(account.name, what):
        services.accounts.note(account.name, "evidence viewed", what, address_of(request))
    return Response(data, media_type="image/jpeg")


@router.post("/{number}/acknowledge")
def acknowledge(number: Number, request: Request, account: Operator, services: ServicesDep) -> IncidentOut:
    """Acknowledge an incident."""
    return _review(services, account, request, number, None, None, "")


@router.post("/{number}/review")
def review(number: Number, body: ReviewIn, request: Request, account: Operator, services: ServicesDep) -> IncidentOut:
    """Confirm the violation, call it a false alarm, or withdraw the review. The newest counts; earlier ones are kept.

    409: there is no review to withdraw.
    """
    if body.false_alarm_reason is not None and body.decision is not ReviewDecision.FALSE_ALARM:
        raise HTTPException(422, "false_alarm_reason: allowed for a false alarm only")
    return _review(services, account, request, number, body.decision, body.false_alarm_reason, body.note)


def _review(
    services: Services,
    account: Account,
    request: Request,
    number: int,
    decision: ReviewDecision | None,
    false_alarm_reason: FalseAlarmReason | None,
    note: str,
) -> IncidentOut:
    camera = _require_incident(services, account, number)
    if decision is ReviewDecision.WITHDRAWN:
        before = services.incidents.incident(number)
        if before is not None and not before.acknowledged:
            raise HTTPException(status.HTTP_409_CONFLICT, "there is no review to withdraw")
    services.incidents.review(number, account.name, decision, false_alarm_reason, note)
    outcome = (
        "acknowledged" if decision is None else " ".join(word.value for word in (decision, false_alarm_reason) if word)
    )
    services.accounts.note(account.name, "review", f"incident {number}: {outcome}", address_of(request))
    found = services.incidents.incident(number)
    assert found is not None
    services.hub.announce(camera, incident_message(found))
    return IncidentOut.of(found)


def _require_incident(services: Services, account: Account, number: int) -> str:
    return require_camera(account, services.incidents.camera_of(number), "incident")
