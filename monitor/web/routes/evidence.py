"""Evidence: keeping, erasing and exporting it."""

import tempfile
from datetime import timedelta

from fastapi import APIRouter, HTTPException, Response, status
from starlette.requests import Request

from monitor.domain.account import Account, Role
from monitor.domain.errors import KeptError
from monitor.evidence.export import export_incident
from monitor.evidence.signing import evidence_key
from monitor.storage.removing import Removal
from monitor.web.access import Admin, Operator, ServicesDep, address_of, require_camera
from monitor.web.made import made
from monitor.web.query import Number
from monitor.web.schemas import EraseIn, KeepIn, KeptOut
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["evidence"])


@router.get("/incidents/{number}/evidence.zip", response_class=Response)
async def export(number: Number, request: Request, account: Operator, services: ServicesDep) -> Response:
    """The incident with its files, settings and reviews, and what proves it, as a signed ZIP file.

    Admins get its videos, others the blurred copies, as far as they have been made.
    """
    _require_incident(services, account, number)

    def file() -> Response:
        journal = services.journal()
        key = evidence_key(services.folder.parent)
        services.accounts.note(account.name, "evidence exported", f"incident {number}", address_of(request))
        with tempfile.TemporaryFile() as out:
            now, originals = services.clock.utc_now(), account.may(Role.ADMIN)
            if not export_incident(journal.engine, journal.folder, number, key, now, out, originals=originals):
                raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such incident")
            out.seek(0)
            data = out.read()
        name = f"incident-{number}.zip"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="application/zip", headers=headers)

    return await made(services.exports, account, file)


@router.post("/incidents/{number}/keep")
def keep(number: Number, body: KeepIn, request: Request, account: Operator, services: ServicesDep) -> KeptOut:
    """Keep an incident: nothing deletes it before the end of so many days."""
    _require_incident(services, account, number)
    until = services.clock.utc_now() + timedelta(days=body.days)
    kept = services.journal().kept
    kept.keep(number, account.name, body.reason, until)
    said = f"incident {number} until {until:%Y-%m-%d}: {body.reason}"
    services.accounts.note(account.name, "evidence kept", said, address_of(request))
    found = kept.of(number)
    assert found is not None
    return KeptOut.of(found)


@router.delete("/incidents/{number}/keep", status_code=204)
def release(number: Number, request: Request, account: Operator, services: ServicesDep) -> None:
    """Keep an incident no longer."""
    _require_incident(services, account, number)
    if not services.journal().kept.release(number):
        raise HTTPException(status.HTTP_404_NOT_FOUND, "nobody keeps this incident")
    services.accounts.note(account.name, "evidence released", f"incident {number}", address_of(request))


@router.post("/incidents/{number}/erase", status_code=204)
def erase_incident(number: Number, body: EraseIn, request: Request, account: Admin, services: ServicesDep) -> None:
    """Erase an incident with its files and reviews; it stays counted, and the chain says that it was erased.

    409: somebody keeps it.
    """
    _require_incident(services, account, number)
    _erase(services, account, request, "incident", number, body.reason)


@router.post("/visits/{number}/erase", status_code=204)
def erase_visit(number: Number, body: EraseIn, request: Request, account: Admin, services: ServicesDep) -> None:
    """Erase a visit and its incidents; they stay counted.

    409: somebody keeps one of the incidents.
    """
    _erase(services, account, request, "visit", number, body.reason)


def _erase(services: Services, account: Account, request: Request, what: str, number: int, reason: str) -> None:
    remover, removal = services.journal().remover, Removal("erased", account.name, reason)
    try:
        erase = remover.erase_incident if what == "incident" else remover.erase_visit
        if not erase(number, removal):
            raise HTTPException(status.HTTP_404_NOT_FOUND, f"there is no such {what}")
    except KeptError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error
    services.accounts.note(account.name, "erase", f"{what} {number}: {reason}", address_of(request))


def _require_incident(services: Services, account: Account, number: int) -> None:
    require_camera(account, services.incidents.camera_of(number), "incident")
