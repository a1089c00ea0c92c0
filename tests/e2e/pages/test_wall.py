"""The desk: pictures, cameras that die, and incidents as they come."""

import json
import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from monitor.domain.detection import MaskState
from tests.e2e.pages.conftest import Visitor, busy
from tests.e2e.pages.stage import SIZES, Stage
from tests.live.watch import until

PIXELS = "canvas => canvas.toDataURL()"


def tile(page: Page, camera: str) -> Locator:
    return page.locator(f".tile[data-camera={camera}]")


def fresh(page: Page, camera: str) -> None:
    expect(tile(page, camera)).not_to_have_class("tile stale")


def card(page: Page, number: int) -> Locator:
    return page.locator(f".card[data-number='{number}']")


def said(stage: Stage, number: int) -> list[tuple]:
    return stage.ask(f"SELECT by, decision, false_alarm_reason FROM reviews WHERE incident = {number} ORDER BY id")


def test_the_wall_shows_what_is_now(stage: Stage, visitor: Visitor) -> None:
    stage.shows("door", MaskState.WITH_MASK, MaskState.INCORRECT)
    page = visitor().go("/")
    expect(page.locator(".tile")).to_have_count(len(SIZES))
    for camera in SIZES:
        fresh(page, camera)
        expect(tile(page, camera).locator(".name")).to_have_text(camera)
        expect(tile(page, camera).locator(".top .note")).to_contain_text(" ms")
        expect(tile(page, camera).locator(".low .note")).to_contain_text("analyses/s")
        canvas = tile(page, camera).locator("canvas")
        before = canvas.evaluate(PIXELS)
        until(lambda canvas=canvas, before=before: canvas.evaluate(PIXELS) != before, f"another picture of {camera}")
    expect(tile(page, "door").locator(".chip.with_mask")).to_have_text("Mask 1")
    expect(tile(page, "door").locator(".chip.incorrect")).to_have_text("Worn incorrectly 1")
    expect(tile(page, "door").get_by_role("img", name="door: Mask 1, Worn incorrectly 1")).to_be_visible()
    expect(tile(page, "hall").get_by_role("img", name="hall: nobody in view")).to_be_visible()
    tile(page, "door").click()
    expect(page).to_have_url(f"{stage.url}cameras/door")
    fresh(page, "door")
    expect(page.locator("#facts")).to_contain_text("live for")
    expect(page.locator("#facts")).to_contain_text("doorway")
    edge = "canvas => [...canvas.getContext('2d').getImageData(canvas.width * 0.02 - 1, 0, 2, canvas.height).data]"
    until(lambda: 255 in tile(page, "door").locator("canvas").evaluate(edge)[::4], "the zone's edge")
    assert "viewer" not in page.locator("#facts").inner_text(), "the camera's password and its user are masked"


def test_a_tile_greys_out_when_its_camera_dies_and_comes_back(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/")
    for camera in SIZES:
        fresh(page, camera)
    stage.cameras["hall"].hang()
    began = time.monotonic()
    expect(tile(page, "hall")).to_have_class("tile stale")
    took_s = time.monotonic() - began
    assert took_s < 3 * busy(), f"grey only after {took_s:.1f} s"
    why = tile(page, "hall").locator(".why")
    expect(why).to_be_visible()
    expect(why).to_contain_text("Camera lost for", timeout=15_000)
    assert tile(page, "hall").locator("canvas").evaluate("c => getComputedStyle(c).filter").startswith("grayscale(1)")
    expect(tile(page, "hall").get_by_role("img", name="hall: ")).to_be_visible()
    for camera in ("door", "ward"):
        fresh(page, camera)
    stage.cameras["hall"].go.set()
    fresh(page, "hall")
    expect(why).to_be_hidden()
    assert tile(page, "hall").locator("canvas").evaluate("c => getComputedStyle(c).filter") == "none"


def test_an_incident_appears_by_itself_and_is_reviewed_everywhere_at_once(stage: Stage, visitor: Visitor) -> None:
    visit = visitor()
    page, beside = visit.go("/"), visit.open("/")
    for each in (page, beside):
        fresh(each, "ward")
        expect(each.locator(".card").first).to_be_visible()
    with stage.incident("ward") as number:
        expect(card(page, number)).to_be_visible()
        expect(tile(page, "ward")).to_have_class("tile violating")
        expect(card(page, number).locator(".how")).to_contain_text("open for")
        expect(card(page, number).locator("img")).to_be_visible()
    expect(card(page, number).locator(".how")).to_contain_text(re.compile("left (after|immediately)"))
    expect(tile(page, "ward")).to_have_class("tile")
    card(page, number).get_by_role("button", name="False alarm").click()
    card(page, number).get_by_role("button", name="Beard").click()
    for each in (page, beside):
        expect(card(each, number)).to_have_count(0)
    assert said(stage, number) == [("guard", "false_alarm", "beard")]
    for each in (page, beside):
        each.reload(wait_until="domcontentloaded")
        expect(each.locator(".card").first).to_be_visible()
        expect(card(each, number)).to_have_count(0)
        each.get_by_role("button", name="All").click()
        expect(card(each, number).locator(".review")).to_have_text("False alarm: beard")
        expect(card(each, number).get_by_role("button")).to_have_count(0)


def test_who_goes_by_keyboard_keeps_their_place_when_the_connection_is_made_anew(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.add_init_script(
        "window.sockets = []; window.WebSocket = class extends WebSocket {"
        " constructor(...given) { super(...given); sockets.push(this); } }"
    )
    page = visit.go("/")
    cards = page.locator(".card")
    expect(cards.nth(3)).to_be_visible()
    page.wait_for_function("sockets.at(-1)?.readyState === 1")
    for _ in range(3):
        page.keyboard.press("j")
    expect(cards.nth(2)).to_be_focused()
    with page.expect_response(lambda response: "/api/v1/incidents?" in response.url):
        page.evaluate("sockets.at(-1).close()")
    page.wait_for_timeout(300)
    expect(cards.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(cards.nth(1)).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1080), (3840, 2160)])
def test_sixteen_cameras_fit(visitor: Visitor, width: int, height: int) -> None:
    """The wall lays out as many tiles as the socket names; none is lost beside it, on a phone it scrolls."""
    visit = visitor(viewport={"width": width, "height": height})
    page = visit.page
    names = [f"camera-{number:02d}" for number in range(16)]
    camera = {"condition": "lost", "cause": "refused", "detail": "nobody answers", "since_ms": 0, "age_ms": None}
    camera |= {"fps": 0, "analyses_per_s": 0, "people": {}, "violating": False}
    message = {"type": "cameras", "now_ms": 0, "cameras": [{"name": name} | camera for name in names]}
    page.route_web_socket("**/api/v1/live", lambda socket: socket.send(json.dumps(message)))
    visit.go("/")
    expect(page.locator(".tile")).to_have_count(16)
    wall, *tiles = page.locator("#wall").evaluate(
        "wall => [wall, ...wall.children].map((one) => one.getBoundingClientRect().toJSON())"
    )
    assert all(tile["width"] >= 160 for tile in tiles)
    if width <= 900:
        page.locator(".tile").last.scroll_into_view_if_needed()
        expect(page.locator(".tile").last).to_be_in_viewport(ratio=1)
    else:
        assert all(tile["left"] >= wall["left"] + 4 and tile["right"] <= wall["right"] - 4 for tile in tiles)
        assert wall["bottom"] <= height
        assert all(tile["bottom"] <= wall["bottom"] - 4 for tile in tiles)
