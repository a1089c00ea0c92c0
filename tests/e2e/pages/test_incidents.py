"""Searching incidents, reading one, and taking them elsewhere."""

import csv
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route, expect

from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import OLD, Stage
from tests.live.watch import until

SINCE, UNTIL = OLD + timedelta(hours=3, minutes=5), OLD + timedelta(hours=5)


def finds(page: Page, wanted: list[int]) -> None:
    """Wait until the page shows these incidents."""

    def shown() -> list[int]:
        return page.locator(".cards").evaluate("list => [...list.children].map((card) => Number(card.dataset.number))")

    until(lambda: shown() == wanted, lambda: f"{shown()}, not {wanted}")


def wanted(stage: Stage, where: str, most: int = 60) -> list[int]:
    rows = stage.ask(
        f"SELECT id FROM incidents i WHERE opened_at IS NOT NULL AND {where} ORDER BY id DESC LIMIT {most}"
    )
    return [number for (number,) in rows]


def test_filters_find_what_the_database_holds_and_the_address_keeps_them(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/incidents")
    cards = page.locator(".card")
    expect(cards).to_have_count(60)
    form = page.locator("#search")
    form.get_by_label("Camera").select_option("hall")
    where = "source_id = 'hall'"
    finds(page, wanted(stage, where))
    form.get_by_label("Kind").select_option("Worn incorrectly")
    where += " AND state = 'incorrect'"
    finds(page, wanted(stage, where))
    form.get_by_label("From", exact=True).fill(f"{SINCE:%Y-%m-%dT%H:%M}")
    form.get_by_label("To", exact=True).fill(f"{UNTIL:%Y-%m-%dT%H:%M}")
    where += f" AND opened_at >= '{SINCE:%Y-%m-%d %H:%M}' AND opened_at < '{UNTIL:%Y-%m-%d %H:%M}'"
    found = wanted(stage, where)
    assert 0 < len(found) < 10
    finds(page, found)
    address = parse_qs(urlsplit(page.url).query)
    assert address["camera"] == ["hall"]
    assert address["state"] == ["incorrect"]
    page.reload(wait_until="domcontentloaded")
    finds(page, found)
    expect(form.get_by_label("Camera")).to_have_value("hall")
    expect(form.get_by_label("From", exact=True)).to_have_value(f"{SINCE:%Y-%m-%dT%H:%M}")
    cards.first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}incidents/{found[0]}")
    page.go_back(wait_until="domcontentloaded")
    expect(cards).to_have_count(len(found))
    form.get_by_label("open only").check()
    expect(page.locator(".empty")).to_contain_text("No incidents found")


def test_a_late_answer_to_an_earlier_search_is_dropped(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/incidents")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/incidents?*camera=hall*", hold)
    camera = page.locator("#search").get_by_label("Camera")
    camera.select_option("hall")
    until(lambda: held or page.wait_for_timeout(20), "no search for hall")
    camera.select_option("door")
    door = wanted(stage, "source_id = 'door'")
    finds(page, door)
    with page.expect_response("**/api/v1/incidents?*camera=hall*") as late:
        held[0].continue_()
    late.value.finished()
    page.wait_for_timeout(500)
    finds(page, door)


def test_a_review_is_found_again(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/incidents?camera=door")
    first = page.locator(".card").first
    first.get_by_role("button", name="Confirm").click()
    expect(first.locator(".review")).to_have_text("Confirmed")
    number = first.get_attribute("data-number")
    page.locator("#search").get_by_label("Review").select_option("confirmed")
    expect(page.locator(f".card[data-number='{number}'] .review")).to_have_text("Confirmed")
    expect(page.locator(".card .review:not(.confirmed)")).to_have_count(0)


def test_older_pages_follow(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/incidents")
    cards, more = page.locator(".card"), page.get_by_role("button", name="Show older")
    whole = wanted(stage, "1", 1000)
    for shown in (60, 120):
        expect(cards).to_have_count(shown)
        more.click()
    finds(page, whole)
    expect(more).to_be_hidden()


def test_one_incident_with_its_evidence(stage: Stage, visitor: Visitor) -> None:
    number = stage.ask("SELECT id FROM incidents WHERE incident_id = 'past-099'")[0][0]
    page = visitor().go(f"/incidents/{number}")
    picture = page.locator(".shot")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 120
    expect(page.get_by_role("img", name="Unknown 1 s, No mask 13 s")).to_be_visible()
    text = page.locator("#incident")
    for words in (
        "hall",
        "corrected after 12 s",
        "2026",
        "95%",
        "1.25 s",
        "100 × 120 px",
        "past-099",
        "ab" * 8,
        "cd" * 8,
    ):
        expect(text).to_contain_text(words)
    expect(text).to_contain_text("No reviews yet.")
    page.get_by_label("Note").fill("a scarf, <b>not</b> a mask")
    page.get_by_role("button", name="False alarm: scarf").click()
    review = page.locator(".reviews li")
    expect(review).to_have_count(1)
    expect(review).to_contain_text("False alarm: scarf – a scarf, <b>not</b> a mask")
    expect(review).to_contain_text("guard")
    page.reload(wait_until="domcontentloaded")
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(review).to_have_count(2)
    expect(review.first).to_contain_text("Confirmed")
    expect(page.get_by_role("button", name="Confirm", exact=True)).to_have_attribute("aria-pressed", "true")
    assert stage.ask(
        f"SELECT by, decision, false_alarm_reason, note FROM reviews WHERE incident = {number} ORDER BY id"
    ) == [
        ("guard", "false_alarm", "scarf", "a scarf, <b>not</b> a mask"),
        ("guard", "confirmed", None, ""),
    ]
    page.get_by_role("button", name="Withdraw review").click()
    expect(review.first).to_contain_text("Review withdrawn")
    expect(page.locator("#incident")).to_contain_text("none yet")
    assert stage.ask(f"SELECT decision FROM reviews WHERE incident = {number} ORDER BY id")[-1] == ("withdrawn",)


def test_the_settings_that_decided_it(stage: Stage, visitor: Visitor) -> None:
    with stage.incident("door") as number:
        page = visitor().go(f"/incidents/{number}")
        page.get_by_text("Detector and camera settings").click()
        expect(page.locator("#incident")).to_contain_text("another model than the run began with")
        for words in (
            "detector.thresholds",
            '{"without_mask":0.5}',
            "rules.dwell_s",
            "tracking.confirm_hits",
            "zones.doorway",
            "[[0.02,0.02],",
        ):
            expect(page.locator("#incident details")).to_contain_text(words)


def test_an_incident_that_is_not_there(visitor: Visitor) -> None:
    visit = visitor()
    visit.expect("404")
    page = visit.go("/incidents/99999")
    expect(page.locator("#incident")).to_contain_text("no such incident")


def test_what_is_shown_can_be_taken_as_a_file(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/incidents?camera=hall&state=incorrect")
    rows = wanted(stage, "source_id = 'hall' AND state = 'incorrect'", 1000)
    expect(page.locator(".card")).to_have_count(len(rows))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "incidents.csv"
    with download.value.path().open(encoding="utf-8", newline="") as file:
        assert [int(row["number"]) for row in csv.DictReader(file)] == rows
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    assert [row["number"] for row in json.loads(download.value.path().read_text("utf-8"))] == rows
