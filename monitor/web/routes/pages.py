"""The pages: HTML that scripts fill with data from the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from monitor import __version__
from monitor.domain.account import Account, Role
from monitor.web.access import LOCAL, account_of, is_secure, kiosk_of, require_camera, services_of
from monitor.web.api_words import calls
from monitor.web.kiosk_page import kiosk_path
from monitor.web.login_path import local_path, login_path
from monitor.web.paths import TEMPLATES, base_of
from monitor.web.routes.kiosk import kiosk_texts

router = APIRouter(include_in_schema=False)


@router.get("/")
def desk(request: Request) -> Response:
    """The camera wall and incoming incidents."""
    return _page(request, "desk")


@router.get("/cameras/{name}")
def camera(request: Request, name: str) -> Response:
    """One camera, large."""
    return _camera_page(request, "camera", name)


@router.get("/incidents")
def incidents(request: Request) -> Response:
    """The search for incidents."""
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
    """The state of the monitor."""
    return _page(request, "health")


@router.get("/settings")
def settings(request: Request) -> Response:
    """The settings in effect, and the audit log."""
    return _page(request, "settings", role=Role.ADMIN)


@router.get("/photo")
def photo(request: Request) -> Response:
    """The photo page."""
    return _page(request, "photo", most_mb=services_of(request).settings().web.photo.max_mb)


@router.get("/kiosk/{name}")
def kiosk(request: Request, name: str) -> Response:
    """The kiosk page for visitors at an entrance.

    It never shows a login form: without access to the camera's verdicts the page is sent with status 401, shows that it
    is out of order, and tells staff why.
    """
    services = services_of(request)
    token, account = kiosk_of(request), account_of(request)
    key, texts = services.kiosk_cookie.key(request.cookies), kiosk_texts(services).model_dump()
    if token is not None and token.camera != name and account is None:
        return RedirectResponse(kiosk_path(base_of(request), token.camera), 303)
    if token is not None and token.camera == name:
        texts["language"] = token.language or texts["language"]
    elif account is not None:
        require_camera(account, name if name in services.monitor.names() else None, "camera")
    response = TEMPLATES.TemplateResponse(
        request,
        "kiosk.html",
        {"camera": name, "texts": texts, "paired": key is not None},
        401 if token is None and account is None else 200,
    )
    if token is not None and key is not None:
        services.kiosk_cookie.set(response, key, is_secure(request))
    return response


@router.get("/pair")
def pair(request: Request) -> Response:
    """The page of a kiosk link: only the page's script reads the secret after the `#`."""
    return TEMPLATES.TemplateResponse(request, "pair.html")


@router.get("/docs")
def docs(request: Request) -> Response:
    """The API, from its own description."""
    return _page(request, "docs", calls=calls(request.app.openapi()))


@router.get("/login")
def login(request: Request, next: Annotated[str | None, Query()] = None) -> Response:
    """The login form; `next` is the path of the page to open afterwards."""
    services, back = services_of(request), local_path(next, base_of(request))
    if account_of(request) is not None:
        return RedirectResponse(back, 303)
    values = {"page": "login", "version": __version__, "first": not services.accounts.exist(), "next": back}
    return TEMPLATES.TemplateResponse(request, "login.html", values)


def _camera_page(request: Request, page: str, name: str, **values: Any) -> Response:
    """Return a camera's page; raises 404 if there is no such camera, or the account may not see it."""
    account, names = account_of(request), services_of(request).monitor.names()
    if account is not None:
        require_camera(account, name if name in names else None, "camera")
    return _page(request, page, camera=name, **values)


def _page(request: Request, name: str, role: Role = Role.VIEWER, **values: Any) -> Response:
    account = account_of(request)
    if account is None:
        return RedirectResponse(login_path(request), 303)
    return TEMPLATES.TemplateResponse(
        request,
        f"{name}.html" if account.may(role) else "refused.html",
        {"page": name, "version": __version__, "account": account, "local": account is LOCAL, "may": _may(account)}
        | values,
        200 if account.may(role) else 403,
    )


def _may(account: Account) -> dict[str, bool]:
    return {role.value: account.may(role) for role in Role}
