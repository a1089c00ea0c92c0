"""A paired browser: one camera's kiosk page and socket, and nothing else."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute, Mount

from monitor.config.web import WebSettings
from monitor.storage.kiosks import KIOSK_LASTS
from monitor.web.app import make_app
from monitor.web.services import Services
from tests.integration.web.desk import (
    ADMIN,
    DOOR_OPERATOR,
    OPERATOR,
    PASSWORD,
    VIEWER,
    Desk,
    Page,
    serving,
)
from tests.integration.web.test_roles import BODIES

COOKIE = "mask_monitor_kiosk"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Desk]:
    """A monitor of the test's own, with another camera that is not the kiosk's."""
    with serving(tmp_path, accounts=(ADMIN, VIEWER, OPERATOR, DOOR_OPERATOR)) as desk:
        yield desk


def link(desk: Desk, camera: str = "door", **more: str) -> dict[str, Any]:
    with desk.client(OPERATOR) as client:
        answer = client.post("/api/v1/kiosks", json={"camera": camera} | more)
    assert answer.status_code == 201, answer.text
    return cast(dict[str, Any], answer.json())


def secret_of(url: str) -> str:
    return url.partition("#")[2]


@contextmanager
def paired(desk: Desk, camera: str = "door", **more: str) -> Iterator[Page]:
    """Give a browser that has opened a kiosk link."""
    with desk.client() as browser:
        answer = browser.post("/api/v1/kiosks/pair", json={"secret": secret_of(link(desk, camera, **more)["url"])})
        assert answer.status_code == 200, answer.text
        yield browser


def routes() -> list[BaseRoute]:
    """Return every route of the application, which asks for its services only when it is used."""
    found: list[BaseRoute] = []
    for route in make_app(cast(Services, None), WebSettings()).routes:
        included = getattr(route, "original_router", None)  # how FastAPI keeps a router that has been included
        found += [route] if included is None else included.routes
    return found


def requests() -> Iterator[tuple[str, str]]:
    for route in routes():
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, route.path
        elif not isinstance(route, APIWebSocketRoute | Mount):
            yield "GET", cast(Any, route).path


#: What a paired browser may ask for, besides what anybody may, and what it gets.
KIOSK = {
    ("GET", "/kiosk/{name}"): 200,
    ("GET", "/api/v1/kiosk/texts"): 200,
    ("POST", "/api/v1/kiosk/renew"): 204,
    ("GET", "/api/v1/address"): 422,  # without the page's address
}
ANYBODY = {
    ("GET", "/api/v1/kiosk/signs/{verdict}.png"): 200,
    ("POST", "/api/v1/kiosks/pair"): 404,
    ("GET", "/pair"): 200,
    ("GET", "/login"): 200,
    ("GET", "/healthz"): 200,
    ("POST", "/api/v1/session"): 401,
}


@pytest.fixture(scope="module")
def kiosk(desk: Desk) -> Iterator[Page]:
    with paired(desk) as browser:
        yield browser


def test_the_walk_meets_every_kind_of_route():
    kinds = {type(route) for route in routes()}
    assert kinds >= {APIRoute, APIWebSocketRoute, Mount}
    sockets = [route.path for route in routes() if isinstance(route, APIWebSocketRoute)]
    assert sockets == ["/api/v1/live"], "a further socket needs a test of what it gives a kiosk"
    assert [route.path for route in routes() if isinstance(route, Mount)] == ["/static"]
    assert set(requests()) >= KIOSK.keys() | ANYBODY.keys()


@pytest.mark.parametrize(("method", "path"), sorted(set(requests())))
def test_of_all_routes_a_kiosk_may_use_its_own_and_what_anybody_may(desk: Desk, kiosk: Page, method: str, path: str):
    number = desk.found()[0].number if desk.found() else desk.incident().number
    where = path.format(name="door", number=number, kind="csv", verdict="go", part=1)
    body = {"json": BODIES[path]} if path in BODIES else {}
    with kiosk.stream(method, where, **body) as answer:
        status, location = answer.status_code, answer.headers.get("location")
    if (expected := KIOSK.get((method, path)) or ANYBODY.get((method, path))) is not None:
        assert status == expected
    elif location is not None:
        assert (status, location.partition("?")[0]) == (303, "/login")
    else:
        assert status == 401


def test_another_camera_s_kiosk_page_leads_back_to_its_own(kiosk: Page):
    for camera in ("yard", "nowhere"):
        answer = kiosk.get(f"/kiosk/{camera}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/kiosk/door")


def test_static_files_are_there(kiosk: Page):
    for name in ("kiosk.js", "kiosk.css", "live.js", "core.js"):
        assert kiosk.get(f"/static/{name}").status_code == 200


def test_its_socket_gives_its_camera_s_picture_and_verdict_and_nothing_else(desk: Desk):
    with paired(desk) as browser, desk.socket(Cookie=f"{COOKIE}={browser.cookies[COOKIE]}") as socket:
        socket.watch("door", "yard", "nowhere", width=640)
        socket.send(kiosk="door")
        socket.send(ping=1)
        socket.wait("pong")
        assert socket.wait("kiosk")["verdict"]
        desk.incident("door")
        desk.incident("yard")
        messages = socket.during(2.0)
        assert {each["type"] for each in messages} <= {"picture", "kiosk", "pong"}
        assert {each["camera"] for each in messages if each["type"] == "picture"} == {"door"}
        assert [each for each in messages if each["type"] == "kiosk"]
        socket.send(kiosk="yard")
        socket.during(0.5)
        assert not [each for each in socket.during(1.0) if each["type"] == "kiosk"], "another camera has no verdict"


def test_a_paired_browser_is_logged_out(own: Desk):
    with own.client() as browser:
        browser.post("/api/v1/session", json={"name": "vera", "password": PASSWORD})
        assert browser.get("/incidents").status_code == 200
        browser.post("/api/v1/kiosks/pair", json={"secret": secret_of(link(own)["url"])})
        assert browser.get("/incidents").status_code == 303
        assert browser.get("/kiosk/door").status_code == 200


def test_where_nobody_has_an_account_a_paired_browser_is_not_the_local_user(tmp_path: Path):
    with serving(tmp_path, accounts=()) as desk, desk.client() as local, desk.client() as browser:
        url = local.post("/api/v1/kiosks", json={"camera": "door"}).json()["url"]
        browser.post("/api/v1/kiosks/pair", json={"secret": secret_of(url)})
        assert browser.get("/incidents").status_code == 303
        assert browser.get("/kiosk/door").status_code == 200
        assert local.get("/incidents").status_code == 200
        (token,) = local.get("/api/v1/kiosks").json()
        assert local.delete(f"/api/v1/kiosks/{token['number']}").status_code == 204
        assert browser.get("/incidents").status_code == 200, "not locked out for ever"


def test_the_cookie_is_for_this_site_alone_and_out_of_reach_of_scripts(own: Desk):
    with own.client() as browser:
        answer = browser.post("/api/v1/kiosks/pair", json={"secret": secret_of(link(own)["url"])})
        cookies = [text.lower() for text in answer.headers.get_list("set-cookie") if text.startswith(COOKIE)]
        assert len(cookies) == 1
        for word in ("httponly", "samesite=strict", "path=/", f"max-age={90 * 24 * 3600}"):
            assert word in cookies[0]
        for renewing in (browser.get("/kiosk/door"), browser.post("/api/v1/kiosk/renew")):
            assert renewing.headers["set-cookie"].startswith(f"{COOKIE}=")
            assert f"max-age={90 * 24 * 3600}" in renewing.headers["set-cookie"].lower()


def test_removing_a_token_ends_its_socket_and_its_page_stays_out_of_order(own: Desk):
    with paired(own) as browser, own.socket(Cookie=f"{COOKIE}={browser.cookies[COOKIE]}") as socket:
        socket.send(kiosk="door")
        socket.wait("kiosk")
        with own.client(OPERATOR) as client:
            (token,) = client.get("/api/v1/kiosks").json()
            assert client.delete(f"/api/v1/kiosks/{token['number']}").status_code == 204
            assert client.delete(f"/api/v1/kiosks/{token['number']}").status_code == 404
        assert socket.ended(within_s=12) == 4401
        page = browser.get("/kiosk/door")
        assert page.status_code == 401
        assert "no longer paired" in page.text
        assert "<form" not in page.text
        assert browser.get("/api/v1/kiosk/texts").status_code == 401
        assert browser.post("/api/v1/kiosk/renew").status_code == 401
        with own.socket(Cookie=f"{COOKIE}={browser.cookies[COOKIE]}") as again:
            assert again.ended() == 4401


def test_an_open_socket_keeps_its_token(own: Desk):
    with paired(own) as browser, own.socket(Cookie=f"{COOKIE}={browser.cookies[COOKIE]}") as socket:
        socket.send(kiosk="door")
        for _ in range(3):
            own.clock.skip((KIOSK_LASTS - timedelta(hours=1)).total_seconds())
            socket.during(6.0)
        assert browser.get("/kiosk/door").status_code == 200
        own.clock.skip(KIOSK_LASTS.total_seconds() + 1)
        assert socket.ended(within_s=12) == 4401


def test_an_ordinary_session_that_has_ended_shows_no_form_either(tmp_path: Path):
    with serving(tmp_path, accounts=(VIEWER,), cameras={"door": {}}, session_hours=3 / 3600) as desk:
        with desk.client() as browser:
            browser.post("/api/v1/session", json={"name": "vera", "password": PASSWORD})
            assert browser.get("/kiosk/door").status_code == 200
            assert browser.get("/kiosk/nowhere").status_code == 404
            assert "mask_monitor=" in browser.post("/api/v1/kiosk/renew").headers["set-cookie"]
        with desk.client() as nobody:
            page = nobody.get("/kiosk/door")
            assert page.status_code == 401
            assert "Nobody is logged in" in page.text
            assert "<form" not in page.text


def test_a_link_in_another_language(own: Desk):
    with paired(own, language="ar") as browser:
        assert '"language": "ar"' in browser.get("/kiosk/door").text
    with own.client(OPERATOR) as client:
        answer = client.post("/api/v1/kiosks", json={"camera": "door", "language": "xx"})
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("language: one of en, ")


def test_an_operator_gives_out_links_to_their_own_cameras_alone(own: Desk):
    yard = link(own, "yard")
    door = link(own, "door")
    with own.client(DOOR_OPERATOR) as client:
        assert [each["number"] for each in client.get("/api/v1/kiosks").json()] == [door["number"]]
        for camera in ("yard", "nowhere"):
            answer = client.post("/api/v1/kiosks", json={"camera": camera})
            assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such camera")
        for number in (yard["number"], 10**6):
            answer = client.delete(f"/api/v1/kiosks/{number}")
            assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such kiosk token")
        assert client.delete(f"/api/v1/kiosks/{door['number']}").status_code == 204
    with own.client(VIEWER) as client:
        assert client.post("/api/v1/kiosks", json={"camera": "door"}).status_code == 403
        assert client.get("/api/v1/kiosks").status_code == 403


def test_who_pairs_and_removes_is_audited_and_no_secret_is_written_anywhere(
    own: Desk, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    given = link(own)
    secret = secret_of(given["url"])
    assert re.fullmatch(rf"{re.escape(own.url)}/pair#[\w-]{{43}}", given["url"])
    with own.client() as browser:
        browser.post("/api/v1/kiosks/pair", json={"secret": secret})
        key = browser.cookies[COOKIE]
        again = browser.post("/api/v1/kiosks/pair", json={"secret": secret})
        assert again.status_code == 404
        assert secret not in again.text
        browser.get("/kiosk/door")
    with own.client(OPERATOR) as client:
        assert secret not in client.get("/api/v1/kiosks").text
        client.delete(f"/api/v1/kiosks/{given['number']}")
    lines = own.accounts.audit(20)
    kiosk = [(entry.who, entry.action, entry.detail) for entry in lines if "kiosk" in entry.action]
    number = given["number"]
    assert kiosk == [
        ("otto", "kiosk token removed", f"{number}: door"),
        (f"kiosk {number}", "kiosk paired", "door"),
        ("otto", "kiosk token added", f"{number}: door"),
    ]
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith(("http", "websockets"))]
    written = str(logged) + str(lines)
    for each in (secret, key):
        assert each not in written
        assert not any(each.encode() in path.read_bytes() for path in own.folder.rglob("*") if path.is_file())
