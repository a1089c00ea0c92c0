"""Cookies of devices on which somebody has logged in before."""

import pytest
from starlette.responses import Response

from monitor.web.device_cookie import DeviceCookie

KEY = b"k" * 32


def given(cookie: DeviceCookie, name: str = "ada") -> str:
    response = Response()
    cookie.set(response, name)
    return response.headers["set-cookie"]


def value(cookie: str) -> str:
    return cookie.partition(";")[0].partition("=")[2]


def test_a_device_is_known_to_the_name_that_logged_in_there():
    cookie = DeviceCookie(KEY, tls=False)
    first, second = value(given(cookie)), value(given(cookie))
    assert cookie.device({"mask_monitor_device": first}, "ada") not in (None, "")
    assert cookie.device({"mask_monitor_device": first}, "ada") != cookie.device({"mask_monitor_device": second}, "ada")
    for name in ("Ada", "vera", ""):
        assert cookie.device({"mask_monitor_device": first}, name) is None
    assert cookie.device({"mask_monitor": first}, "ada") is None


@pytest.mark.parametrize("made_up", ["", "x", "a.b", "W10.x", "\x00", "ä.ö", "." * 4000])
def test_only_the_monitor_knows_devices(made_up: str):
    cookie = DeviceCookie(KEY, tls=False)
    assert cookie.device({"mask_monitor_device": made_up}, "ada") is None
    signed_by_another = value(given(DeviceCookie(b"x" * 32, tls=False)))
    assert cookie.device({"mask_monitor_device": signed_by_another}, "ada") is None


@pytest.mark.parametrize("tls", [False, True])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tls: bool):
    cookie = given(DeviceCookie(KEY, tls=tls)).lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert ("; secure" in cookie) is tls
    assert cookie.startswith("__host-") is tls
