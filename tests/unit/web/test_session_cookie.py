"""Cookies of sessions."""

import pytest
from starlette.responses import Response

from monitor.web.session_cookie import SessionCookie


@pytest.mark.parametrize("tls", [False, True])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tls: bool):
    response = Response()
    SessionCookie(12, tls=tls).set(response, "k3y")
    cookie = response.headers["set-cookie"].lower()
    assert "mask_monitor=k3y" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "max-age=43200" in cookie
    assert "domain" not in cookie
    assert ("; secure" in cookie) is tls
    assert cookie.startswith("__host-") is tls


def test_a_session_of_plain_http_is_none_under_tls():
    assert SessionCookie(12, tls=True).key({"mask_monitor": "k3y"}) is None
    assert SessionCookie(12, tls=False).key({"mask_monitor": "k3y"}) == "k3y"


def test_ending_a_session_takes_back_the_cookie_and_what_the_browser_keeps():
    response = Response()
    SessionCookie(12, tls=True).end(response)
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith('__host-mask_monitor=""')
    assert "max-age=0" in cookie
    assert response.headers["clear-site-data"] == '"cache"'
