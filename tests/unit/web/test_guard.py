"""What is asked of every request before anything else looks at it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from monitor.web.addresses import Addresses
from monitor.web.forwarded import TrustedProxies
from monitor.web.security import HEADERS, Guard

Headers = Sequence[tuple[str, str]]


@dataclass
class Behind:
    """An application that reads its body and answers how much there was."""

    reached: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    got: int = 0
    failure: Exception | None = None
    location: str = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached += 1
        self.seen.append((scope["root_path"], scope["path"]))
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            return
        try:
            more = True
            while more:
                message = await receive()
                self.got += len(message.get("body", b""))
                more = message.get("more_body", False)
        except HTTPException as error:
            self.failure = error
            await JSONResponse({"detail": error.detail}, error.status_code)(scope, receive, send)
            return
        own = {"x-own": "1"} | ({"location": self.location} if self.location else {})
        await JSONResponse({"got": self.got}, headers=own)(scope, receive, send)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]


def ask(
    *headers: tuple[str, str],
    method: str = "GET",
    path: str = "/",
    kind: str = "http",
    body: Sequence[bytes] = (b"",),
    names: Sequence[str] = (),
    tls: bool = False,
    most: int = 100,
    behind: Behind | None = None,
    base_path: str = "",
    guard: Guard | None = None,
) -> Answer:
    """Send one request through a guard; the host is known where the headers name none."""
    behind = behind or Behind()
    guard = guard or Guard(
        behind, Addresses(names), lambda path: most if path == "/" else 0, tls, TrustedProxies(["10.0.0.1"]), base_path
    )
    given = headers if any(name == "host" for name, _ in headers) else (("host", "localhost"), *headers)
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "scheme": "ws" if kind == "websocket" else "http",
        "client": ("10.0.0.1", 1),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given],
    }
    parts = [
        {"type": "http.request", "body": part, "more_body": number < len(body) - 1} for number, part in enumerate(body)
    ]
    if kind == "websocket":
        parts = [{"type": "websocket.connect"}]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    first = sent[0]
    if kind == "websocket":
        return Answer(101 if first["type"] == "websocket.accept" else 403, {})
    return Answer(first["status"], {name.decode(): value.decode() for name, value in first["headers"]})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST:8080",
        "127.0.0.1:8080",
        "192.168.1.20",
        "[::1]:8080",
        "[fe80::1]",
        "desk.example.org",
        "Desk.Example.ORG:443",
    ],
)
def test_addresses_and_names_that_are_ours_are_known(host: str):
    assert ask(("host", host), names=["desk.example.org"]).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io:8080",
        "desk.example.org.evil.example",
        "xdesk.example.org",
        "localhost@evil.example",
        "evil.example@localhost",
        "evil.example#localhost",
        "evil.example/localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
        "",
        ":",
        ":8080",
        "[",
        "[::1",
        "::1]",
        "[evil.example]",
        "[v1.x]",
        "loc\u00e4lhost",
        "\u00b2",
        "a" * 4000,
        "localhost:port:port@x",
    ],
)
def test_other_names_are_refused_whatever_they_point_to(host: str):
    behind = Behind()
    answer = ask(("host", host), names=["desk.example.org"], behind=behind)
    assert answer.status == 421
    assert behind.reached == 0
    assert ask(("host", host), kind="websocket", behind=behind).status == 403
    assert behind.reached == 0


def test_a_request_without_a_host_is_refused():
    behind = Behind()
    guard = Guard(behind, Addresses([]), lambda path: 1, tls=False)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 421
    assert behind.reached == 0


CHANGES = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "ODD"]


@pytest.mark.parametrize("method", CHANGES)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "rubbish"])
def test_what_changes_something_is_refused_from_other_sites(method: str, site: str):
    assert ask(("sec-fetch-site", site), method=method).status == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_may_change_things(site: str):
    assert ask(("sec-fetch-site", site), method="POST").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_not_refused_for_its_site(method: str):
    assert ask(("sec-fetch-site", "cross-site"), ("origin", "http://evil.example"), method=method).status == 200


ELSEWHERE = [
    "http://evil.example",
    "http://localhost:9000",
    "http://localhost.evil.example",
    "null",
    "",
    "file://",
    "http://[",
    "http://[::1",
    "localhost",
    "//",
    "chrome-extension://abc",
    "http://evil.example@localhost",
]


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_an_old_browser_is_told_by_its_origin(origin: str):
    assert ask(("origin", origin), method="POST").status == 403


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_no_socket_is_opened_from_another_origin(origin: str):
    behind = Behind()
    for more in ((), (("sec-fetch-site", "same-origin"),)):
        assert ask(("origin", origin), *more, kind="websocket", behind=behind).status == 403
    assert behind.reached == 0


def test_the_page_s_own_origin_may():
    for kind, method in (("http", "POST"), ("websocket", "GET")):
        answer = ask(("host", "localhost:8080"), ("origin", "http://localhost:8080"), kind=kind, method=method)
        assert answer.status in (101, 200)
        answer = ask(("host", "LocalHost:8080"), ("origin", "http://localhost:8080"), kind=kind, method=method)
        assert answer.status in (101, 200)


def test_a_script_that_says_nothing_of_its_origin_is_no_browser():
    assert ask(method="POST").status == 200
    assert ask(kind="websocket").status == 101


@pytest.mark.parametrize("bearer", ["Bearer mm_x", "bearer x", "BEARER  x"])
def test_a_token_cannot_be_sent_by_somebody_led_astray(bearer: str):
    answer = ask(("authorization", bearer), ("sec-fetch-site", "cross-site"), method="POST")
    assert answer.status == 200


@pytest.mark.parametrize("other", ["Basic eDp5", "Bearer", "Bearerx y", "Digest bearer x", ""])
def test_other_authorisation_is_no_token(other: str):
    assert ask(("authorization", other), ("sec-fetch-site", "cross-site"), method="POST").status == 403


def test_a_body_of_the_most_bytes_passes_and_one_more_does_not():
    behind = Behind()
    assert ask(("content-length", "100"), method="POST", body=[b"x" * 100], behind=behind).status == 200
    assert behind.got == 100
    refused = Behind()
    answer = ask(("content-length", "101"), method="POST", body=[b"x" * 101], behind=refused)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert refused.reached == 0


def test_a_body_without_a_length_is_counted_and_given_up_at_the_limit():
    behind = Behind()
    parts = [b"x" * 30] * 1000
    assert ask(("transfer-encoding", "chunked"), method="POST", body=parts, behind=behind).status == 413
    assert behind.got <= 100


def test_a_length_that_is_not_true_helps_nobody():
    behind = Behind()
    assert ask(("content-length", "1"), method="POST", body=[b"x" * 60, b"x" * 60], behind=behind).status == 413


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "\u00b2", "9" * 5000, "1,1", " 1 2", "0x10"])
def test_a_length_that_is_no_number_is_refused(length: str):
    assert ask(("content-length", length), method="POST").status == 413


def test_a_body_that_does_not_come_is_given_up():
    guard = Guard(Behind(), Addresses([]), lambda path: 100, tls=False, body_within_s=0.01)
    sent: list[Any] = []
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost")]}

    async def send(message: Any) -> None:
        sent.append(message)

    async def never() -> Any:
        await asyncio.Event().wait()

    asyncio.run(guard(scope, never, send))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("why", "request_headers", "method", "status"),
    [
        ("answered", (), "GET", 200),
        ("unknown host", (("host", "evil.example"),), "GET", 421),
        ("other site", (("sec-fetch-site", "cross-site"),), "POST", 403),
        ("too large", (("content-length", "1000"),), "POST", 413),
    ],
)
def test_the_headers_are_on_every_answer(why: str, request_headers: Headers, method: str, status: int):
    answer = ask(*request_headers, method=method)
    assert answer.status == status
    assert HEADERS.items() <= answer.headers.items()
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


def test_the_policy_lets_nothing_in_from_elsewhere():
    policy = dict(part.strip().partition(" ")[::2] for part in HEADERS["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    for sources in policy.values():
        assert not {"*", "http:", "https:", "'unsafe-inline'", "'unsafe-eval'"} & set(sources.split())


def test_under_tls_browsers_are_told_to_stay_with_it():
    assert "max-age=" in ask(tls=True).headers["strict-transport-security"]


def test_static_files_may_be_kept():
    assert "cache-control" not in ask(path="/static/app.css").headers


def test_what_an_answer_says_for_itself_stays():
    assert ask().headers["x-own"] == "1"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/", "/mask/"),
        ("/mask", "/mask/"),
        ("/mask/", "/mask/"),
        ("/incidents", "/mask/incidents"),
        ("/mask/incidents", "/mask/incidents"),
        ("/maskx", "/mask/maskx"),
        ("/mask/mask/x", "/mask/mask/x"),
        ("/mask//evil", "/mask//evil"),
    ],
)
def test_a_path_under_the_base_path_is_the_same_with_and_without_it(path: str, seen: str):
    behind = Behind()
    assert ask(path=path, base_path="/mask", behind=behind, kind="websocket").status == 101
    assert behind.seen == [("/mask", seen)]


def test_limits_and_static_files_are_found_under_the_base_path():
    for path in ("/", "/mask", "/mask/"):
        assert ask(method="POST", path=path, base_path="/mask", body=[b"x"]).status == 200
    assert ask(method="POST", path="/mask/x", base_path="/mask", body=[b"x"]).status == 413
    assert "cache-control" not in ask(path="/mask/static/app.css", base_path="/mask").headers


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("http://localhost/incidents?a=b#c", "/incidents?a=b#c"),
        ("/mask/login?next=%2F", "/mask/login?next=%2F"),
        ("http://localhost//evil.example", "http://localhost//evil.example"),
    ],
)
def test_a_redirect_keeps_the_browsers_host_and_port(location: str, sent: str):
    assert ask(behind=Behind(location=location)).headers["location"] == sent


def test_reports_of_a_trusted_proxy_count_for_host_and_origin():
    sent = (("x-forwarded-host", "desk.example"), ("host", "127.0.0.1:8080"))
    own = ("origin", "https://desk.example")
    for kind, method, passed in (("http", "POST", 200), ("websocket", "GET", 101)):
        assert ask(*sent, own, kind=kind, method=method, names=["desk.example"]).status == passed
        assert (
            ask(*sent, ("origin", "https://evil.example"), kind=kind, method=method, names=["desk.example"]).status
            == 403
        )
    assert ask(*sent).status == 421
    assert ask(*sent, ("forwarded", "host=other.example"), names=["desk.example"]).status == 400


def test_each_pair_of_page_and_host_is_logged_once_and_not_without_end(caplog: pytest.LogCaptureFixture):
    guard = Guard(Behind(), Addresses(["desk.example"]), lambda path: 0, tls=False)
    for origin in ("https://evil.example", "https://desk.example:9", "https://evil.example"):
        for host in ("desk.example", "localhost"):
            assert ask(("host", host), ("origin", origin), kind="websocket", guard=guard).status == 403
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    assert "'https://evil.example'" in lines[0]
    assert "'desk.example'" in lines[0]
    assert ask(("host", "evil.example"), guard=guard).status == 421
    assert "'evil.example'" in caplog.records[-1].getMessage()
    for number in range(200):
        assert ask(("host", f"evil{number}.example"), guard=guard).status == 421
    assert len(caplog.records) == 50
    assert caplog.records[-1].getMessage().endswith("further refused addresses are not logged")


def test_a_refusal_says_both_hosts_and_nothing_that_has_an_effect(caplog: pytest.LogCaptureFixture):
    answer = ask(("sec-fetch-site", "cross-site"), ("origin", "http://evil.example/\x1b[2J"), method="POST")
    assert answer.status == 403
    assert "'localhost' comes from another site: 'http://evil.example/?[2J'" in caplog.text


def test_the_lifespan_passes():
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Guard(app, Addresses([]), lambda path: 0, tls=False)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
