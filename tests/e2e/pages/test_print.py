"""What pages look like on paper: no empty page, no controls, nothing cut in two."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.pages.conftest import Visitor

MARGIN = dict.fromkeys(("top", "right", "bottom", "left"), "12mm")


@pytest.mark.parametrize(
    ("path", "shown", "words", "most_pages"),
    [
        ("/statistics", "svg.chart .bar", ["Statistics", "Compliance", "all cameras", "Figures by hour"], 3),
        ("/incidents/130", ".detail .block", ["Incident 130", "No mask", "Model and settings used"], 2),
        ("/health", "#health td", ["Health", "Cameras", "Connected viewers"], 2),
    ],
)
def test_a_page_prints(
    visitor: Visitor, tmp_path: Path, path: str, shown: str, words: list[str], most_pages: int
) -> None:
    page = visitor("admin", color_scheme="dark").go(path)
    expect(page.locator(shown).first).to_be_visible()
    paper = tmp_path / "page.pdf"
    page.pdf(path=paper, format="A4", margin=MARGIN)
    text = subprocess.run(["pdftotext", "-layout", paper, "-"], check=True, capture_output=True, text=True).stdout
    pages = text.removesuffix("\f").split("\f")
    assert 1 <= len(pages) <= most_pages
    assert all(one.strip() for one in pages), "no page is empty"
    for word in words:
        assert word in text
    for control in ("Log out", "Settings\n", "CSV", "24 hours", "Confirm", "Was this a real violation?", "Note ("):
        assert control not in text
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)", "dark pages print on white as well"
    visible = page.locator("button, select, textarea, header.bar").evaluate_all(
        "nodes => nodes.filter((node) => node.checkVisibility()).length"
    )
    assert visible == 0
    if path == "/statistics":
        assert page.locator("svg.chart .bar").first.evaluate("bar => bar.checkVisibility()")
