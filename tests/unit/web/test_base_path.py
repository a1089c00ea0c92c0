"""What the base path must not begin with, and the cookies under it."""

from typing import Any

import pytest
from fastapi import APIRouter
from starlette.responses import Response

from monitor.config.web import OWN_PATHS, WebSettings
from monitor.web.app import make_app
from monitor.web.kiosk_cookie import KioskCookie
from monitor.web.session_cookie import SessionCookie


def test_the_paths_that_a_base_path_must_not_begin_with_are_those_of_the_application():
    services: Any = None
    app = make_app(services, WebSettings())
    paths = {path for route in app.routes for path in _paths(route)}
    assert "/api/v1/openapi.json" in paths
    assert "/incidents/{number}" in paths
    assert {path.split("/")[1] for path in paths} - {""} == OWN_PATHS


def _paths(route: Any) -> list[str]:
    router = getattr(route, "original_router", None)
    if isinstance(router, APIRouter):
        return [path for each in router.routes for path in _paths(each)]
    return [route.path]


@pytest.mark.parametrize(
    ("tls", "base", "prefix", "path"),
    [
        (False, "", "mask_monitor{}=", "/"),
        (True, "", "__Host-mask_monitor{}=", "/"),
        (False, "/a/b", "mask_monitor{}_a_b=", "/a/b"),
        (True, "/a/b", "__Secure-mask_monitor{}_a_b=", "/a/b"),
    ],
)
def test_cookies_are_for_the_base_path_and_have_a_name_of_their_own(tls: bool, base: str, prefix: str, path: str):
    session, kiosk = SessionCookie(12, tls, base), KioskCookie(tls, base)
    for more, change in (
        ("", lambda response: session.set(response, "k3y")),
        ("", session.end),
        ("_kiosk", lambda response: kiosk.set(response, "key")),
    ):
        response = Response()
        change(response)
        cookie = response.headers["set-cookie"]
        assert cookie.startswith(prefix.format(more))
        assert f"; Path={path};" in f"{cookie};"
        assert ("; Secure" in cookie) is tls
