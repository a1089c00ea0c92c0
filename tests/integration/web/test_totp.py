"""One-time codes of admins, from the settings page to the login."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from monitor.web.throttle import WRONG_CODES
from tests.integration.web.desk import ADMIN, PASSWORD, Desk, serving


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, trusted_proxies=["127.0.0.1"]) as desk:
        yield desk


def shown(desk: Desk, secret: str, ahead_s: float = 0) -> str:
    return pyotp.TOTP(secret).at(desk.clock.utc_now() + timedelta(seconds=ahead_s))


def log_in(desk: Desk, code: str | None, address: str = "203.0.113.1") -> httpx.Response:
    with desk.client(**{"X-Forwarded-For": address}) as client:
        return client.post("/api/v1/session", json={"name": "ada", "password": PASSWORD, "code": code})


def turned_on(desk: Desk) -> str:
    """Require codes as the settings page does; return the secret. The code of the time is used."""
    with desk.client(ADMIN) as client:
        secret = client.post("/api/v1/totp/secret").json()["secret"]
        body: dict[str, Any] = {"password": PASSWORD, "secret": secret, "code": shown(desk, secret)}
        assert client.post("/api/v1/totp/on", json=body | {"password": "wrong"}).status_code == 403
        assert client.post("/api/v1/totp/on", json=body | {"code": "000000"}).status_code == 409
        assert client.get("/api/v1/totp").json() == {"on": False}
        assert client.post("/api/v1/totp/on", json=body).status_code == 204
        assert client.get("/api/v1/totp").json() == {"on": True}
    return secret


def test_codes_from_their_setup_to_their_end(own: Desk):
    secret = turned_on(own)
    asked, used = log_in(own, None), log_in(own, shown(own, secret))
    assert (asked.status_code, used.status_code) == (401, 401)
    assert asked.headers["www-authenticate"] == used.headers["www-authenticate"] == "TOTP"
    assert "set-cookie" not in asked.headers
    own.clock.skip(30)
    code = shown(own, secret)
    assert log_in(own, code).status_code == 200
    assert log_in(own, code).status_code == 401, "each is good for one login"
    with own.client(ADMIN) as client:
        another = client.post("/api/v1/totp/secret").json()["secret"]
        body = {"password": PASSWORD, "secret": another, "code": shown(own, another)}
        assert client.post("/api/v1/totp/on", json=body).status_code == 403, "another secret needs a code of the former"
        off = {"password": PASSWORD, "code": shown(own, secret, 30)}
        assert client.post("/api/v1/totp/off", json=off | {"password": "wrong"}).status_code == 403
        assert client.post("/api/v1/totp/off", json=off).status_code == 204
    assert log_in(own, None).status_code == 200
    actions = [entry.action for entry in own.accounts.audit(50)]
    assert {"codes on", "codes off", "wrong code"} <= set(actions)


def test_wrong_codes_are_limited_wherever_they_come_from(own: Desk):
    secret = turned_on(own)
    own.clock.skip(30)
    wrong = "000000" if shown(own, secret) != "000000" else "000001"
    statuses = [log_in(own, wrong, f"203.0.113.{number}").status_code for number in range(WRONG_CODES + 1)]
    assert statuses == [401] * WRONG_CODES + [429]
    refused = log_in(own, shown(own, secret), "203.0.113.99")
    assert refused.status_code == 429
    assert 3000 < int(refused.headers["retry-after"]) <= 3600
    own.clock.skip(3600)
    assert log_in(own, shown(own, secret), "203.0.113.99").status_code == 200


def test_scripts_have_no_codes(own: Desk):
    with own.client(**own.token(ADMIN)) as script:
        assert script.get("/api/v1/totp").status_code == 409
        assert script.post("/api/v1/totp/secret").status_code == 409
