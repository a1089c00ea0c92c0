"""The pages themselves: a frame each, filled by scripts of our own through the API."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from monitor import __version__
from monitor.domain.account import Account, Role
from monitor.web.access import LOCAL, account_of, require_camera, services_of
from monitor.web.paths import TEMPLATES
from monitor.web.routes.kiosk import kiosk_texts

router = APIRouter(include_in_schema=False)

_templates = Jinja2Templates(TEMPLATES)


@router.get("/")
def desk(request: Request) -> Response:
    """The wall and the incidents as they come."""
    return _page(request, "desk")


@router.get("/cameras/{name}")
def camera(request: Request, name: str) -> Response:
    """One camera, large."""
    return _camera_page(request, "camera", name)


@router.get("/incidents")
def incidents(request: Request) -> Response:
    """Searching incidents."""
    return _page(request, "incidents")


@router.get("/incidents/{number}")
def incident(request: Request, number: int) -> Response:
    """One incident."""
    return _page(request, "incident", number=number)


@router.get("/statistics")
def statistics(request: Request) -> Response:
    """Compliance over time."""
    return _page(request, "statistics")


@router.get("/health")
def health(request: Request) -> Response:
    """How everything is."""
    return _page(request, "health")


@router.get("/settings")
def settings(request: Request) -> Response:
    """The settings in effect, and the audit log."""
    return _page(request, "settings", role=Role.ADMIN)


@router.get("/photo")
def photo(request: Request) -> Response:
    """Judging photographs."""
    return _page(request, "photo", most_mb=services_of(request).settings().web.photo.max_mb)


@router.get("/kiosk/{name}")
def kiosk(request: Request, name: str) -> Response:
    """What a visitor sees at an entrance."""
    return _camera_page(request, "kiosk", name, texts=kiosk_texts(services_of(request)).model_dump())


@router.get("/docs")
def docs(request: Request) -> Response:
    """The API, from its own description."""
    return _page(request, "docs", api=request.app.openapi())


@router.get("/login")
def login(request: Request) -> Response:
    """Asking who it is."""
    services = services_of(request)
    if account_of(request) is not None:
        return RedirectResponse("/", 303)
    return _templates.TemplateResponse(
        request, "login.html", {"page": "login", "version": __version__, "first": not services.accounts.exist()}
    )


def _camera_page(request: Request, page: str, name: str, **values: Any) -> Response:
    """Return a camera's page; raises 404 where the account sees no such camera."""
    account, camera = account_of(request), services_of(request).live.camera(name)
    if account is not None:
        require_camera(account, None if camera is None else camera.name, "camera")
    return _page(request, page, camera=name, **values)


def _page(request: Request, name: str, role: Role = Role.VIEWER, **values: Any) -> Response:
    account = account_of(request)
    if account is None:
        return RedirectResponse("/login", 303)
    return _templates.TemplateResponse(
        request,
        f"{name}.html" if account.may(role) else "refused.html",
        {"page": name, "version": __version__, "account": account, "local": account is LOCAL, "may": _may(account)}
        | values,
        200 if account.may(role) else 403,
    )


def _may(account: Account) -> dict[str, bool]:
    return {role.value: account.may(role) for role in Role}
