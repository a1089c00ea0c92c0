"""Keeping, downloading and erasing evidence on an incident's page."""

import re
from pathlib import Path

from playwright.sync_api import expect

from monitor.evidence.verifying_export import verify_export
from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import Stage


def test_evidence_is_downloaded_kept_and_erased(stage: Stage, visitor: Visitor, tmp_path: Path) -> None:
    with stage.incident("door") as number:
        pass
    visit = visitor("admin")
    page = visit.go(f"/incidents/{number}")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download evidence (ZIP)").click()
    assert downloading.value.suggested_filename == f"incident-{number}.zip"
    downloading.value.save_as(tmp_path / "incident.zip")
    key = verify_export(tmp_path / "incident.zip").public_key
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_label("Why is it kept?").fill("the police asked for it")
    page.get_by_label("For how many days?").fill("30")
    page.locator(".asked button").click()
    expect(page.locator("#incident")).to_contain_text(re.compile("admin keeps it until .*: the police asked for it"))
    expect(page.get_by_role("button", name="Erase")).to_have_count(0)
    page.get_by_role("button", name="Keep no longer").click()
    visit.expect(f"/incidents/{number}/clips")  # the page may just ask whether a video is ready: there is none any more
    page.get_by_role("button", name="Erase").click()
    page.get_by_label("Why is it erased?").fill("a request of the person")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator("#incident")).to_contain_text("This incident was erased")
    visit.expect("410 (Gone)")
    page.reload()
    expect(page.locator("#incident")).to_contain_text("This incident was erased")
    expect(visit.go("/health").locator("#health")).to_contain_text(key)


def test_a_guard_may_keep_and_download_but_not_erase(stage: Stage, visitor: Visitor) -> None:
    with stage.incident("door") as number:
        page = visitor("guard").go(f"/incidents/{number}")
        expect(page.get_by_role("button", name="Keep", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Erase")).to_have_count(0)
