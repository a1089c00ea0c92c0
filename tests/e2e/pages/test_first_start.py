"""A new user starts the program, opens the address, and sees people judged; then it stops, and is started again."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.e2e.pages.conftest import Visit
from tests.live.running import STARTS_S, Run, played
from tests.live.servers import free_port


def test_from_the_first_start_to_the_second(browser: Browser, sample: Path, tmp_path: Path) -> None:
    port, runs = free_port(), []
    camera = played(sample, detect_fps=4, rules={"dwell_s": 0.2}, health={"stale_after_s": 5})

    def start() -> None:
        runs.append(Run(tmp_path, {"entrance": camera}, web={"port": port}))
        runs[-1].wait("web pages: http")

    visit = Visit(browser.new_context(viewport={"width": 1440, "height": 900}), f"http://127.0.0.1:{port}/")
    visit.expect("WebSocket", "net::ERR", "Failed to load resource")
    try:
        start()
        page = visit.go("/")
        tile, card = page.locator(".tile[data-camera=entrance]"), page.locator(".card").last
        expect(page.locator(".who")).to_have_text("local")
        expect(tile).not_to_have_class("tile stale")
        expect(tile.locator(".chip").first).to_be_visible()
        expect(card).to_be_visible()
        number = card.get_attribute("data-number")
        card = page.locator(f".card[data-number='{number}']")
        expect(card.locator("img")).to_be_visible()
        card.get_by_role("button", name="Confirm").click()
        expect(card).to_have_count(0)
        runs[0].stop()
        offline = page.get_by_text("Connection to the monitor lost. Reconnecting…")
        expect(offline).to_be_visible()
        expect(tile).to_have_class("tile stale")
        expect(tile.locator(".why")).to_contain_text("No connection to the monitor")
        start()
        expect(offline).to_be_hidden(timeout=1000 * STARTS_S)
        expect(tile).not_to_have_class("tile stale")
        page.get_by_role("button", name="All").click()
        expect(card.locator(".review")).to_have_text("Confirmed")
    finally:
        for run in runs:
            run.end()
        visit.end()
