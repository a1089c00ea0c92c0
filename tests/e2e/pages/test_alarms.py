"""What the desk tells by itself: lost cameras, warnings, sample data; by sound, by badge and by banner."""

import json
from typing import Any

from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import Stage
from tests.e2e.pages.test_looks import accessible
from tests.e2e.pages.test_wall import fresh, tile
from tests.live.watch import until

#: Counts the tones that are played.
TONES = """window.tones = 0; const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };"""
CAMERA: dict[str, Any] = {
    "condition": "live",
    "cause": None,
    "detail": "",
    "since_ms": 0,
    "age_ms": 0,
    "fps": 8,
    "analyses_per_s": 8,
    "people": {},
    "violating": False,
}


class Told:
    """A socket that says of the cameras what the test wants."""

    def __init__(self, page: BrowserContext | Page) -> None:
        self._sockets: list[WebSocketRoute] = []
        self.messages: list[dict[str, Any]] = []
        page.route_web_socket("**/api/v1/live", self._open)

    def says(self, *cameras: dict[str, Any], warnings: list[dict[str, str]] | None = None) -> None:
        self.messages = [
            {"type": "cameras", "now_ms": 0, "cameras": [CAMERA | each for each in cameras]},
            {"type": "warnings", "warnings": warnings or []},
        ]
        for socket in self._sockets:
            self._send(socket)

    def _open(self, socket: WebSocketRoute) -> None:
        self._sockets.append(socket)
        self._send(socket)

    def _send(self, socket: WebSocketRoute) -> None:
        for message in self.messages:
            socket.send(json.dumps(message))


def test_a_lost_camera_is_heard_and_shown_on_every_page(stage: Stage, visitor: Visitor) -> None:
    visit = visitor()
    visit.page.add_init_script(TONES)
    page, beside = visit.go("/"), visit.open("/statistics")
    fresh(page, "hall")
    page.get_by_role("button", name="Sound for new incidents and lost cameras").click()
    until(lambda: page.evaluate("window.tones") == 2, "the sound of being switched on")
    expect(beside.locator("#down")).to_be_hidden()
    stage.cameras["hall"].hang()
    expect(tile(page, "hall").locator(".why")).to_contain_text("Camera lost for")
    for each in (page, beside):
        badge = each.get_by_role("link", name="1 camera lost")
        expect(badge).to_be_visible()
        expect(badge).to_have_attribute("href", "/")
    expect(page.locator(".toast.bad", has_text="hall")).to_be_visible()
    until(lambda: page.evaluate("window.tones") == 4, "the sound of a lost camera, once")
    stage.cameras["hall"].go.set()
    for each in (page, beside):
        expect(each.locator("#down")).to_be_hidden()
    expect(page.locator(".toast", has_text="hall is back")).to_be_visible()
    assert page.evaluate("window.tones") == 4


def test_the_sound_stays_on_and_says_what_it_needs(visitor: Visitor) -> None:
    visit = visitor()
    visit.expect("AudioContext was not allowed to start")
    page = visit.go("/")
    button = page.get_by_role("button", name="Sound for new incidents and lost cameras")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#silent")).to_be_hidden()
    page.reload(wait_until="domcontentloaded")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Click anywhere to start the sound")).to_be_visible()
    page.get_by_role("heading", name="Incidents").click()
    expect(page.locator("#silent")).to_be_hidden()
    button.click()
    page.reload(wait_until="domcontentloaded")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#silent")).to_be_hidden()


def test_a_badge_counts_what_is_down(visitor: Visitor) -> None:
    visit = visitor()
    told = Told(visit.page)
    told.says({"name": "door", "condition": "lost", "cause": "not_found"}, {"name": "hall", "condition": "fault"})
    badge = visit.go("/photo").locator("#down")
    expect(badge).to_have_text("2 cameras need attention")
    told.says({"name": "door", "condition": "lost", "cause": "not_found"}, {"name": "hall"})
    expect(badge).to_have_text("1 camera lost")
    expect(badge).to_have_attribute("title", "door offline: stream not found")
    told.says({"name": "door"}, {"name": "hall"})
    expect(badge).to_be_hidden()


def test_faults_are_said_with_their_remedy(visitor: Visitor) -> None:
    visit = visitor()
    told = Told(visit.page)
    full = {"condition": "fault", "cause": "journal", "detail": "cannot record: database or disk is full"}
    told.says({"name": "door"} | full, {"name": "attic", "condition": "lost", "cause": "not_found"})
    page = visit.go("/")
    expect(tile(page, "door").locator(".why")).to_contain_text("Disk full: recording paused. Free some disk space.")
    expect(tile(page, "attic").locator(".why")).to_contain_text("Stream not found. Check the path")


def test_warnings_are_banners_until_dismissed(visitor: Visitor) -> None:
    warning = {"code": "disk_low", "text": "The disk is nearly full: 1 GB free.", "since": "2026-03-02T12:00:00Z"}
    for name, seen in (("guard", 1), ("guest", 0)):
        visit = visitor(name)
        told = Told(visit.page)
        told.says({"name": "hall"}, warnings=[warning])
        page = visit.go("/")
        expect(page.locator(".tile")).to_have_count(1)
        expect(page.locator(".banner", has_text=warning["text"])).to_have_count(seen)
        if not seen:
            continue
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator(".banner")).to_have_count(0)
        page.reload(wait_until="domcontentloaded")
        expect(page.locator(".tile")).to_have_count(1)
        expect(page.locator(".banner")).to_have_count(0)
        told.says({"name": "hall"}, warnings=[warning | {"since": "2026-03-03T12:00:00Z"}])
        expect(page.locator(".banner")).to_have_count(1)
        told.says({"name": "hall"})
        expect(page.locator(".banner")).to_have_count(0)


def test_sample_data_is_called_so(visitor: Visitor) -> None:
    visit = visitor()
    told = Told(visit.page)
    told.says({"name": "entrance", "sample": True}, {"name": "door"})
    page = visit.go("/")
    expect(tile(page, "entrance").get_by_text("Sample")).to_be_visible()
    expect(tile(page, "door").locator(".sample")).to_be_hidden()
    expect(page.locator(".banner")).to_have_count(0)
    told.says({"name": "entrance", "sample": True})
    expect(page.locator(".banner")).to_contain_text("This is sample data; add a camera in config.yaml to start.")
    page.locator(".banner").get_by_role("link").click()
    expect(page.locator("#add-a-camera")).to_contain_text("cameras:")


def test_the_monitor_says_when_a_picture_is_stale(stage: Stage, visitor: Visitor) -> None:
    """A limit of its own for every camera, told by the monitor; the page has none."""
    visit = visitor()

    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def patient(message: str | bytes) -> None:
            if isinstance(message, str) and (told := json.loads(message))["type"] == "cameras":
                for camera in told["cameras"]:
                    camera["stale_after_ms"] = 1 if camera["name"] == "hall" else 60_000
                    camera["condition"] = "live"
                message = json.dumps(told)
            socket.send(message)

        server.on_message(patient)

    visit.page.route_web_socket("**/api/v1/live", pass_on)
    page = visit.go("/")
    fresh(page, "door")
    expect(tile(page, "hall").locator(".why")).to_contain_text("No fresh picture")
    stage.cameras["door"].hang()
    page.wait_for_timeout(4000)
    fresh(page, "door")


def test_a_desk_with_everything_on_it_is_accessible(visitor: Visitor) -> None:
    visit = visitor()
    told = Told(visit.page)
    warnings = [{"code": "disk_low", "text": "The disk is nearly full: 1 GB free.", "since": "2026-03-02T12:00:00Z"}]
    told.says({"name": "entrance", "sample": True}, warnings=warnings)
    page = visit.go("/")
    expect(page.locator(".banner")).to_have_count(2)
    lost = {"name": "entrance", "sample": True, "condition": "lost", "cause": "timed_out"}
    told.says(lost, warnings=warnings)
    expect(page.locator("#down")).to_be_visible()
    page.locator(".card").first.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.locator(".card.leaving")).to_have_count(0)
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Mask worn correctly")).to_be_visible()
    accessible(page)
