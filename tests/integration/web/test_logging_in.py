"""Logging in and out, and what ends a session; each test has a monitor of its own, since tries are counted."""

import contextlib
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from monitor.domain.errors import ConfigError
from monitor.web.throttle import ADDRESS_ATTEMPTS
from tests.integration.web.desk import ADMIN, PASSWORD, VIEWER, Desk, Page, serving
from tests.live.watch import until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, accounts=(ADMIN, VIEWER), cameras={"door": {}}) as desk:
        yield desk


def test_a_session_from_its_beginning_to_its_end(own: Desk):
    with own.client() as client:
        answer = client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
        assert answer.status_code == 200
        assert answer.json() == {"name": "ada", "role": "admin", "cameras": None}
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/api/v1/me").status_code == 200
        assert client.get("/login").status_code == 303
        for kept in ("/", "/api/v1/me", "/api/v1/cameras/door/still.jpg"):
            assert client.get(kept).headers["cache-control"] == "no-store"
        ended = client.delete("/api/v1/session")
        assert (ended.status_code, ended.headers["clear-site-data"]) == (204, '"cache"')
        assert client.get("/api/v1/me").status_code == 401
        wrong = client.post("/api/v1/session", json={"name": "ada", "password": "wrong"})
        unknown = client.post("/api/v1/session", json={"name": "nobody", "password": "wrong"})
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json(), "nothing tells a name that there is"
        assert "set-cookie" not in wrong.headers
    lines = [(entry.who, entry.action) for entry in own.accounts.audit(10)]
    assert lines == [
        ("nobody", "log in refused"),
        ("ada", "log in refused"),
        ("ada", "log out"),
        ("ada", "log in"),
    ]
    assert {entry.address for entry in own.accounts.audit(10)} == {"127.0.0.1"}


def test_one_name_has_ten_attempts_from_one_address_and_keeps_nobody_else_there_out(own: Desk):
    for number in range(10):
        assert own.log_in("ADA" if number % 2 else "ada", "wrong").status_code == 401
    refused = own.log_in("ada", PASSWORD)
    assert refused.status_code == 429, "even with the right password"
    assert 0 < int(refused.headers["retry-after"]) <= 300
    for _ in range(95):  # attempts that are refused cost the others nothing
        assert own.log_in("ada", "wrong").status_code == 429
    assert own.log_in("vera", PASSWORD).status_code == 200


def test_wrong_passwords_sent_at_once_are_counted_before_any_is_checked(own: Desk):
    with ThreadPoolExecutor(30) as senders:
        codes = Counter(senders.map(lambda _: own.log_in("ada", "wrong").status_code, range(60)))
    assert codes[401] <= 10
    assert codes[401] + codes[429] == 60


def test_a_name_is_not_locked_for_its_owner_by_failures_from_elsewhere(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, trusted_proxies=["127.0.0.1"]) as desk:

        def log_in(address: str, password: str) -> int:
            with desk.client(**{"X-Forwarded-For": address}) as client:
                return client.post("/api/v1/session", json={"name": "ada", "password": password}).status_code

        for address in ("203.0.113.7", "203.0.113.8", "203.0.113.9"):
            assert [log_in(address, "wrong") for _ in range(11)] == [401] * 10 + [429]
        assert log_in("203.0.113.7", PASSWORD) == 429
        assert log_in("198.51.100.1", PASSWORD) == 200


def test_who_has_logged_in_before_is_not_locked_out_by_others_at_the_same_address(own: Desk):
    right, wrong = ({"name": "ada", "password": password} for password in (PASSWORD, "wrong"))
    with own.client() as known:
        assert known.post("/api/v1/session", json=right).status_code == 200
        for number in range(ADDRESS_ATTEMPTS + 10):
            own.log_in("ada" if number < 20 else f"name {number}", "wrong")
        assert own.log_in("ada", PASSWORD).status_code == 429
        assert known.post("/api/v1/session", json=right).status_code == 200
        codes = Counter(known.post("/api/v1/session", json=wrong).status_code for _ in range(12))
        assert codes == {401: 10, 429: 2}, "and has no more attempts than anybody"
        assert known.post("/api/v1/session", json={"name": "vera", "password": PASSWORD}).status_code == 429


def test_a_flood_of_wrong_passwords_is_refused_and_holds_nobody_up(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, trusted_proxies=["127.0.0.1"]) as desk:

        def log_in(number: int) -> httpx.Response:
            with desk.client(**{"X-Forwarded-For": f"203.0.113.{number % 200}"}) as client:
                return client.post("/api/v1/session", json={"name": "ada", "password": f"wrong {number}"})

        with desk.client(ADMIN) as client, ThreadPoolExecutor(60) as senders:
            started_s = time.monotonic()
            flood = [senders.submit(log_in, number) for number in range(300)]
            slowest_s = 0.0
            while not all(each.done() for each in flood):
                asked_s = time.monotonic()
                assert client.get("/api/v1/me").status_code == 200
                slowest_s = max(slowest_s, time.monotonic() - asked_s)
            took_s = time.monotonic() - started_s
        answers = [each.result() for each in flood]
        codes = Counter(each.status_code for each in answers)
        assert set(codes) == {401, 429}
        assert codes[429] > 100
        assert {each.headers["retry-after"] for each in answers if each.status_code == 429} == {"2"}
        assert slowest_s < 3, f"{took_s:.1f} s, {codes}"


def test_one_address_cannot_try_a_password_on_ever_more_names(own: Desk):
    codes = [own.log_in(f"name {number}", "wrong").status_code for number in range(ADDRESS_ATTEMPTS + 1)]
    assert codes == [401] * ADDRESS_ATTEMPTS + [429]
    assert own.log_in("ada", PASSWORD).status_code == 429


def test_a_changed_password_ends_sessions_and_open_sockets(own: Desk):
    with own.client(ADMIN) as client, own.socket(ADMIN) as socket:
        socket.wait("cameras")
        own.accounts.change_password("ada", "another long password")
        assert client.get("/api/v1/me").status_code == 401
        assert socket.ended() == 4401


def test_a_stream_ends_with_its_account_though_no_picture_comes(own: Desk):
    with own.client(VIEWER) as client, client.stream("GET", "/api/v1/cameras/door/stream.mjpg") as stream:
        chunks = stream.iter_raw()
        assert next(chunks)
        own.doors["door"].answering.clear()
        own.accounts.remove("vera")
        assert sum(map(len, chunks)) < 10_000_000, "and comes to an end"


def test_a_token_ends_with_its_hour_and_so_do_its_sockets(own: Desk):
    token = own.token(ADMIN, hours=1)
    with own.client(**token) as client, own.socket(**token) as socket:
        assert client.get("/api/v1/settings").status_code == 200
        socket.wait("cameras")
        own.clock.skip(3601)
        assert client.get("/api/v1/settings").status_code == 401
        assert socket.ended() == 4401


def test_a_session_ends_with_its_hours(tmp_path: Path):
    with serving(tmp_path, accounts=(VIEWER,), cameras={"door": {}}, session_hours=1 / 3600, wait=True) as desk:
        cookie = desk.cookie(VIEWER)
        with desk.client() as client:
            client.cookies.set("mask_monitor", cookie)
            assert client.get("/api/v1/cameras").status_code == 200
            until(lambda: client.get("/api/v1/cameras").status_code == 401)


def test_the_pages_are_open_to_the_local_user_until_there_is_an_account_and_closed_at_once(tmp_path: Path):
    with serving(tmp_path, accounts=(), cameras={"door": {}}) as desk, desk.client() as client:
        assert client.get("/api/v1/me").json() == {"name": "local", "role": "admin", "cameras": None}
        assert client.get("/api/v1/settings").status_code == 200
        assert client.get("/").status_code == 200
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host"):
            assert client.get("/api/v1/me", headers={header: "127.0.0.1"}).status_code == 401, header
        assert client.get("/api/v1/me", headers={"Host": "evil.example"}).status_code == 421
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            assert client.post("/predict", json={"image": ""}, headers=headers).status_code == 403
            assert client.delete("/api/v1/session", headers=headers).status_code == 403
        with pytest.raises(InvalidStatus), desk.socket(Origin="http://evil.example"):
            pass
        with desk.socket(Origin=desk.url) as socket:
            socket.wait("cameras")
            desk.accounts.add(ADMIN, PASSWORD)
            assert client.get("/api/v1/me").status_code == 401
            assert client.get("/").headers["location"] == "/login"
            assert socket.ended() == 4401
        desk.accounts.remove("ada")
        assert client.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("web", [{"host": "0.0.0.0"}, {"host": "::"}, {"trusted_proxies": ["127.0.0.1"]}])
def test_where_others_can_reach_the_pages_an_account_is_needed_first(tmp_path: Path, web: dict[str, object]):
    with (
        pytest.raises(ConfigError, match=r"scripts/run user add NAME --role admin .*compose run --rm monitor user add"),
        serving(tmp_path, accounts=(), **web),
    ):
        pass
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, wait=web.get("host") != "::", **web):
        pass


def test_behind_a_proxy_nobody_is_local_and_its_word_counts(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, trusted_proxies=["127.0.0.1"]) as desk:
        with desk.client(**{"X-Forwarded-For": "203.0.113.7"}) as client:
            client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
        assert desk.accounts.audit(1)[0].address == "203.0.113.7"
        desk.accounts.remove("ada")
        for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.7, 127.0.0.1"}):
            with desk.client(**headers) as client:
                assert client.get("/api/v1/me").status_code == 401


def test_a_cookie_is_secure_where_a_trusted_proxy_says_tls(tmp_path: Path, own: Desk):
    body = {"name": "ada", "password": PASSWORD}
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, trusted_proxies=["127.0.0.1"]) as desk:
        for proto, secure in (("https", True), ("http", False)):
            with desk.client(**{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": proto}) as client:
                cookie = client.post("/api/v1/session", json=body).headers["set-cookie"]
                assert ("; Secure" in cookie) is secure
    with own.client(**{"X-Forwarded-Proto": "https"}) as client:
        assert "; Secure" not in client.post("/api/v1/session", json=body).headers["set-cookie"]


def test_who_is_no_trusted_proxy_cannot_say_who_asks(own: Desk):
    for number in range(10):
        with own.client(**{"X-Forwarded-For": f"203.0.113.{number}"}) as client:
            client.post("/api/v1/session", json={"name": "ada", "password": "wrong"})
    assert own.log_in("ada", PASSWORD).status_code == 429
    assert {entry.address for entry in own.accounts.audit(20)} == {"127.0.0.1"}


def test_an_address_of_version_six_is_counted_by_its_network(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, trusted_proxies=["127.0.0.1"]) as desk:
        for number in range(12):
            with desk.client(**{"X-Forwarded-For": f"2001:db8:1:2::{number + 1}"}) as client:
                status = client.post("/api/v1/session", json={"name": "ada", "password": "wrong"}).status_code
                assert status == (401 if number < 10 else 429)
        with desk.client(**{"X-Forwarded-For": "2001:db8:1:3::1"}) as client:
            assert client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD}).status_code == 200


def test_under_tls_the_cookie_stays_with_it(tmp_path: Path):
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    make += ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    files = {"tls_certificate": str(tmp_path / "certificate.pem"), "tls_key": str(tmp_path / "key.pem")}
    with (
        serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, wait=False, **files) as desk,
        httpx.Client(base_url=desk.url, verify=False, timeout=20) as client,
    ):
        until(lambda: _there(client))
        answer = client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-mask_monitor=")
        assert "; Secure" in cookie
        assert "max-age=" in answer.headers["strict-transport-security"]
        assert client.get("/api/v1/me").status_code == 200


def _there(client: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.get("/healthz").status_code > 0
    return False


def test_a_made_up_session_is_none(own: Desk):
    for cookie in ("", "..", "x" * 43, "%s", "e30.x.y"):
        with own.client(Cookie=f"mask_monitor={cookie}") as client:
            assert client.get("/api/v1/me").status_code == 401


#: What ends a session, and with it its sockets and streams.
ENDS: dict[str, Callable[[Desk, Page], object]] = {
    "logout": lambda desk, client: client.delete("/api/v1/session"),
    "another login": lambda desk, client: client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD}),
    "password": lambda desk, client: desk.accounts.change_password("vera", "another long password"),
    "removal": lambda desk, client: desk.accounts.remove("vera"),
    "role": lambda desk, client: in_journal(desk, "UPDATE accounts SET role = 'operator' WHERE name = 'vera'"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_session_that_has_ended_is_good_for_nothing_and_its_pictures_stop_within_two_seconds(own: Desk, end: str):
    key = own.cookie(VIEWER)
    with (
        own.client(VIEWER) as client,
        own.client(Cookie=f"mask_monitor={key}") as thief,
        own.socket(VIEWER) as socket,
        own.client(VIEWER) as program,
        program.stream("GET", "/api/v1/cameras/door/stream.mjpg") as stream,
    ):
        socket.watch("door")
        socket.wait("picture")
        chunks = stream.iter_raw()
        assert next(chunks)
        ENDS[end](own, client)
        ended_s = time.monotonic()
        for method, path in (("GET", "/api/v1/me"), ("POST", "/api/v1/kiosk/renew"), ("GET", "/api/v1/cameras")):
            answer = thief.request(method, path)
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
        assert socket.ended(within_s=2.0) == 4401
        assert sum(map(len, chunks)) < 10_000_000, "and comes to an end"
        assert time.monotonic() - ended_s < 2.0


def test_a_clock_that_is_set_back_logs_nobody_out(own: Desk):
    with own.client(VIEWER) as client, own.socket(VIEWER) as socket:
        socket.wait("cameras")
        own.clock.set_back(timedelta(days=400))
        assert client.get("/api/v1/me").status_code == 200
        assert {message["type"] for message in socket.during(2.0)} >= {"cameras"}
        assert client.get("/api/v1/me").status_code == 200


def test_while_the_database_fails_recent_sessions_and_their_pictures_go_on(own: Desk):
    with own.client(VIEWER) as client, own.socket(VIEWER) as socket:
        socket.watch("door")
        assert client.get("/api/v1/me").status_code == 200
        for table in ("sessions", "accounts"):
            in_journal(own, f"ALTER TABLE {table} RENAME TO away_{table}")
        assert client.get("/api/v1/me").status_code == 200
        assert [message["type"] for message in socket.during(3.0)].count("picture") > 5
        with own.client(Cookie="mask_monitor=unknown") as unknown:
            assert unknown.get("/api/v1/me").status_code == 503
        for table in ("sessions", "accounts"):
            in_journal(own, f"ALTER TABLE away_{table} RENAME TO {table}")
        assert client.get("/api/v1/me").status_code == 200


def in_journal(desk: Desk, statement: str) -> None:
    """Change the journal as another program does."""
    with contextlib.closing(sqlite3.connect(desk.folder / "journal.db", timeout=10)) as connection, connection:
        connection.execute(statement)


def test_a_session_in_use_gets_its_time_again(own: Desk):
    with own.client(ADMIN) as client:
        assert "mask_monitor=" in client.get("/api/v1/me").headers["set-cookie"]
        with own.client(**own.token(ADMIN)) as script:
            assert "set-cookie" not in script.get("/api/v1/me").headers


def test_a_socket_without_a_session_is_told_to_log_in(own: Desk):
    with own.socket() as socket:
        assert socket.ended() == 4401
    with own.socket(Cookie="mask_monitor=rubbish") as socket:
        assert socket.ended() == 4401
    with own.socket(Authorization="Bearer mm_x") as socket:
        assert socket.ended() == 4401
