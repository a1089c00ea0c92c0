"""What a visitor sees: never a welcome that is not of now."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from monitor.domain.detection import MaskState
from monitor.outputs.kiosk.texts import load_texts
from monitor.rules.kiosk import Verdict
from tests.e2e.pages.conftest import Visitor, busy
from tests.e2e.pages.stage import Stage, Wire

GREEN, VERMILLION, YELLOW, BLUE, GREY = (
    "rgb(0, 158, 115)",
    "rgb(213, 94, 0)",
    "rgb(240, 228, 66)",
    "rgb(0, 88, 140)",
    "rgb(128, 128, 128)",
)
WORDS = load_texts(None)
#: Everything that the ground has been, with the moment.
RECORD = """() => {
  window.grounds = [];
  const kiosk = document.getElementById("kiosk");
  (function look() {
    window.grounds.push([performance.now(), getComputedStyle(kiosk).backgroundColor, kiosk.dataset.verdict]);
    requestAnimationFrame(look);
  })();
}"""


@pytest.fixture
def wire(stage: Stage) -> Iterator[Wire]:
    with Wire(urlsplit(stage.url).port or 0) as network:
        yield network


def says(page: Page, verdict: Verdict, ground: str, language: str = "en") -> None:
    kiosk = page.locator("#kiosk")
    expect(kiosk).to_have_attribute("data-verdict", verdict.value)
    expect(kiosk).to_have_css("background-color", ground)
    words = WORDS[language].of(verdict)
    expect(page.locator("#headline")).to_have_text(words.headline)
    expect(page.locator("#line")).to_have_text(words.line)
    assert page.locator("#sign").evaluate("sign => sign.decode().then(() => sign.naturalWidth)") > 100


def never_green_after(page: Page, moment: float) -> None:
    page.wait_for_function("moment => performance.now() > moment + 1500", arg=moment)
    late = page.evaluate("(moment) => window.grounds.filter(([at]) => at > moment)", moment)
    assert late
    for at, ground, verdict in late:
        red, green, blue = (int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(","))
        assert verdict != "go", f"{verdict} {at - moment:.0f} ms too late"
        assert max(red, green, blue) - min(red, green, blue) < 8, f"{ground} {at - moment:.0f} ms too late"


def test_every_state_in_its_colour_and_words(stage: Stage, visitor: Visitor) -> None:
    page = visitor("guest").go("/kiosk/hall")
    says(page, Verdict.IDLE, BLUE)
    stage.shows("hall", MaskState.WITH_MASK)
    says(page, Verdict.GO, GREEN)
    stage.shows("hall", MaskState.WITHOUT_MASK)
    says(page, Verdict.PUT_ON, VERMILLION)
    stage.shows("hall", MaskState.INCORRECT)
    says(page, Verdict.COVER, YELLOW)
    expect(page.locator("#age")).to_contain_text("hall 0.")
    stage.shows("hall")
    says(page, Verdict.IDLE, BLUE)


def test_a_dead_camera_is_grey_and_never_green(stage: Stage, visitor: Visitor) -> None:
    stage.shows("hall", MaskState.WITH_MASK)
    page = visitor().go("/kiosk/hall")
    says(page, Verdict.GO, GREEN)
    page.evaluate(RECORD)
    stage.cameras["hall"].hang()
    died = page.evaluate("performance.now()")
    says(page, Verdict.OUT_OF_ORDER, GREY)
    expect(page.locator("#age")).to_contain_text("Picture is")
    assert page.locator("#picture").evaluate("c => getComputedStyle(c).filter").startswith("grayscale(1)")
    never_green_after(page, died + 3000 * busy())
    stage.cameras["hall"].go.set()
    says(page, Verdict.GO, GREEN)


@pytest.mark.parametrize("how", ["cut", "quiet"])
def test_a_lost_network_is_grey_and_never_green(stage: Stage, visitor: Visitor, wire: Wire, how: str) -> None:
    """Whether the connection ends, or nothing comes through it any more."""
    stage.shows("hall", MaskState.WITH_MASK)
    visit = visitor("admin", url=f"http://127.0.0.1:{wire.port}/")
    visit.expect("WebSocket", "net::ERR", "Failed to load resource")
    page = visit.go("/kiosk/hall")
    says(page, Verdict.GO, GREEN)
    page.evaluate(RECORD)
    getattr(wire, how)()
    lost = page.evaluate("performance.now()")
    says(page, Verdict.OUT_OF_ORDER, GREY)
    never_green_after(page, lost + 2500 * busy())
    wire.mend()
    says(page, Verdict.GO, GREEN)


def test_languages_and_the_direction_of_writing(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/kiosk/hall?language=ar")
    says(page, Verdict.IDLE, BLUE, "ar")
    html = page.locator("html")
    expect(html).to_have_attribute("dir", "rtl")
    expect(html).to_have_attribute("lang", "ar")
    picture, sign = page.locator(".picture").bounding_box(), page.locator("#sign").bounding_box()
    assert picture
    assert sign
    assert sign["x"] + sign["width"] <= picture["x"], "right to left, the sign stands left of the picture"
    codes = list(WORDS)
    for code in codes[codes.index("ar") + 1 :] + codes[: codes.index("ar")]:
        page.keyboard.press("l")
        expect(html).to_have_attribute("lang", code)
        expect(html).to_have_attribute("dir", WORDS[code].direction)
        says(page, Verdict.IDLE, BLUE, code)
    page.keyboard.press("l")
    page.keyboard.press("l")
    page.goto(page.url.partition("?")[0], wait_until="domcontentloaded")
    expect(html).to_have_attribute("lang", codes[(codes.index("ar") + 1) % len(codes)])


def kiosk_link(visitor: Visitor, camera: str) -> tuple[Page, str]:
    """Return a guard's page of a camera and the link that they made there."""
    page = visitor("guard").go(f"/cameras/{camera}")
    page.get_by_role("button", name="Kiosk link").click()
    return page, page.get_by_role("textbox", name="Kiosk link").input_value()


def test_a_paired_kiosk_from_its_link_to_its_end(stage: Stage, visitor: Visitor) -> None:
    guard, url = kiosk_link(visitor, "hall")
    visit = visitor(None)
    visit.expect("401", "404")
    page = visit.page
    page.goto(url, wait_until="domcontentloaded")
    expect(page).to_have_url(f"{stage.url}kiosk/hall")
    stage.shows("hall", MaskState.WITH_MASK)
    says(page, Verdict.GO, GREEN)
    expect(page.locator("#staff")).to_be_hidden()
    (cookie,) = (cookie for cookie in visit.context.cookies() if cookie["name"] == "mask_monitor_kiosk")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""
    with page.expect_response("**/api/v1/kiosk/renew") as renewed:
        page.evaluate("fetch('/api/v1/kiosk/renew', {method: 'POST'})")
    assert renewed.value.status == 204
    for path in ("/", "/incidents", "/cameras/hall"):
        expect(visit.open(path).get_by_role("heading", name="Log in")).to_be_visible()
    visit.open("/kiosk/door").wait_for_url(f"{stage.url}kiosk/hall")
    used = visit.open()
    used.goto(url, wait_until="domcontentloaded")
    expect(used.locator("#line")).to_contain_text("has been used or has expired")
    secret = url.partition("#")[2]
    assert secret not in used.url
    page.evaluate(RECORD)
    guard.get_by_role("button", name="Kiosk link").click()
    number = stage.ask("SELECT min(id) FROM kiosks WHERE camera = 'hall' AND last_seen_at IS NOT NULL")[0][0]
    guard.get_by_role("button", name=f"Remove kiosk {number}").click()
    says(page, Verdict.OUT_OF_ORDER, GREY)
    expect(page.locator("#staff")).to_have_text(
        "This kiosk is no longer paired. Create a new kiosk link on the camera's page."
    )
    page.reload(wait_until="domcontentloaded")
    says(page, Verdict.OUT_OF_ORDER, GREY)
    expect(page.locator("#staff")).to_be_visible()
    expect(page).to_have_url(f"{stage.url}kiosk/hall")
    assert secret not in str(stage.ask("SELECT * FROM audit"))


def test_a_session_that_ends_shows_visitors_no_login_form_and_a_login_brings_it_back(
    stage: Stage, visitor: Visitor
) -> None:
    stage.shows("hall", MaskState.WITH_MASK)
    visit = visitor("guest")
    visit.expect("401")
    page = visit.go("/kiosk/hall")
    says(page, Verdict.GO, GREEN)
    session = visit.context.cookies()
    visit.context.clear_cookies()
    page.reload(wait_until="domcontentloaded")
    says(page, Verdict.OUT_OF_ORDER, GREY)
    expect(page.locator("#staff")).to_contain_text("Nobody is logged in on this device.")
    expect(page).to_have_url(f"{stage.url}kiosk/hall")
    expect(page.locator("form, input")).to_have_count(0)
    visit.context.add_cookies(session)
    says(page, Verdict.GO, GREEN)
    expect(page.locator("#staff")).to_be_hidden()


def test_an_open_kiosk_page_keeps_its_session_by_itself(visitor: Visitor) -> None:
    visit = visitor("guest")
    visit.page.clock.install()
    page = visit.go("/kiosk/hall")
    expect(page.locator("#headline")).not_to_be_empty()
    with page.expect_response("**/api/v1/kiosk/renew") as renewed:
        page.clock.fast_forward("06:00")
    assert renewed.value.status == 204
    assert renewed.value.header_value("set-cookie").startswith("mask_monitor=")
