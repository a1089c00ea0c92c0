"""The pages behind real reverse proxies, with the files of deploy/proxy/, at the root of a host and under a path."""

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from monitor.web.paths import STATIC
from tests.integration.web.desk import ADMIN, PASSWORD, Desk, serving
from tests.integration.web.proxies import NAME, PASSED_ON, PROXIES, REMOVED, proxy
from tests.live.watch import until

#: The address of the browser: another than the proxy's.
BROWSER = "127.0.0.5"


@dataclass
class Behind:
    """A monitor behind a proxy, as a browser reaches it."""

    desk: Desk
    port: int
    base: str

    @property
    def origin(self) -> str:
        return f"https://{NAME}:{self.port}"

    def client(self, **headers: str) -> httpx.Client:
        """Return a browser without Sec-Fetch-Site, as old ones and plain HTTP have it."""
        return httpx.Client(
            base_url=self.origin,
            headers={"Origin": self.origin} | headers,
            transport=_Resolved(verify=_unverified(), local_address=BROWSER),
            timeout=30,
        )

    @contextmanager
    def logged_in(self) -> Iterator[httpx.Client]:
        with self.client() as client:
            until(lambda: self._serves(client), "the proxy does not know the monitor")
            answer = client.post(f"{self.base}/api/v1/session", json={"name": "ada", "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            cookies = answer.headers.get_list("set-cookie")
            (self.cookie,) = (cookie for cookie in cookies if "device" not in cookie.partition("=")[0])
            client.headers["Cookie"] = self.cookie.partition(";")[0]
            yield client

    def _serves(self, client: httpx.Client) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return client.get(f"{self.base}/healthz").status_code == 200
        return False

    def socket(self, client: httpx.Client, origin: str) -> connect:
        return connect(
            f"wss://{NAME}:{self.port}{self.base}/api/v1/live",
            sock=socket.create_connection(("127.0.0.1", self.port)),
            ssl=_unverified(),
            origin=origin,  # type: ignore[arg-type]
            proxy=None,
            additional_headers={"Cookie": client.headers["Cookie"]},
        )


class _Resolved(httpx.HTTPTransport):
    """Finds the monitor's name on this machine."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = NAME
        request.url = request.url.copy_with(host="127.0.0.1")
        return super().handle_request(request)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module", params=PROXIES)
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A monitor at the root of a host."""
    folder = tmp_path_factory.mktemp(request.param)
    with (
        serving(folder, accounts=(ADMIN,), allowed_hosts=[NAME], trusted_proxies=["127.0.0.1"]) as desk,
        proxy(request.param, desk.address[1], folder) as port,
    ):
        yield Behind(desk, port, "")


def test_a_browser_logs_in_and_sees_pictures(root: Behind):
    with root.logged_in() as client:
        assert "; Secure" in root.cookie
        assert "; Path=/;" in f"{root.cookie};"
        assert root.desk.accounts.audit(1)[0].address == BROWSER
        with root.socket(client, root.origin) as page:
            page.send('{"watch": {"door": {"width": 320}}}')
            until(lambda: isinstance(page.recv(20), bytes), "no picture comes")
        with pytest.raises(InvalidStatus), root.socket(client, f"https://{NAME}:1"):
            pass


def test_the_address_that_a_client_reports_of_itself_does_not_count(root: Behind):
    lies = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9;host=evil.example;proto=http"}
    with root.logged_in():
        pass
    with root.client(**lies, **{"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "9"}) as client:
        assert client.post("/api/v1/session", json={"name": "ada", "password": "wrong"}).status_code == 401
    assert root.desk.accounts.audit(1)[0].address == BROWSER


def test_pictures_of_a_stream_come_at_once(root: Behind):
    with root.logged_in() as client, client.stream("GET", "/api/v1/cameras/door/stream.mjpg") as stream:
        began, got = time.monotonic(), b""
        for chunk in stream.iter_raw():
            got += chunk
            if got.count(b"--picture") >= 3:
                break
        assert time.monotonic() - began < 5
        assert len(got) < 1_000_000


def test_a_large_photo_reaches_the_monitor(root: Behind):
    with root.logged_in() as client:
        answer = client.post("/predict", files={"image": b"x" * (1 << 20)})
    assert answer.json()["detail"], "the monitor's own words, and not the proxy's"
    assert answer.status_code == 422


def test_a_page_under_the_name_at_another_port_is_told_why(root: Behind):
    with root.logged_in() as client:
        own = client.get("/api/v1/address", params={"page": root.origin}).json()
        other = client.get("/api/v1/address", params={"page": f"https://{NAME}:1"}).json()["refused"]
    assert own == {"refused": None}
    assert f"'https://{NAME}:1'" in other
    assert f"'{NAME}:{root.port}'" in other


@pytest.mark.parametrize("port", ['""', "$server_port"])
def test_behind_a_proxy_that_drops_the_port_a_browser_logs_in_and_sees_pictures(tmp_path: Path, port: str):
    changes = {"$http_host;": "$host;", "$server_port": port}
    with (
        serving(tmp_path, accounts=(ADMIN,), allowed_hosts=[NAME], trusted_proxies=["127.0.0.1"]) as desk,
        proxy("nginx", desk.address[1], tmp_path, changes) as own,
    ):
        behind = Behind(desk, own, "")
        with behind.logged_in() as client, behind.socket(client, behind.origin) as page:
            assert page.recv(20)
        with behind.client(Origin="https://evil.example") as other:
            assert other.post("/api/v1/session", json={"name": "ada", "password": PASSWORD}).status_code == 403


@pytest.fixture(scope="module", params=[(kind, way) for kind in PROXIES for way in ("passed on", "removed")])
def under_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A monitor under a path, which the proxy passes on or removes."""
    kind, way = request.param
    folder = tmp_path_factory.mktemp(kind)
    web = {"allowed_hosts": [NAME], "trusted_proxies": ["127.0.0.1"], "base_path": "/mask"}
    with (
        serving(folder, accounts=(ADMIN,), **web) as desk,
        proxy(kind, desk.address[1], folder, (PASSED_ON if way == "passed on" else REMOVED)[kind]) as port,
    ):
        yield Behind(desk, port, "/mask")


def test_a_session_under_a_path_is_for_that_path(under_path: Behind):
    with under_path.logged_in() as client:
        assert "; Path=/mask;" in f"{under_path.cookie};"
        with under_path.socket(client, under_path.origin) as page:
            assert page.recv(20)
        ended = client.delete("/mask/api/v1/session")
        assert "; Path=/mask;" in f"{ended.headers['set-cookie']};"
    with under_path.client(Accept="text/html") as client:
        assert client.get("/mask").headers.get("location") in ("/mask/", "/mask/login")
        assert client.get("/mask/").headers["location"] == "/mask/login"
        assert client.get("/mask/incidents").headers["location"] == "/mask/login?next=%2Fmask%2Fincidents"
        assert client.get("/mask/incidents/").headers["location"] == "/mask/incidents"


def test_every_link_stays_under_the_path(under_path: Behind):
    with under_path.logged_in() as client:
        incident = under_path.desk.incident("door")
        pages = ["", "cameras/door", "incidents", f"incidents/{incident.number}", "statistics", "health", "settings"]
        pages += ["photo", "docs", "kiosk/door", "pair", "nowhere", "static/nowhere"]
        links: set[str] = set()
        for page in pages:
            answer = client.get(f"/mask/{page}", headers={"Accept": "text/html"})
            assert answer.status_code == (404 if page.endswith("nowhere") else 200), page
            links |= _links(answer.text, f"/mask/{page}")
        with under_path.client() as anybody:
            links |= _links(anybody.get("/mask/login").text, "/mask/login")
        assert len(links) > 30
        for link in sorted(links):
            assert urlsplit(link).netloc == "", link
            assert link.startswith("/mask/"), link
            assert client.get(link).status_code == (303 if link == "/mask/login" else 200), link
        kiosk = client.post("/mask/api/v1/kiosks", json={"camera": "door"}).json()
        assert kiosk["url"].startswith(f"{under_path.origin}/mask/pair#")
        with under_path.client() as anybody:
            paired = anybody.post("/mask/api/v1/kiosks/pair", json={"secret": kiosk["url"].partition("#")[2]})
        assert paired.json() == {"path": "/mask/kiosk/door"}
        assert all("; Path=/mask;" in f"{cookie};" for cookie in paired.headers.get_list("set-cookie"))
        rows = client.get("/mask/api/v1/export/incidents.json").json()
        assert rows[0]["page"] == f"{under_path.origin}/mask/incidents/{incident.number}"
        assert client.get(urlsplit(rows[0]["picture"]).path).headers["content-type"] == "image/jpeg"
        assert client.get("/mask/api/v1/openapi.json").json()["servers"] == [{"url": "/mask"}]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in ("href", "src", "action", "poster") and value}


def _links(page: str, path: str) -> set[str]:
    """Return the links of a page and of every script and style sheet that it loads, without parts after `#`."""
    parser = _Links()
    parser.feed(page)
    found = {urljoin(path, link).partition("#")[0] for link in parser.found if not link.startswith("#")}
    for link in [link for link in found if "/static/" in link]:
        text = (STATIC / Path(link).name).read_text()
        found |= {urljoin(link, name) for name in re.findall(r"(?:from |import\(?\s?)\"([^\"]+)\"", text)}
    return found
