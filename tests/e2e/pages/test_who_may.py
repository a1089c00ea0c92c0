"""Logging in and out, what each role sees, settings and health."""

import contextlib
import re
import time

import pyotp
from playwright.sync_api import TimeoutError, expect

from monitor.domain.account import Account, Role
from monitor.domain.clock import SystemClock
from monitor.storage.accounts import AccountRepository
from monitor.storage.database import open_database, sqlite_url
from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import PASSWORD, SECRET, SIZES, Stage


def test_logging_in_and_out(stage: Stage, visitor: Visitor) -> None:
    visit = visitor(None)
    visit.expect("401")
    page = visit.go("/incidents?camera=hall")
    expect(page).to_have_url(f"{stage.url}login?next=%2Fincidents%3Fcamera%3Dhall")
    page.get_by_label("Name").fill("guard")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    expect(page.get_by_label("Name")).to_have_value("guard")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}incidents?camera=hall")
    visit.go("/")
    expect(page.locator(".who")).to_have_text("guard")
    expect(page.locator(".tile")).to_have_count(len(SIZES))
    beside = visit.open("/incidents")
    expect(beside.locator(".card").first).to_be_visible()
    picture = f"{stage.url}api/v1/incidents/{stage.ask('SELECT max(id) FROM incidents')[0][0]}/picture.jpg"
    ask = "url => fetch(url).then(answer => answer.status)"
    assert page.evaluate(ask, picture) == 200
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{stage.url}login")
    assert page.evaluate(ask, picture) == 401, "not from the browser's cache"
    with contextlib.suppress(TimeoutError):  # its socket may have ended first, which leads there as well
        beside.get_by_label("Camera").select_option("hall", timeout=2000)
    expect(beside).to_have_url(re.compile(rf"{re.escape(stage.url)}login\?next=%2Fincidents"))
    assert stage.ask("SELECT action FROM audit WHERE who = 'guard' ORDER BY id DESC LIMIT 3") == [
        ("log out",),
        ("log in",),
        ("log in refused",),
    ]


def test_one_time_codes(stage: Stage, visitor: Visitor) -> None:
    engine = open_database(sqlite_url(stage.folder / "live" / "journal.db"))
    AccountRepository(engine, SystemClock()).add(Account("chief", Role.ADMIN), PASSWORD)
    engine.dispose()
    visit = visitor(None)
    visit.expect("401")
    page = visit.go("/login?next=/settings")
    expect(page.get_by_label("Code of your authenticator app")).to_be_hidden()
    page.get_by_label("Name").fill("chief")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Set up codes").click()
    app = pyotp.TOTP(page.locator("#secret").inner_text())
    picture = page.get_by_role("img", name="QR code of the secret below")
    expect(picture).to_be_visible()
    assert picture.evaluate("img => img.naturalWidth") > 100
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code").fill(app.now())
    page.get_by_role("button", name="Require codes").click()
    expect(page.get_by_text("Your logins need a code")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Name").fill("chief")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Enter the code that your authenticator app shows now.")
    page.get_by_label("Code of your authenticator app").fill(app.at(time.time() + 30))
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_have_text("chief")


def test_a_viewer_of_one_camera(stage: Stage, visitor: Visitor) -> None:
    visit = visitor("guest")
    visit.expect("404", "403")
    page = visit.go("/")
    expect(page.locator(".tile")).to_have_count(1)
    expect(page.locator(".tile .name")).to_have_text("hall")
    expect(page.locator(".card").first).to_be_visible()
    expect(page.locator(".card").get_by_role("button")).to_have_count(0)
    assert {text.split(" · ")[0] for text in page.locator(".where").all_inner_texts()} == {"hall"}
    expect(page.locator(".keys")).not_to_contain_text("false alarm")
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    first = page.locator(".card").first
    before = stage.ask("SELECT count(*) FROM reviews")
    page.keyboard.press("j")
    expect(first).to_be_focused()
    for key in "acrfu":
        page.keyboard.press(key)
    expect(first.get_by_role("button")).to_have_count(0)
    first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".shot")).to_be_visible()
    expect(page.get_by_text("Was this a real violation?")).to_have_count(0)
    assert stage.ask("SELECT count(*) FROM reviews") == before
    for path in ("/incidents", "/statistics"):
        visit.go(path)
        expect(page.locator(".card, .figure").first).to_be_visible()
        expect(page.get_by_role("link", name="CSV")).to_have_count(0)
    other = stage.ask("SELECT max(id) FROM incidents WHERE source_id = 'door'")[0][0]
    visit.go(f"/incidents/{other}")
    expect(page.locator("#incident")).to_contain_text("no such incident")
    for path in ("/cameras/door", "/kiosk/door"):
        visit.go(path)
        expect(page.get_by_role("heading", name="There is no such camera")).to_be_visible()
    visit.go("/settings")
    expect(page.get_by_role("heading", name="Only admins can open this page")).to_be_visible()


def test_an_operator_does_not_see_settings(visitor: Visitor) -> None:
    visit = visitor("guard")
    visit.expect("403")
    page = visit.go("/settings")
    expect(page.get_by_text("You are logged in as guard (operator).")).to_be_visible()


def test_settings_are_shown_without_secrets(visitor: Visitor) -> None:
    visit = visitor("admin")
    page = visit.go("/settings")
    expect(page.get_by_role("heading", name="Camera door")).to_be_visible()
    expect(page.locator("#settings")).to_contain_text("http://***@127.0.0.1")
    expect(page.locator("#audit tbody tr").first).to_be_visible()
    assert SECRET not in page.content()
    answer = visit.context.request.get(f"{visit.url}api/v1/settings")
    assert answer.ok
    assert SECRET not in answer.text()


def test_health_with_ages_measured_in_the_browser(stage: Stage, visitor: Visitor) -> None:
    desk = visitor("guard").go("/")
    expect(desk.locator(".tile").first).not_to_have_class("tile stale")
    visit = visitor("admin")
    page = visit.go("/health")
    expect(page.locator("#well")).to_have_text("Healthy")
    for camera in SIZES:
        expect(page.locator("tr", has_text=camera)).to_contain_text("live")
    row = page.locator("tr", has_text="guard").first
    expect(row).to_contain_text(" ms")
    ages = [int(part) for part in row.locator("td").last.inner_text().removesuffix(" ms").split(" / ")]
    assert 0 <= ages[0] <= ages[1] < 2000
    stage.cameras["door"].hang()
    expect(page.locator("#well")).to_contain_text("door offline: no answer")
    expect(page.locator("#well")).to_have_class("pill bad")
    stage.cameras["door"].go.set()
    expect(page.locator("#well")).to_have_text("Healthy")


def test_too_many_attempts_have_to_wait(visitor: Visitor) -> None:
    visit = visitor(None)
    visit.expect("401", "429")
    page = visit.go("/login")
    page.get_by_label("Name").fill("nobody")
    wrong = page.get_by_role("alert")
    for _ in range(12):
        page.get_by_label("Password").fill("guess")
        page.get_by_role("button", name="Log in").click()
        expect(wrong).not_to_be_empty()
        if "Too many attempts; try again in" in wrong.inner_text():
            break
    expect(wrong).to_contain_text("Too many attempts; try again in")
