"""Live pictures, the state of cameras, and how the monitor is."""

import re
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.domain.cause import Cause
from monitor.domain.health import Condition
from monitor.web.warnings import WarningCode
from tests.integration.web.desk import ADMIN, OPERATOR, SECRET, VIEWER, Desk, serving
from tests.live.watch import until


def decoded(jpeg: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def colour(image: np.ndarray) -> float:
    """Return how far a picture is from grey."""
    return float(np.median(image.max(axis=2).astype(int) - image.min(axis=2)))


def parts(stream: httpx.Response, count: int) -> list[bytes]:
    """Return the next pictures of a stream."""
    found: list[bytes] = []
    data = b""
    for chunk in stream.iter_raw():
        data += chunk
        while head := re.match(rb"\s*--picture\r\nContent-Type: image/jpeg\r\nContent-Length: (\d+)\r\n\r\n", data):
            end = head.end() + int(head[1])
            if len(data) < end:
                break
            found.append(data[head.end() : end])
            data = data[end:]
        if len(found) >= count:
            break
    return found


def test_a_still_has_the_width_that_was_asked_for(desk: Desk):
    with desk.client(VIEWER) as client:
        for width, seen in ((None, 320), (320, 320), (1280, 320)):
            answer = client.get("/api/v1/cameras/door/still.jpg", params={} if width is None else {"width": width})
            assert answer.headers["content-type"] == "image/jpeg"
            assert decoded(answer.content).shape[1] == seen
        for wrong in ("0", "321", "-320", "100000", "x", "1e3"):
            assert client.get("/api/v1/cameras/door/still.jpg", params={"width": wrong}).status_code == 422


def test_a_stream_brings_picture_after_picture(desk: Desk):
    with desk.client(VIEWER) as client, client.stream("GET", "/api/v1/cameras/door/stream.mjpg?width=320") as stream:
        assert stream.headers["content-type"].startswith("multipart/x-mixed-replace")
        pictures = parts(stream, 3)
    assert all(decoded(jpeg).shape == (240, 320, 3) for jpeg in pictures)
    assert len(set(pictures)) == len(pictures)
    with desk.client(ADMIN) as client:
        until(lambda: client.get("/api/v1/health").json()["viewers"] == [], "a reader who left still counts")


def test_the_socket_brings_pictures_with_what_is_known_of_them(desk: Desk):
    with desk.socket(VIEWER) as socket:
        socket.watch("door", "yard")
        for camera in ("door", "yard", "door"):
            picture = socket.wait("picture", camera=camera)
            assert decoded(picture["jpeg"]).shape == (240, 320, 3)
            assert picture["stale"] is False
            assert set(picture["people"]) == {"with_mask", "without_mask", "incorrect", "unknown"}
        socket.watch("yard")
        socket.send(ping=1)
        socket.wait("pong")
        assert {each["camera"] for each in socket.during(0.6) if each["type"] == "picture"} == {"yard"}


def test_nothing_in_a_request_names_a_file(desk: Desk):
    climbs = [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..\\..\\etc\\passwd",
        "/etc/passwd",
        "file:///etc/passwd",
    ]
    climbs += ["http:%2f%2f192.0.2.1%2f", "%00", "door%00.jpg", "~root", "CON", "....//....//etc/passwd"]
    places = ["/static/{}", "/api/v1/cameras/{}", "/api/v1/cameras/{}/still.jpg", "/api/v1/cameras/{}/stream.mjpg"]
    places += ["/api/v1/incidents/{}/picture.jpg", "/api/v1/kiosk/signs/{}.png", "/api/v1/export/visits.{}"]
    with desk.client(ADMIN) as client:
        for place in places:
            for climb in climbs:
                answer = client.get(place.format(climb))
                assert answer.status_code in (404, 405, 422), (place, climb)
                assert "root:" not in answer.text
        assert client.get("/static/app.css").status_code == 200
        assert client.get("/static/").status_code == 404


def test_no_secret_is_in_any_answer(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}, "yard": {}}) as desk:
        desk.doors["door"].plugged.clear()
        until(lambda: _status(desk, "door") is Condition.LOST)
        with desk.client(ADMIN) as client, desk.socket(ADMIN) as socket:
            paths = client.get("/api/v1/openapi.json").json()["paths"]
            asked = 0
            for path, methods in paths.items():
                if "get" not in methods or path.endswith("stream.mjpg"):
                    continue
                where = path.format(name="door", number=1, kind="json", verdict="go", part=1)
                assert SECRET not in client.get(where).text, path
                asked += 1
            assert asked > 15
            for page in ("/", "/settings", "/health", "/docs", "/cameras/door", "/kiosk/door"):
                assert SECRET not in client.get(page).text, page
            assert all(SECRET not in str(message) for message in socket.during(1.2))
            shown = client.get("/api/v1/settings").json()
            assert "***" in shown["cameras"]["door"]["source"]
            assert SECRET not in str(desk.settings.cameras["door"].source)


#: Secrets of an address whose keys nobody knows, and one without a key.
HIDDEN = ("k3y-0f-k", "s3ss1on-1d", "4f8a9c2e7b1d4f6a")
SECRET_SOURCE = f"http://192.0.2.9:8081/live/{HIDDEN[2]}/video?k={HIDDEN[0]}&session={HIDDEN[1]}&channel=1"


def test_only_an_admin_sees_more_of_an_address_than_its_host(tmp_path: Path):
    people = (ADMIN, OPERATOR, VIEWER)
    with serving(tmp_path, accounts=people, cameras={"door": {"source": SECRET_SOURCE}}) as desk:
        source = desk.settings.cameras["door"].source
        desk.doors["door"].refusal = f"{source}: no answer"
        desk.doors["door"].plugged.clear()
        until(lambda: "no answer" in desk.live.statuses()[0].health.detail)
        warning = f"The changed configuration is refused. {source}: wrong"
        desk.web_server.warnings.set(WarningCode.CONFIGURATION_REFUSED, warning)
        for account in people:
            with desk.client(account) as client, desk.socket(account) as socket:
                health = client.get("/api/v1/health")
                answers = [client.get(path).text for path in ("/api/v1/cameras", "/api/v1/cameras/door", "/metrics")]
                answers += [client.get(page).text for page in ("/", "/health", "/settings", "/cameras/door")]
                messages = [str(message) for message in socket.during(1.5)]
                if account is ADMIN:
                    answers.append(client.get("/api/v1/settings").text)
            everything = "".join([health.text, *answers, *messages])
            assert not [secret for secret in HIDDEN if secret in everything], account
            camera = health.json()["cameras"][0]
            if account is ADMIN:
                assert camera["source"] == "http://192.0.2.9:8081/live/***/video?k=***&session=***&channel=1"
                assert "channel=1" in camera["detail"]
            else:
                assert (camera["source"], camera["detail"]) == ("http://192.0.2.9", "http://192.0.2.9: no answer")
                assert "***" not in everything
                assert "8081" not in everything


def _status(desk: Desk, name: str) -> Condition:
    return next(status.health.condition for status in desk.live.statuses() if status.camera == name)


@pytest.fixture
def own(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,)) as desk:
        yield desk


def test_a_picture_that_is_old_is_grey_everywhere(own: Desk):
    """A still, a stream that sends no more, and the socket."""
    with own.client(ADMIN) as client, own.socket(ADMIN) as socket:
        socket.watch("door")
        socket.wait("picture", camera="door")
        with client.stream("GET", "/api/v1/cameras/door/stream.mjpg?width=320") as stream:
            assert colour(decoded(parts(stream, 1)[0])) > 25
            own.doors["door"].answering.clear()
            assert socket.wait("picture", camera="door", stale=True)["stale"] is True
        until(lambda: _status(own, "door") is not Condition.LIVE)
        assert colour(decoded(client.get("/api/v1/cameras/door/still.jpg").content)) < 15
        shown = client.get("/api/v1/cameras/door").json()
        assert shown["condition"] != "live"
        assert shown["age_ms"] > 1000
        assert sum(shown["people"].values()) == 0
        own.doors["door"].answering.set()
        socket.wait("picture", camera="door", stale=False)
        until(lambda: _status(own, "door") is Condition.LIVE)


def test_a_stream_of_a_camera_that_hangs_turns_grey(own: Desk):
    with own.client(ADMIN) as client, client.stream("GET", "/api/v1/cameras/door/stream.mjpg?width=320") as stream:
        chunks = stream.iter_raw()
        next(chunks)
        own.doors["door"].answering.clear()
        data = b""
        for chunk in chunks:
            data += chunk
            *whole, _ = data.split(b"\r\n\r\n")
            last = data[data.rfind(b"\r\n\r\n\xff\xd8") + 4 :]
            if last.endswith(b"\r\n") and colour(decoded(last)) < 15:
                break
    assert whole


def test_the_health_check_fails_with_a_required_camera_and_with_the_detector(own: Desk):
    with own.client() as anybody, own.client(ADMIN) as client:

        def well() -> int:
            return anybody.get("/healthz").status_code

        assert anybody.get("/healthz").json() == {"healthy": True, "reasons": []}
        own.doors["yard"].plugged.clear()
        until(lambda: _status(own, "yard") is Condition.LOST)
        assert well() == 200, "nobody needs it"
        own.doors["door"].plugged.clear()
        until(lambda: well() == 503)
        assert anybody.get("/healthz").json() == {"healthy": False, "reasons": ["1 failed"]}, "and names nothing"
        assert [reason.partition(":")[0] for reason in client.get("/api/v1/health").json()["reasons"]] == ["door"]
        for door in own.doors.values():
            door.plugged.set()
        until(lambda: well() == 200)
        own.eyes.failing = True
        until(lambda: well() == 503)
        assert {status.health.cause for status in own.live.statuses()} == {Cause.DETECTOR}
        own.eyes.failing = False
        until(lambda: well() == 200)


def test_metrics_are_read_by_a_script_with_a_token(desk: Desk):
    with desk.client(**desk.token(VIEWER)) as client:
        answer = client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        families = {family.name for family in text_string_to_metric_families(answer.text)}
    assert {"mask_monitor_frames", "mask_monitor_latency_seconds", "mask_monitor_condition"} <= families
    assert SECRET not in answer.text


def test_headers_are_on_every_kind_of_answer(desk: Desk):
    with desk.client() as client:
        answers = [
            client.get("/healthz"),
            client.get("/api/v1/me"),
            client.get("/nowhere"),
            client.get("/nowhere", headers={"Accept": "text/html"}),
            client.get("/"),
            client.get("/static/app.css"),
            client.post("/api/v1/session", content=b"{"),
            client.post("/api/v1/session", content=b"x" * 70_000),
            client.get("/", headers={"Host": "evil.example"}),
            client.post("/predict", headers={"Sec-Fetch-Site": "cross-site"}),
        ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 404, 303, 200, 422, 413, 421, 403]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_what_is_wrong_is_not_sent_back(desk: Desk):
    with desk.client() as client:
        answer = client.post("/api/v1/session", json={"name": "ada", "password": "s3cret" * 1000})
        assert answer.status_code == 422
        assert "s3cret" not in answer.text
        for half in (
            b'{"name": "\\ud800", "password": "x"}',
            b'{"name": "x", "password": "\\udfff"}',
            b'{"\\ud800": 1}',
        ):
            answer = client.post("/api/v1/session", content=half, headers={"Content-Type": "application/json"})
            assert answer.status_code in (401, 422), half
