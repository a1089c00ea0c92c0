"""The video of an incident in a real browser."""

from playwright.sync_api import Page, expect

from monitor.domain.detection import MaskState
from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import Stage
from tests.live.watch import until


def drawn(page: Page) -> int:
    """Return how many pixels are drawn over the video."""
    return page.locator(".player canvas").evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v).length"
    )


def test_a_guard_plays_the_video_and_switches_the_boxes(stage: Stage, visitor: Visitor) -> None:
    with stage.incident("door") as number:
        stage.shows("door", MaskState.WITHOUT_MASK, MaskState.WITH_MASK)
        until(lambda: any(len(a.tracks) == 2 for a in [s.analysis for s in stage.live.statuses()] if a), "two people")
    guard = visitor("guard")
    guard.expect("willReadFrequently")  # this test reads what is drawn
    page = guard.go(f"/incidents/{number}")
    page.get_by_role("button", name="Show video").click()
    video = page.locator("video")
    expect(video).to_be_visible()
    until(lambda: video.evaluate("v => v.readyState") >= 2 or page.wait_for_timeout(50), "the video loads")
    expect(page.get_by_role("button", name="Original")).to_have_count(0)
    page.get_by_role("button", name="Alert").click()
    until(lambda: drawn(page) > 100 or page.wait_for_timeout(50), "boxes are drawn")
    boxes = page.get_by_role("button", name="Boxes")
    expect(boxes).to_have_attribute("aria-pressed", "true")
    boxes.focus()
    page.keyboard.press("Space")
    expect(boxes).to_have_attribute("aria-pressed", "false")
    assert drawn(page) == 0
    page.get_by_role("button", name="Zones").click()
    assert drawn(page) > 100
    video.evaluate("v => { v.muted = true; return v.play(); }")
    before = video.evaluate("v => v.currentTime")
    until(lambda: video.evaluate("v => v.currentTime") > before + 0.3 or page.wait_for_timeout(50), "it plays")
    boxes.click()
    answer = page.request.get(
        f"{stage.url}api/v1/incidents/{number}/clips/1/blurred.mp4", headers={"Range": "bytes=8-15"}
    )
    assert (answer.status, len(answer.body()), answer.headers["cache-control"]) == (206, 8, "no-store")
    assert page.request.get(f"{stage.url}api/v1/incidents/{number}/clips/1/original.mp4").status == 403
    admin = visitor("admin").go(f"/incidents/{number}")
    admin.get_by_role("button", name="Original").click()
    expect(admin.locator(".player")).to_be_visible()
    until(lambda: stage.ask("SELECT count(*) FROM audit WHERE action = 'original video viewed'") == [(1,)], "an entry")
