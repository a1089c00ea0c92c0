"""Incidents: finding, reading and judging them."""

from fastapi import APIRouter, HTTPException, Response, status
from starlette.requests import Request

from monitor.domain.account import Account
from monitor.domain.detection import MaskState
from monitor.domain.remark import Mistaken, Opinion
from monitor.storage.incident_book import Judged, Search
from monitor.web.access import Given, Operator, Viewer, address_of, seen
from monitor.web.query import Before, CameraName, Most, Number, When
from monitor.web.schemas import DossierOut, IncidentOut, JudgementIn, dossier_out, incident_message, incident_out
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])


@router.get("")
def incidents(
    account: Viewer,
    given: Given,
    camera: CameraName = None,
    state: MaskState | None = None,
    judged: Judged | None = None,
    open: bool | None = None,
    since: When = None,
    until: When = None,
    before: Before = None,
    most: Most = 50,
) -> list[IncidentOut]:
    """One page of incidents, newest first."""
    search = Search(account.cameras, camera, state, judged, open, since, until, before, most)
    return [incident_out(incident) for incident in given.book.find(search)]


@router.get("/{number}")
def incident(number: Number, account: Viewer, given: Given) -> DossierOut:
    """All that is known of one incident."""
    _seen(given, account, number)
    dossier = given.book.dossier(number)
    if dossier is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such incident")
    return dossier_out(dossier)


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
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400, immutable"})


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
    return incident_out(found)


def _seen(given: Services, account: Account, number: int) -> str:
    return seen(account, given.book.camera_of(number), "incident")
