"""The application: routes, request checks and error pages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from monitor import __version__
from monitor.config.web import WebSettings
from monitor.web import socket
from monitor.web.access import Viewer
from monitor.web.addresses import Addresses
from monitor.web.error_handlers import RESPONSES, add_error_handlers, words_of
from monitor.web.forwarded import TrustedProxies
from monitor.web.paths import STATIC, TEMPLATES, base_of
from monitor.web.routes import (
    cameras,
    clips,
    evidence,
    health,
    incidents,
    kiosk,
    pages,
    photo,
    session,
    statistics,
    totp,
)
from monitor.web.security import Guard
from monitor.web.services import Services
from monitor.web.warning_checks import watch_warnings

#: The most bytes of a request body; photographs have their own limit.
_MOST_BYTES = 64 * 1024

#: Base64 takes four bytes for three; a form has additional text around its file.
_BASE64, _AROUND = 4 / 3, 4096


def make_app(services: Services, web: WebSettings, on_ready: Callable[[], None] = lambda: None) -> FastAPI:
    """Return the application; its socket and pages work during its lifespan, which starts with `on_ready`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(services.hub.serve()), asyncio.create_task(watch_warnings(services))]
        on_ready()
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title="Mask Monitor",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.services = services
    for part in (session, totp, cameras, incidents, evidence, clips, statistics, kiosk, health, photo, pages):
        app.include_router(part.router, responses=RESPONSES)
    app.include_router(socket.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        wants_page = "text/html" in request.headers.get("accept", "")
        if wants_page:
            values = {"page": "error", "version": __version__, "code": error.status_code, "detail": words_of(error)}
            return TEMPLATES.TemplateResponse(request, "error.html", values, error.status_code, error.headers)
        return JSONResponse({"detail": words_of(error)}, error.status_code, error.headers)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def description(request: Request, _: Viewer) -> JSONResponse:
        base_path = base_of(request)
        return JSONResponse(app.openapi() | ({"servers": [{"url": base_path}]} if base_path else {}))

    add_error_handlers(app)
    photo_bytes = int(web.photo.max_mb * 2**20 * _BASE64) + _AROUND

    def limit(path: str) -> int:
        return photo_bytes if path == "/predict" else _MOST_BYTES

    addresses = app.state.addresses = Addresses(web.allowed_hosts)
    proxies = TrustedProxies(web.trusted_proxies)
    app.add_middleware(Guard, addresses=addresses, limit=limit, tls=web.tls, proxies=proxies, base_path=web.base_path)
    return app
