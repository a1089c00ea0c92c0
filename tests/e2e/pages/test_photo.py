"""The photo page: a picture goes there and comes back."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.pages.conftest import Visitor

DROP = """([bytes, name, how]) => {
  const data = new DataTransfer();
  const binary = Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0));
  data.items.add(new File([binary], name, { type: "image/jpeg" }));
  if (how === "paste") document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
  else document.getElementById(how).dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
}"""


def judged(page: Page) -> None:
    """Hold the page to showing the picture with its faces."""
    result = page.locator("#result")
    expect(result.locator("img")).to_be_visible()
    expect(result.locator("h2")).to_contain_text("face")
    faces = int(result.locator("h2").inner_text().split()[0])
    assert faces >= 1
    expect(result.locator(".faces li")).to_have_count(faces)
    expect(result.locator(".faces .score").first).to_contain_text("%")
    alt = result.locator("img").get_attribute("alt") or ""
    assert sum(int(words.split()[-1]) for words in alt.split(", ")) == faces


def test_a_chosen_picture_comes_back_judged(visitor: Visitor, photograph: Path) -> None:
    page = visitor().go("/photo")
    page.set_input_files("#file", photograph)
    judged(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "people-checked.jpg"
    with Image.open(download.value.path()) as back, Image.open(photograph) as sent:
        assert back.format == "JPEG"
        assert back.size == sent.size


@pytest.mark.parametrize("how", ["drop", "result", "paste"])
def test_a_dropped_or_pasted_picture_too(visitor: Visitor, photograph: Path, how: str) -> None:
    """Also when it is dropped beside the frame."""
    page = visitor().go("/photo")
    expect(page.locator("#drop")).to_be_visible()
    page.wait_for_load_state()
    page.evaluate(DROP, [base64.b64encode(photograph.read_bytes()).decode(), "people.jpg", how])
    judged(page)
    expect(page).to_have_url(page.url)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"no picture at all",
            "Not a readable picture: damaged, or in none of the formats JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP and",
        ),
        (b"half", "The picture is damaged"),
        (b"\xff\xd8" + bytes(1_100_000), "the limit is 1 MB."),
    ],
    ids=["rubbish", "damaged", "large"],
)
def test_what_is_wrong_with_a_picture_is_said(visitor: Visitor, photograph: Path, content: bytes, words: str) -> None:
    visit = visitor()
    visit.expect("422")
    page = visit.go("/photo")
    page.wait_for_load_state()
    data = photograph.read_bytes()[:9000] if content == b"half" else content
    page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": data})
    expect(page.locator("#result .wrong")).to_contain_text(words)
    page.set_input_files("#file", photograph)
    judged(page)


def test_a_picture_without_faces(visitor: Visitor) -> None:
    page = visitor().go("/photo")
    page.wait_for_load_state()
    blank = io.BytesIO()
    Image.new("RGB", (200, 100), (90, 120, 90)).save(blank, "PNG")
    page.set_input_files("#file", {"name": "b.png", "mimeType": "image/png", "buffer": blank.getvalue()})
    expect(page.locator("#result h2")).to_have_text("No face found")
    expect(page.locator("#result img")).to_have_attribute("alt", "no face found")
