"""Every page: quick, light, quiet, for the keyboard, for every screen, and legible in both themes."""

import itertools
import statistics

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.e2e.pages.conftest import Visit, Visitor, busy
from tests.e2e.pages.stage import Stage

#: Every page, and what shows that it can be used.
PAGES = {
    "/": ".tile:not(.stale), .card",
    "/cameras/door": "#facts dd",
    "/incidents": ".card",
    "/incidents/130": ".detail .block",
    "/statistics": ".figure .big",
    "/health": "#health tbody td",
    "/settings": "#settings .block",
    "/photo": "#drop",
    "/kiosk/door": "#headline:not(:empty)",
    "/docs": ".call",
    "/login": "#login",
    "/nowhere": ".panel h1",
}
SCREENS = {"phone": (390, 844), "laptop": (1440, 900), "wall": (1920, 1080), "4K": (3840, 2160)}
#: Pictures do not count.
_WEIGHT = """() => [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")]
  .filter((entry) => !/\\.(jpg|png)$/.test(new URL(entry.name).pathname))
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""
_CONTROLS = """() => {
  const name = (node, place) => node.dataset.tested ??= String(place);
  return [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")]
    .filter((node) => !node.disabled && node.tabIndex >= 0 && node.checkVisibility())
    .map(name);
}"""
_AXE = """() => axe.run({ resultTypes: ["violations"],
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })"""
_FOCUSED = """() => {
  const node = document.activeElement;
  if (node === document.body) return null;
  const marks = (one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const visible = marks(node) || marks(node.closest("label") ?? node);
  return [node.dataset.tested ?? null, visible, node.outerHTML.slice(0, 120)];
}"""


def come(visitor: Visitor, path: str, **options: object) -> Visit:
    visit = visitor(None if path == "/login" else "admin", **options)
    visit.expect("404 (Not Found) (" + visit.url + "nowhere")
    return visit


def usable_after_ms(page: Page, address: str, shown: str) -> float:
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_function("shown => document.querySelector(shown)", arg=shown, polling="raf")
    return page.evaluate("performance.now()")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_quick_and_light(visitor: Visitor, path: str) -> None:
    visit = come(visitor, path)
    address = f"{visit.url}{path[1:]}"
    took = [usable_after_ms(visit.page, address, PAGES[path])]
    visit.page.wait_for_load_state()
    weight = visit.page.evaluate(_WEIGHT)
    assert 1000 < weight < 500_000, f"{weight} bytes"
    took += [usable_after_ms(visit.page, address, PAGES[path]) for _ in range(2)]
    assert statistics.median(took) < 1000 * busy(), f"{took} ms, with {busy():.1f} times the work for these cores"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_theme_is_that_of_the_system_until_somebody_chooses(visitor: Visitor, theme: str) -> None:
    page = visitor(color_scheme=theme).go("/photo")
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    page.get_by_role("button", name="Switch between light and dark theme").click()
    other = {"dark": "light", "light": "dark"}[theme]
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("html")).to_have_attribute("data-theme", other)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_in_both_themes_and_fits_every_screen(visitor: Visitor, path: str) -> None:
    page = come(visitor, path).go(path)
    page.wait_for_selector(PAGES[path])
    for name, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        beside = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beside <= 0, f"{name}: {beside} px lie beside the screen"
    accessible(page)


def accessible(page: Page) -> None:
    """Hold a page to axe's rules on a laptop and on a phone, in both themes."""
    page.evaluate(AXE_SCRIPT)
    for screen, theme in itertools.product(("laptop", "phone"), ("dark", "light")):
        width, height = SCREENS[screen]
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found = page.evaluate(_AXE)
        wrong = [
            f"{screen}, {theme}: {rule['id']}: {rule['help']}: {node['html'][:160]} {node.get('failureSummary', '')}"
            for rule in found["violations"]
            for node in rule["nodes"][:3]
        ]
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [path for path in PAGES if path not in ("/docs", "/nowhere")])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(visitor: Visitor, stage: Stage, path: str) -> None:
    if path == "/incidents":
        path = f"/incidents?since={stage.ask('SELECT max(opened_at) FROM incidents')[0][0][:16].replace(' ', 'T')}"
    page = come(visitor, path).go(path)
    page.wait_for_selector(PAGES[path.partition("?")[0]])
    page.wait_for_load_state()
    page.wait_for_function("() => document.querySelectorAll('a, button, input').length > 1")
    wanted, reached = set(page.evaluate(_CONTROLS)), set()
    for _ in range(min(90, len(wanted)) + 20):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:  # past the last one, and round
            if wanted <= reached:
                break
            continue
        number, visible, html = focused
        assert visible, f"no mark of focus on {html}"
        reached.add(number)
    missed = wanted - reached
    if len(wanted) <= 90:
        assert not missed, page.evaluate(
            "missed => missed.map((n) => document.querySelector(`[data-tested='${n}']`)?.outerHTML.slice(0, 120))",
            sorted(missed),
        )
