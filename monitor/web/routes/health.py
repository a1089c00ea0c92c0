"""The state of the monitor, for people, for containers and for Prometheus; settings and the audit log."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request

from monitor import __version__
from monitor.config.fingerprint import plain
from monitor.domain.account import Account
from monitor.domain.address import SourceAddress, SourceKind
from monitor.evidence.signing import known_public_key
from monitor.pipeline.process import memory_mb
from monitor.storage.disk import disk_of
from monitor.web.access import Admin, ServicesDep, Viewer, services_of
from monitor.web.health import Reason, unhealthy_reasons
from monitor.web.hub import Viewer as Watcher
from monitor.web.metrics import registry_of
from monitor.web.schemas import AuditOut, CameraHealthOut, HealthOut, HealthyOut, StorageOut, ViewerOut, WarningOut
from monitor.web.services import Services
from monitor.web.values import camera_values, visible_text

router = APIRouter(tags=["health"])


@router.get("/healthz", responses={503: {"model": HealthyOut}})
async def healthz(request: Request, response: Response) -> HealthyOut:
    """Whether the monitor is healthy, for a container: 503 if a required camera, detector or journal has failed.

    It needs no login, so it returns how many have failed, not which.
    """
    reasons = _reasons(services_of(request))  # on the event loop: other requests may wait for a database that hangs
    response.status_code = 503 if reasons else 200
    return HealthyOut(healthy=not reasons, reasons=[f"{len(reasons)} failed"] if reasons else [])


@router.get("/metrics", response_class=Response)
def metrics(account: Viewer, services: ServicesDep) -> Response:
    """Metrics for Prometheus. It needs an account or a token that may see every camera."""
    if account.cameras is not None:
        return Response("this needs an account that may see every camera\n", 403, media_type="text/plain")
    return Response(generate_latest(registry_of(services)), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/health")
async def health(account: Viewer, services: ServicesDep) -> HealthOut:
    """The state of the monitor: reasons for faults, warnings, cameras, latency, drops, disk, model, and open pages.

    Warnings are for operators and admins. An account that is limited to some cameras gets those only, and no open
    pages but its own.
    """
    viewers = [
        viewer
        for viewer in services.hub.viewers  # on the event loop; the rest may wait for a disk that hangs
        if account.cameras is None or viewer.account.name == account.name
    ]
    return await asyncio.to_thread(_health, account, services, viewers)


def _health(account: Account, services: Services, viewers: Sequence[Watcher]) -> HealthOut:
    disk, model = disk_of(services.folder), services.model()
    reasons = [reason for reason in _reasons(services) if account.sees(reason.camera)]
    return HealthOut(
        healthy=not reasons,
        reasons=[reason.text for reason in reasons],
        warnings=[WarningOut.of(warning) for warning in services.warnings.visible_to(account)],
        version=__version__,
        started_at=services.started_at,
        model=model.name,
        model_choice=model.choice,
        model_sha256=model.sha256,
        backend=model.backend,
        device=model.device,
        memory_mb=round(memory_mb(), 1),
        disk_free_mb=None if disk is None else round(disk.free_mb),
        disk_used_share=None if disk is None else round(disk.used_share, 4),
        storage=StorageOut.of(services.monitor.storage()),
        public_key=known_public_key(services.folder.parent),
        cameras=_cameras(services, account),
        viewers=[
            ViewerOut(
                who=viewer.account.name,
                p50_ms=viewer.seen.get("p50_ms"),
                p95_ms=viewer.seen.get("p95_ms"),
                per_s=viewer.seen.get("per_s"),
            )
            for viewer in viewers
        ],
    )


@router.get("/api/v1/settings")
def settings(_: Admin, services: ServicesDep) -> dict[str, Any]:
    """The settings in effect, with secrets masked."""
    return plain(services.settings())


@router.get("/api/v1/audit")
def audit(_: Admin, services: ServicesDep, most: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[AuditOut]:
    """The audit log, newest entry first."""
    return [AuditOut.of(entry) for entry in services.accounts.audit(most)]


def _shown(source: SourceAddress) -> str:
    """Return an address without its password, and without the folders of this machine."""
    return Path(source.value).name if source.kind is SourceKind.FILE else str(source)


def _reasons(services: Services) -> list[Reason]:
    return unhealthy_reasons(services.monitor.statuses(), services.settings().cameras, services.clock.monotonic_s())


def _cameras(services: Services, account: Account) -> list[CameraHealthOut]:
    now_s, settings = services.clock.monotonic_s(), services.settings()
    values = []
    for status in services.monitor.statuses():
        if not account.sees(status.camera):
            continue
        own = settings.cameras.get(status.camera)
        values.append(
            CameraHealthOut.model_validate(
                camera_values(status, now_s, services.clock, account.role)
                | {
                    "source": "" if own is None else visible_text(_shown(own.source), account.role),
                    "required": own is None or own.required,
                    "zones": {} if own is None else own.zones,
                    "wanted_per_s": status.wanted_fps,
                    "given_per_s": status.given_fps,
                    "frames": status.frames,
                    "analysed": status.analysed,
                    "drops": {drop.value: count for drop, count in status.drops.items()},
                    "latency_ms": dict(status.latency_ms),
                }
            )
        )
    return values
