from playwright.sync_api import expect
from tests.e2e.pages.conftest import Visitor
from tests.e2e.pages.stage import Stage


def test_shots(stage, visitor):
    with stage.incident("door") as number:
        pass
    page = visitor("admin").go(f"/incidents/{number}")
    expect(page.get_by_role("button", name="Erase")).to_be_visible()
    page.screenshot(path="/tmp/trust-1.png", full_page=True)
    page.get_by_role("button", name="Keep", exact=True).click()
    page.screenshot(path="/tmp/trust-2.png")
    page.get_by_label("Why is it kept?").fill("the police asked for it")
    page.locator(".asked button").click()
    expect(page.get_by_role("button", name="Keep no longer")).to_be_visible()
    page.screenshot(path="/tmp/trust-3.png")
    page.get_by_role("button", name="Keep no longer").click()
    page.get_by_role("button", name="Erase").click()
    page.wait_for_timeout(300)
    page.screenshot(path="/tmp/trust-4.png")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download evidence (ZIP)").click()
    downloading.value.save_as("/tmp/trust-incident.zip")
    page.goto(stage.url + "health")
    expect(page.locator("#health tbody td").first).to_be_visible()
    page.screenshot(path="/tmp/trust-5.png", full_page=True)
    phone = visitor("admin", viewport={"width": 390, "height": 844}).go(f"/incidents/{number}")
    expect(phone.get_by_role("button", name="Erase")).to_be_visible()
    phone.screenshot(path="/tmp/trust-6.png", full_page=True)
    import zipfile

    zipfile.ZipFile("/tmp/trust-incident.zip").extractall("/tmp/trust-incident")
    import pathlib

    two = phone.context.new_page()
    two.set_viewport_size({"width": 900, "height": 1100})
    two.goto("file:///tmp/trust-incident/summary.html")
    two.screenshot(path="/tmp/trust-7.png", full_page=True)
