"""Who may do what, of every address that there is."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute

from monitor.domain.account import Account, Role
from monitor.web.routes import pages
from tests.integration.web.desk import (
    ADMIN,
    DOOR_OPERATOR,
    DOOR_VIEWER,
    EVERYBODY,
    OPERATOR,
    VIEWER,
    Desk,
)

ANYBODY = None
#: Every address of the API and the least role that it needs. A new one without its line here fails.
RULES: dict[tuple[str, str], Role | None] = {
    ("get", "/healthz"): ANYBODY,
    ("post", "/api/v1/session"): ANYBODY,
    ("delete", "/api/v1/session"): Role.VIEWER,
    ("get", "/api/v1/me"): Role.VIEWER,
    ("get", "/api/v1/address"): Role.VIEWER,
    ("get", "/api/v1/cameras"): Role.VIEWER,
    ("get", "/api/v1/cameras/{name}"): Role.VIEWER,
    ("get", "/api/v1/cameras/{name}/still.jpg"): Role.VIEWER,
    ("get", "/api/v1/cameras/{name}/stream.mjpg"): Role.VIEWER,
    ("get", "/api/v1/incidents"): Role.VIEWER,
    ("get", "/api/v1/incidents/count"): Role.VIEWER,
    ("get", "/api/v1/incidents/{number}"): Role.VIEWER,
    ("get", "/api/v1/incidents/{number}/picture.jpg"): Role.VIEWER,
    ("get", "/api/v1/incidents/{number}/clips"): Role.VIEWER,
    ("get", "/api/v1/incidents/{number}/clips/{part}/boxes"): Role.VIEWER,
    ("post", "/api/v1/incidents/{number}/clips/{part}/blurred"): Role.VIEWER,
    ("get", "/api/v1/incidents/{number}/clips/{part}/blurred.mp4"): Role.VIEWER,
    ("get", "/api/v1/incidents/{number}/clips/{part}/original.mp4"): Role.ADMIN,
    ("post", "/api/v1/incidents/{number}/acknowledge"): Role.OPERATOR,
    ("post", "/api/v1/incidents/{number}/review"): Role.OPERATOR,
    ("get", "/api/v1/incidents/{number}/evidence.zip"): Role.OPERATOR,
    ("post", "/api/v1/incidents/{number}/keep"): Role.OPERATOR,
    ("delete", "/api/v1/incidents/{number}/keep"): Role.OPERATOR,
    ("post", "/api/v1/incidents/{number}/erase"): Role.ADMIN,
    ("post", "/api/v1/visits/{number}/erase"): Role.ADMIN,
    ("get", "/api/v1/statistics"): Role.VIEWER,
    ("get", "/api/v1/visits"): Role.VIEWER,
    ("get", "/api/v1/export/visits.{kind}"): Role.OPERATOR,
    ("get", "/api/v1/export/incidents.{kind}"): Role.OPERATOR,
    ("get", "/api/v1/export/statistics.{kind}"): Role.OPERATOR,
    ("get", "/api/v1/kiosk/texts"): Role.VIEWER,
    ("get", "/api/v1/kiosk/signs/{verdict}.png"): ANYBODY,
    ("post", "/api/v1/kiosk/renew"): Role.VIEWER,
    ("get", "/api/v1/kiosks"): Role.OPERATOR,
    ("post", "/api/v1/kiosks"): Role.OPERATOR,
    ("post", "/api/v1/kiosks/pair"): ANYBODY,
    ("delete", "/api/v1/kiosks/{number}"): Role.OPERATOR,
    ("get", "/api/v1/health"): Role.VIEWER,
    ("get", "/api/v1/settings"): Role.ADMIN,
    ("get", "/api/v1/audit"): Role.ADMIN,
    ("get", "/api/v1/totp"): Role.ADMIN,
    ("post", "/api/v1/totp/secret"): Role.ADMIN,
    ("post", "/api/v1/totp/on"): Role.ADMIN,
    ("post", "/api/v1/totp/off"): Role.ADMIN,
    ("get", "/metrics"): Role.VIEWER,
    ("post", "/predict"): Role.VIEWER,
}
BODIES = {
    "/api/v1/session": {"name": "nobody", "password": "wrong"},
    "/api/v1/incidents/{number}/review": {"decision": "confirmed"},
    "/api/v1/incidents/{number}/keep": {"reason": "the police asked", "days": 3},
    "/predict": {"image": "AAAA"},
    "/api/v1/totp/on": {"password": "wrong", "secret": "A" * 32, "code": "000000"},
    "/api/v1/totp/off": {"password": "wrong", "code": "000000"},
    "/api/v1/kiosks": {"camera": "door"},
    "/api/v1/kiosks/pair": {"secret": "wrong"},
}
#: Addresses that are not of one camera, and those of the pages' own that need the role of an administrator.
ADMIN_PAGES = {"/settings"}


@pytest.fixture(scope="module")
def number(desk: Desk) -> int:
    return desk.incident().number


def ask(client: httpx.Client, method: str, path: str, number: int, **more: Any) -> int:
    """Return the status of a request to an address."""
    where = path.format(name="door", number=number, part=1, kind="csv", verdict="go")
    body = {"json": BODIES[path]} if path in BODIES else {}
    with client.stream(method.upper(), where, **body, **more) as answer:
        return answer.status_code


def test_every_address_has_a_rule(desk: Desk):
    with desk.client() as nobody, desk.client(VIEWER) as client:
        assert nobody.get("/api/v1/openapi.json").status_code == 401
        paths = client.get("/api/v1/openapi.json").json()["paths"]
    there = {(method, path) for path, methods in paths.items() for method in methods}
    assert there == RULES.keys()


@pytest.mark.parametrize(("method", "path"), [key for key, role in RULES.items() if role is not ANYBODY])
def test_nobody_may_without_logging_in(desk: Desk, number: int, method: str, path: str):
    wrong = [
        {},
        {"Authorization": "Bearer mm_wrong"},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "mask_monitor=e30.x.y"},
    ]
    with desk.client() as client:
        for headers in wrong:
            assert ask(client, method, path, number, headers=headers) == 401


@pytest.mark.parametrize(("method", "path"), RULES)
def test_each_role_may_what_it_may_and_no_more(desk: Desk, number: int, method: str, path: str):
    least = RULES[method, path]
    for account in (VIEWER, OPERATOR, ADMIN):
        with desk.client() as client:
            status = ask(client, method, path, number, headers=desk.token(account))
        if least is not ANYBODY and not account.may(least):
            assert status == 403, account
        else:
            assert status not in (403, 405, 500), account
            assert status != 401 or path == "/api/v1/session", account


PAGES = [route.path for route in pages.router.routes if isinstance(route, APIRoute)]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_sends_to_the_login_and_only_administrators_see_settings(desk: Desk, number: int, path: str):
    with desk.client() as client:
        where = path.format(name="door", number=number)
        answer = client.get(where)
        if path in ("/login", "/pair"):
            assert answer.status_code == 200
            return
        if path == "/kiosk/{name}":
            assert answer.status_code == 401, "visitors are not shown a login form"
            assert "<form" not in answer.text
        else:
            assert answer.status_code == 303
            back = "" if where == "/" else f"?next={quote(where, safe='')}"
            assert answer.headers["location"] == f"/login{back}"
        for account in (VIEWER, ADMIN):
            refused = path in ADMIN_PAGES and account is VIEWER
            assert client.get(where, headers=desk.token(account)).status_code == (403 if refused else 200)


@pytest.mark.parametrize("account", EVERYBODY, ids=lambda account: account.name)
def test_everybody_is_told_who_they_are(desk: Desk, account: Account):
    with desk.client(account) as client:
        assert client.get("/api/v1/me").json() == {
            "name": account.name,
            "role": account.role.value,
            "cameras": None if account.cameras is None else sorted(account.cameras),
        }


OF_ONE_CAMERA = ["", "/still.jpg", "/stream.mjpg"]


@pytest.mark.parametrize("account", [DOOR_VIEWER, DOOR_OPERATOR], ids=lambda account: account.name)
@pytest.mark.parametrize("camera", ["yard", "nowhere"])
def test_another_s_camera_is_as_if_it_were_not(desk: Desk, account: Account, camera: str):
    with desk.client(account) as client:
        answers = [client.get(f"/api/v1/cameras/{camera}{end}") for end in OF_ONE_CAMERA]
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.json()["detail"] for answer in answers} == {"there is no such camera"}
        assert [each["name"] for each in client.get("/api/v1/cameras").json()] == ["door"]


def test_another_s_incidents_are_as_if_they_were_not(desk: Desk, number: int):
    yard = desk.incident("yard").number
    answers = []
    with desk.client(DOOR_OPERATOR) as client:
        for incident in (yard, 10**9):
            where = f"/api/v1/incidents/{incident}"
            answers.append(
                [
                    client.get(where),
                    client.get(f"{where}/picture.jpg"),
                    client.post(f"{where}/acknowledge"),
                    client.judged(incident, decision="confirmed"),
                ]
            )
        assert [answer.status_code for answer in [*answers[0], *answers[1]]] == [404] * 8
        assert [a.json() for a in answers[0]] == [a.json() for a in answers[1]], "nothing tells them apart"
        assert client.get(f"/api/v1/incidents/{number}").status_code == 200
        found = client.get("/api/v1/incidents", params={"most": 200}).json()
        assert {each["camera"] for each in found} == {"door"}
        assert client.get("/api/v1/incidents", params={"camera": "yard"}).json() == []
    assert desk.incidents.incident(yard).acknowledged is False


def test_another_s_figures_are_in_no_sum_and_no_file(desk: Desk, number: int):
    desk.incident("yard")
    with desk.client(DOOR_OPERATOR) as client:
        for where in (
            "/api/v1/statistics",
            "/api/v1/statistics?camera=yard",
            "/api/v1/visits",
            "/api/v1/visits?camera=yard",
            "/api/v1/health",
            *(
                f"/api/v1/export/{name}.{kind}"
                for name in ("visits", "incidents", "statistics")
                for kind in ("csv", "json")
            ),
            *(f"/api/v1/export/{name}.csv?camera=yard" for name in ("visits", "incidents", "statistics")),
        ):
            answer = client.get(where)
            assert answer.status_code == 200, where
            assert "yard" not in answer.text, where
        assert client.get("/metrics").status_code == 403


def test_a_limited_viewer_s_socket_shows_their_own_camera_alone(desk: Desk):
    with desk.socket(DOOR_VIEWER) as socket, desk.socket(ADMIN) as other:
        other.watch("door", "yard")
        socket.watch("door", "yard", "nowhere")
        socket.send(kiosk="yard")
        incident = desk.incident("yard")
        other.wait("incident")
        messages = socket.during(1.5)
    assert {each["camera"] for each in messages if each["type"] == "picture"} == {"door"}
    assert not [each for each in messages if each["type"] in ("incident", "kiosk")]
    assert {camera["name"] for each in messages if each["type"] == "cameras" for camera in each["cameras"]} == {"door"}
    assert incident.camera == "yard"


def test_a_limited_viewer_is_not_told_who_else_watches(desk: Desk):
    with desk.socket(ADMIN) as one, desk.socket(DOOR_VIEWER) as two, desk.client(DOOR_VIEWER) as client:
        for socket in (one, two):
            socket.wait("cameras")
        assert {each["who"] for each in client.get("/api/v1/health").json()["viewers"]} == {"doris"}
        with desk.client(ADMIN) as administrator:
            viewers = administrator.get("/api/v1/health").json()["viewers"]
        assert {each["who"] for each in viewers} == {"ada", "doris"}


def test_what_is_refused_is_said_in_a_sentence(desk: Desk):
    with desk.client() as client:
        for page in (False, True):
            headers = {"Accept": "text/html" if page else "application/json"}
            wrong_method = client.post("/healthz", headers=headers)
            nowhere = client.get("/nowhere", headers=headers)
            assert (wrong_method.status_code, nowhere.status_code) == (405, 404)
            if page:
                assert "<h1>Method not allowed</h1>" in wrong_method.text
                assert "<h1>Page not found</h1>" in nowhere.text
            else:
                assert wrong_method.json() == {"detail": "Method not allowed"}
                assert nowhere.json() == {"detail": "Not found"}
