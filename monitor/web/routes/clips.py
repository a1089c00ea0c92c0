"""Clips of incidents: blurred for everybody who sees the incident, the original for admins."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, status
from fastapi import Path as PathParameter
from starlette.requests import Request
from starlette.responses import FileResponse

from monitor.domain.account import Account
from monitor.storage.clip_folder import Clip
from monitor.storage.incidents import Incident
from monitor.web.access import Admin, ServicesDep, Viewer, address_of, require_camera
from monitor.web.blurred_clips import BusyError, CopyState
from monitor.web.query import Number
from monitor.web.schemas import ClipNotesOut, ClipOut, ClipsOut, CopyOut
from monitor.web.services import Services

router = APIRouter(prefix="/api/v1/incidents/{number}/clips", tags=["incidents"])

Part = Annotated[int, PathParameter(ge=1, le=1000)]

_VIDEO: dict[int | str, dict[str, Any]] = {200: {"content": {"video/mp4": {}}}, 206: {"content": {"video/mp4": {}}}}

#: A clip that is not there by so long after its end will not come.
_LATEST = timedelta(seconds=120)


@router.get("")
def clips(number: Number, account: Viewer, services: ServicesDep) -> ClipsOut:
    """The clips of an incident, in the order of time: one, or several if the stream changed or broke off."""
    incident = _incident(services, account, number)
    found = services.clips.of_incident(incident.incident_id)
    parts = [
        ClipOut(
            part=part,
            started_at=clip.started_at,
            duration_s=clip.duration_s,
            width_px=clip.width_px,
            height_px=clip.height_px,
            codec=clip.codec,
            sha256=clip.sha256,
            blurred=services.blurred_clips.state(services.clip_folder, clip.name, _track(services, clip, incident)),
        )
        for part, clip in enumerate(found, start=1)
    ]
    return ClipsOut(clips=parts, pending=not parts and _may_come(services, incident))


@router.get("/{part}/boxes")
def boxes(number: Number, part: Part, account: Viewer, services: ServicesDep) -> ClipNotesOut:
    """Who was where in a clip: people and zones, to be drawn over it."""
    incident, clip = _clip(services, account, number, part)
    return ClipNotesOut.model_validate(
        services.clip_folder.read_boxes(clip.name) | {"subject": _track(services, clip, incident)}
    )


@router.post("/{part}/blurred", status_code=status.HTTP_202_ACCEPTED)
def blur(number: Number, part: Part, account: Viewer, services: ServicesDep) -> CopyOut:
    """Have the copy made in which everybody but the person concerned is blurred. 503: too many are waiting."""
    incident, clip = _clip(services, account, number, part)
    try:
        state = services.blurred_clips.ask(services.clip_folder, clip.name, _track(services, clip, incident))
    except BusyError as error:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, "too many videos are being prepared") from error
    return CopyOut(state=state)


@router.get("/{part}/blurred.mp4", response_class=FileResponse, responses=_VIDEO)
def blurred(number: Number, part: Part, account: Viewer, services: ServicesDep) -> FileResponse:
    """A clip in which everybody but the person concerned is blurred; answers range requests. 404: not made yet."""
    incident, clip = _clip(services, account, number, part)
    track = _track(services, clip, incident)
    if services.blurred_clips.state(services.clip_folder, clip.name, track) is not CopyState.READY:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "this video has not been prepared")
    return _video(services.clip_folder.blurred(clip.name, track))


@router.get("/{part}/original.mp4", response_class=FileResponse, responses=_VIDEO)
def original(number: Number, part: Part, request: Request, account: Admin, services: ServicesDep) -> FileResponse:
    """A clip as the camera sent it, for admins, which the audit log records; answers range requests."""
    _, clip = _clip(services, account, number, part)
    answer = _video(services.clip_folder.video(clip.name))
    if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):  # later ranges belong to the same viewing
        detail = f"incident {number}, part {part}"
        services.accounts.note(account.name, "original video viewed", detail, address_of(request))
    return answer


def _incident(services: Services, account: Account, number: int) -> Incident:
    require_camera(account, services.incidents.camera_of(number), "incident")
    found = services.incidents.incident(number)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such incident")
    return found


def _clip(services: Services, account: Account, number: int, part: int) -> tuple[Incident, Clip]:
    incident = _incident(services, account, number)
    found = services.clips.of_incident(incident.incident_id)
    if part > len(found):
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such video of this incident")
    return incident, found[part - 1]


def _track(services: Services, clip: Clip, incident: Incident) -> int:
    """Return the number of the person concerned, by which the boxes beside the clip name them."""
    noted = services.clip_folder.read_boxes(clip.name)["incidents"]
    return next((int(each["track_id"]) for each in noted if each["incident_id"] == incident.incident_id), 0)


def _may_come(services: Services, incident: Incident) -> bool:
    camera = services.monitor.settings(incident.camera)
    if camera is None or not camera.clips.enabled:
        return False
    if incident.ended is None:
        return True
    after = timedelta(seconds=camera.clips.post_s) + _LATEST
    return incident.closed_at is not None and services.clock.utc_now() < incident.closed_at + after


def _video(path: Path) -> FileResponse:
    if not path.exists():
        raise HTTPException(status.HTTP_404_NOT_FOUND, "the file of this video is gone")
    return FileResponse(path, media_type="video/mp4")
