"""What is asked of every request before anything else looks at it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from monitor.web.addresses import Addresses
from monitor.web.security import HEADERS, Guard

Headers = Sequence[tuple[str, str]]


@dataclass
class Behind:
    """An application that reads its body and answers how much there was."""

    reached: int = 0
    got: int = 0
    failure: Exception | None = None
    path: str = field(default="")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached += 1
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
        await JSONResponse({"got": self.got}, headers={"x-own": "1"})(scope, receive, send)


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
) -> Answer:
    """Send one request through a guard; the host is known where the headers name none."""
    behind = behind or Behind()
    guard = Guard(behind, Addresses(names), lambda path: most, tls)
    given = headers if any(name == "host" for name, _ in headers) else (("host", "localhost"), *headers)
    scope = {
        "type": kind,
        "method": method,
        "path": path,
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


def test_the_lifespan_passes():
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Guard(app, Addresses([]), lambda path: 0, tls=False)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
