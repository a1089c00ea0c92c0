"""Reviewing incidents on the desk: the keyboard keeps its place, a review can be undone, and nothing is hidden."""

import re

import pytest
from playwright.sync_api import Page, expect

from monitor.domain.detection import MaskState
from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import Stage
from tests.e2e.pages.test_wall import card, said


def pending(stage: Stage) -> int:
    """How many incidents nobody has reviewed, with what was withdrawn."""
    return stage.ask(
        "SELECT count(*) FROM incidents i WHERE NOT EXISTS (SELECT 1 FROM reviews r WHERE r.incident = i.id AND r.id > "
        "coalesce((SELECT max(id) FROM reviews w WHERE w.incident = i.id AND w.decision = 'withdrawn'), 0))"
    )[0][0]


def numbers(page: Page, most: int = 6) -> list[int]:
    """The incidents on the desk in their order."""
    expect(page.locator(".card").nth(most)).to_be_visible()
    found = page.locator(".card").evaluate_all("cards => cards.map((card) => Number(card.dataset.number))")
    return found[:most]


def test_incidents_are_reviewed_by_keyboard(stage: Stage, visitor: Visitor) -> None:
    """Whatever is reviewed leaves the list, and the keyboard is at the next one."""
    page = visitor().go("/")
    first, second, third, fourth, fifth, sixth = numbers(page)
    page.keyboard.press("j")
    expect(card(page, first)).to_be_focused()
    for key in "jjk":
        page.keyboard.press(key)
    expect(card(page, second)).to_be_focused()
    page.keyboard.press("c")
    expect(card(page, second)).to_have_count(0)
    expect(card(page, third)).to_be_focused()
    page.keyboard.press("a")
    expect(card(page, third)).to_have_count(0)
    expect(card(page, fourth)).to_be_focused()
    page.keyboard.press("f")
    expect(card(page, fourth).get_by_role("button", name="Beard")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card(page, fourth)).to_be_focused()
    page.keyboard.press("f")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(card(page, fourth)).to_have_count(0)
    expect(card(page, fifth)).to_be_focused()
    page.keyboard.press("c")
    expect(card(page, fifth)).to_have_count(0)
    expect(card(page, sixth)).to_be_focused()
    assert [said(stage, number) for number in (first, second, third, fourth, fifth)] == [
        [],
        [("guard", "confirmed", None)],
        [("guard", None, None)],
        [("guard", "false_alarm", "hand")],
        [("guard", "confirmed", None)],
    ]
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}incidents/{sixth}")


def test_the_keyboard_goes_on_where_reviewed_incidents_stay(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/")
    page.get_by_role("button", name="All").click()
    expect(page.locator(".card .review:not([hidden])").first).to_be_visible()
    first = page.locator(".card:has(.do button)").first
    number = int(first.get_attribute("data-number") or 0)
    following = page.locator(f".card[data-number='{number}'] + .card")
    first.focus()
    page.keyboard.press("f")
    card(page, number).get_by_role("button", name="Mask worn correctly").press("Enter")
    expect(card(page, number).locator(".review")).to_have_text("False alarm: mask worn correctly")
    expect(following).to_be_focused()
    assert said(stage, number)[-1:] == [("guard", "false_alarm", "mask_worn_correctly")]


@pytest.mark.parametrize("how", ["key", "button"])
def test_a_review_is_undone(stage: Stage, visitor: Visitor, how: str) -> None:
    visit = visitor()
    page, beside = visit.go("/"), visit.open("/")
    first, second = numbers(page, 2)
    expect(card(beside, first)).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("c")
    for each in (page, beside):
        expect(card(each, first)).to_have_count(0)
    expect(card(page, second)).to_be_focused()
    toast = page.locator(".toast", has_text=f"Incident {first}: confirmed")
    expect(toast).to_be_visible()
    if how == "key":
        page.keyboard.press("u")
    else:
        toast.get_by_role("button", name="Undo").click()
    expect(card(page, first)).to_be_focused()
    expect(toast).to_have_count(0)
    expect(card(beside, first)).to_be_visible()
    order = page.locator(".card").evaluate_all("cards => cards.slice(0, 2).map((card) => Number(card.dataset.number))")
    assert order == [first, second]
    assert said(stage, first)[-2:] == [("guard", "confirmed", None), ("guard", "withdrawn", None)]
    before = stage.ask("SELECT count(*) FROM reviews")
    page.keyboard.press("u")
    page.wait_for_timeout(300)
    assert stage.ask("SELECT count(*) FROM reviews") == before, "there is nothing more to undo"


def test_the_desk_says_how_many_wait_and_shows_more(stage: Stage, visitor: Visitor) -> None:
    page = visitor().go("/")
    cards, count = page.locator(".card"), pending(stage)
    assert count > 80
    expect(cards).to_have_count(80)
    expect(page.locator("#shown")).to_have_text(f"80 of {count} shown")
    expect(page.get_by_role("button", name=f"To review {count}")).to_be_visible()
    expect(page).to_have_title(f"({count}) Desk · Mask Monitor")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page).to_have_title(f"({count - 1}) Desk · Mask Monitor")
    page.keyboard.press("u")
    expect(page).to_have_title(f"({count}) Desk · Mask Monitor")
    page.get_by_role("button", name="Show more").click()
    expect(cards).to_have_count(count)
    expect(cards.nth(80)).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    found = cards.evaluate_all("cards => cards.map((card) => Number(card.dataset.number))")
    assert found == sorted(set(found), reverse=True)


def test_an_incident_that_a_colleague_reviews_leaves_the_one_before_me(stage: Stage, visitor: Visitor) -> None:
    visit = visitor()
    page = visit.go("/")
    first, second = numbers(page, 2)
    page.keyboard.press("j")
    expect(card(page, first)).to_be_focused()
    answer = visit.context.request.post(f"{stage.url}api/v1/incidents/{first}/acknowledge")
    assert answer.ok
    expect(card(page, first)).to_have_count(0)
    expect(card(page, second)).to_be_focused()


def test_a_phone_shows_the_first_incident_and_reaches_every_page(stage: Stage, visitor: Visitor) -> None:
    stage.shows("door", MaskState.WITH_MASK)
    visit = visitor("admin", viewport={"width": 390, "height": 844})
    page = visit.go("/")
    expect(page.locator(".tile").first).to_be_in_viewport(ratio=1)
    expect(page.locator(".card").first).to_be_in_viewport(ratio=1)
    for name in ("Desk", "Incidents", "Statistics", "Health", "Photo", "Settings"):
        expect(page.locator("header nav").get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
    for path, rows in (("/statistics", ".figure td"), ("/health", "#health td"), ("/settings", "#audit td")):
        visit.go(path)
        expect(page.locator(rows).first).to_be_visible()
        cut = page.locator(rows).evaluate_all(
            "cells => cells.filter((one) => one.getBoundingClientRect().right > innerWidth)"
        )
        assert not cut, path
    expect(page.locator("#audit td").first).to_have_attribute("data-label", re.compile("When"))
