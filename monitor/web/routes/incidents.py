"""Incidents: finding, reading and judging them."""

from dataclasses import replace

from fastapi import APIRouter, HTTPException, Response, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.remark import Mistaken, Opinion
from monitor.web.access import Given, Operator, Viewer, address_of, seen
from monitor.web.query import Before, Most, Number, Searched
from monitor.web.schemas import DossierOut, IncidentOut, JudgementIn, incident_message
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])


@router.get("")
def incidents(given: Given, search: Searched, before: Before = None, most: Most = 50) -> list[IncidentOut]:
    """One page of incidents, newest first."""
    return [IncidentOut.of(incident) for incident in given.book.find(replace(search, before=before, most=most))]


@router.get("/{number}")
def incident(number: Number, account: Viewer, given: Given) -> DossierOut:
    """All that is known of one incident."""
    _seen(given, account, number)
    dossier = given.book.dossier(number)
    if dossier is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such incident")
    return DossierOut.of(dossier)


@router.get("/{number}/picture.jpg", response_class=Response)
def picture(number: Number, account: Viewer, given: Given) -> Response:
    """The incident's picture: its subject, everybody else's face hidden."""
    _seen(given, account, number)
    found = given.book.incident(number)
    if found is None or found.opened_at is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no picture of this incident")
    data = given.snapshots.load(found.incident_id, found.opened_at)
    if data is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no picture of this incident")
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=600"})


@router.post("/{number}/acknowledge")
def acknowledge(number: Number, request: Request, account: Operator, given: Given) -> IncidentOut:
    """Say that it has been seen."""
    return _remark(given, account, request, number, None, None, "")


@router.post("/{number}/verdict")
def judge(number: Number, body: JudgementIn, request: Request, account: Operator, given: Given) -> IncidentOut:
    """Say whether it was right; the newest word counts, the older ones stay."""
    if body.mistaken is not None and body.opinion is not Opinion.FALSE_ALARM:
        raise HTTPException(422, "mistaken: only of a false alarm")
    return _remark(given, account, request, number, body.opinion, body.mistaken, body.note)


def _remark(
    given: Services,
    account: Account,
    request: Request,
    number: int,
    opinion: Opinion | None,
    mistaken: Mistaken | None,
    note: str,
) -> IncidentOut:
    camera = _seen(given, account, number)
    given.book.remark(number, account.name, opinion, mistaken, note)
    said = "acknowledged" if opinion is None else " ".join(word.value for word in (opinion, mistaken) if word)
    given.accounts.note(account.name, "verdict", f"incident {number}: {said}", address_of(request))
    found = given.book.incident(number)
    assert found is not None
    given.hub.announce(camera, incident_message(found))
    return IncidentOut.of(found)


def _seen(given: Services, account: Account, number: int) -> str:
    return seen(account, given.book.camera_of(number), "incident")
