"""Incidents: finding, reading and judging them."""

from dataclasses import replace

from fastapi import APIRouter, HTTPException, Response, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.review import FalseAlarmReason, ReviewDecision
from monitor.web.access import Given, Operator, Viewer, address_of, seen
from monitor.web.query import Before, Most, Number, Searched
from monitor.web.schemas import CountOut, IncidentDetailOut, IncidentOut, ReviewIn, incident_message
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])


@router.get("")
def incidents(given: Given, search: Searched, before: Before = None, most: Most = 50) -> list[IncidentOut]:
    """One page of incidents, newest first."""
    return [IncidentOut.of(incident) for incident in given.incidents.find(replace(search, before=before, most=most))]


@router.get("/count")
def count(given: Given, search: Searched) -> CountOut:
    """How many incidents a search finds on all its pages."""
    return CountOut(count=given.incidents.count(search))


@router.get("/{number}")
def incident(number: Number, account: Viewer, given: Given) -> IncidentDetailOut:
    """All that is known of one incident."""
    _seen(given, account, number)
    detail = given.incidents.detail(number)
    if detail is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such incident")
    return IncidentDetailOut.of(detail)


@router.get("/{number}/picture.jpg", response_class=Response)
def picture(number: Number, account: Viewer, given: Given) -> Response:
    """The incident's picture: its subject, everybody else's face hidden."""
    _seen(given, account, number)
    found = given.incidents.incident(number)
    if found is None or found.opened_at is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no picture of this incident")
    data = given.snapshots.load(found.incident_id, found.opened_at)
    if data is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no picture of this incident")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=600"})


@router.post("/{number}/acknowledge")
def acknowledge(number: Number, request: Request, account: Operator, given: Given) -> IncidentOut:
    """Say that it has been seen."""
    return _review(given, account, request, number, None, None, "")


@router.post("/{number}/review")
def judge(number: Number, body: ReviewIn, request: Request, account: Operator, given: Given) -> IncidentOut:
    """Confirm the violation, call it a false alarm, or withdraw the review; the newest holds, the older ones stay.

    409: there is nothing to withdraw.
    """
    if body.false_alarm_reason is not None and body.decision is not ReviewDecision.FALSE_ALARM:
        raise HTTPException(422, "false_alarm_reason: only of a false alarm")
    return _review(given, account, request, number, body.decision, body.false_alarm_reason, body.note)


def _review(
    given: Services,
    account: Account,
    request: Request,
    number: int,
    decision: ReviewDecision | None,
    false_alarm_reason: FalseAlarmReason | None,
    note: str,
) -> IncidentOut:
    camera = _seen(given, account, number)
    if decision is ReviewDecision.WITHDRAWN:
        before = given.incidents.incident(number)
        if before is not None and not before.acknowledged:
            raise HTTPException(status.HTTP_409_CONFLICT, "there is no review to withdraw")
    given.incidents.review(number, account.name, decision, false_alarm_reason, note)
    said = (
        "acknowledged" if decision is None else " ".join(word.value for word in (decision, false_alarm_reason) if word)
    )
    given.accounts.note(account.name, "review", f"incident {number}: {said}", address_of(request))
    found = given.incidents.incident(number)
    assert found is not None
    given.hub.announce(camera, incident_message(found))
    return IncidentOut.of(found)


def _seen(given: Services, account: Account, number: int) -> str:
    return seen(account, given.incidents.camera_of(number), "incident")
