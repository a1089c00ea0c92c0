"""The pages behind a real reverse proxy, in a browser."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.pages.conftest import Visit
from tests.integration.web.desk import ADMIN, PASSWORD, serving
from tests.integration.web.proxies import PASSED_ON, REMOVED, proxy


@contextmanager
def visiting(browser: Browser, url: str) -> Iterator[Visit]:
    visit = Visit(browser.new_context(ignore_https_errors=True, viewport={"width": 1440, "height": 900}), url)
    visit.expect("SSL certificate error")
    try:
        yield visit
    finally:
        visit.end()


@pytest.mark.parametrize("changes", [PASSED_ON["nginx"], REMOVED["nginx"]], ids=["passed on", "removed"])
def test_under_a_path_everything_comes_from_there(browser: Browser, tmp_path: Path, changes: dict[str, str]) -> None:
    web = {"trusted_proxies": ["127.0.0.1"], "base_path": "/mask"}
    with (
        serving(tmp_path, accounts=(ADMIN,), **web) as desk,
        proxy("nginx", desk.address[1], tmp_path, changes) as port,
        visiting(browser, f"https://127.0.0.1:{port}/mask/") as visit,
    ):
        page, urls = visit.page, list[str]()
        page.on("request", lambda request: urls.append(request.url))
        page.on("websocket", lambda socket: urls.append(socket.url.replace("wss:", "https:")))
        visit.go("incidents")
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
        desk.incident("door")
        for name in ("Statistics", "Health", "Photo", "Settings", "Incidents", "Desk"):
            page.get_by_role("navigation").get_by_role("link", name=name).click()
            expect(page.get_by_role("navigation").get_by_role("link", name=name)).to_have_attribute(
                "aria-current", "page"
            )
        expect(page.locator(".tile[data-camera=door]")).not_to_have_class("tile stale")
        page.get_by_role("button", name="All").click()
        expect(page.locator(".card img").first).to_be_visible()
        page.locator(".card a").first.click()
        expect(page.locator(".shot")).to_be_visible()
        page.get_by_role("link", name="door").first.click()
        page.get_by_role("button", name="Kiosk link").click()
        link = page.get_by_label("Kiosk link", exact=True).locator("input")
        expect(link).to_have_value(f"https://127.0.0.1:{port}/mask/pair#" + link.input_value().partition("#")[2])
        page.get_by_role("link", name="Open kiosk").click()
        expect(page.locator("#kiosk")).not_to_have_attribute("data-verdict", "starting")
        visit.go("")
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        assert len(urls) > 50
        own = (f"https://127.0.0.1:{port}/mask/", "blob:", "data:")
        assert [url for url in urls if not url.startswith(own)] == []


def test_a_page_at_an_address_that_the_monitor_refuses_says_why(
    browser: Browser, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    web = {"trusted_proxies": ["127.0.0.1"], "allowed_hosts": ["monitor.example"]}
    changes = {"$http_host;": "monitor.example;", "X-Forwarded-Port $server_port": 'X-Forwarded-Port ""'}
    with (
        serving(tmp_path, accounts=(ADMIN,), **web) as desk,
        proxy("nginx", desk.address[1], tmp_path, changes) as port,
        visiting(browser, f"https://127.0.0.1:{port}/") as visit,
        caplog.at_level(logging.WARNING, "monitor.web.security"),
    ):
        visit.expect("WebSocket")
        visit.context.request.post(
            f"{visit.url}api/v1/session", data={"name": "ada", "password": PASSWORD}, ignore_https_errors=True
        )
        for path in ("", "cameras/door"):
            page = visit.go(path)
            why = page.locator("#refused")
            expect(why).to_contain_text(f"'https://127.0.0.1:{port}'")
            expect(why).to_contain_text("'monitor.example'")
            expect(why).to_contain_text("proxy_set_header Host $http_host")
            expect(page.get_by_text("Connection to the monitor lost")).to_have_count(0)
        page = visit.go("kiosk/door")
        expect(page.locator("#staff")).to_contain_text(f"'https://127.0.0.1:{port}'")
    (logged,) = [record.getMessage() for record in caplog.records if record.name == "monitor.web.security"]
    assert f"'https://127.0.0.1:{port}'" in logged
    assert "'monitor.example'" in logged
