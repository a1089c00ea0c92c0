"""A browser, a stage, and pages that may complain of nothing."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from scripts.bench.browser import QUIET
from tests.conftest import ending_threads
from tests.e2e.pages.stage import PASSWORD, Stage, staged

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
#: The machine may be busy with other things.
_WITHIN_MS = 30_000


@pytest.fixture(scope="package", autouse=True)
def no_thread_left_by_all() -> Iterator[None]:
    """The stage and the browser last for all tests of the pages, so their threads are counted once."""
    with ending_threads():
        yield


@pytest.fixture(autouse=True)
def no_thread_left() -> None:
    """See `no_thread_left_by_all`."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for as long as the tests of the pages last: others may want an event loop of their own."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt install chromium, or name it in CHROMIUM")
    expect.set_options(timeout=_WITHIN_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *QUIET])
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture(scope="package")
def sessions(browser: Browser, stage: Stage) -> dict[str, Any]:
    """The cookies of everybody who has an account; logging in again and again would meet the lock-out."""
    cookies: dict[str, Any] = {}
    for name in ("admin", "guard", "guest"):
        context = browser.new_context()
        answer = context.request.post(f"{stage.url}api/v1/session", data={"name": name, "password": PASSWORD})
        assert answer.ok, answer.text()
        cookies[name] = context.storage_state()
        context.close()
    return cookies


def busy() -> float:
    """How much more there is to do on this machine than it has cores for, 1 to 4: limits in time are for 1."""
    return min(4.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


class Visit:
    """Somebody at a browser. Whatever the browser complains of counts, unless it was expected."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        self.expected: list[str] = []
        self.page = self.open()

    def open(self, path: str | None = None) -> Page:
        """Open another page, at an address if one is given."""
        page = self.context.new_page()
        page.set_default_timeout(_WITHIN_MS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if path is not None:
            page.goto(f"{self.url}{path.removeprefix('/')}", wait_until="domcontentloaded")
        return page

    def go(self, path: str) -> Page:
        """Open an address in the first page."""
        self.page.goto(f"{self.url}{path.removeprefix('/')}", wait_until="domcontentloaded")
        return self.page

    def expect(self, *words: str) -> None:
        """Take a complaint with these words for right."""
        self.expected += words

    def end(self) -> None:
        self.context.close()
        wrong = [text for text in self.complaints if not any(words in text for words in self.expected)]
        assert not wrong, wrong

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")


Visitor = Callable[..., Visit]


@pytest.fixture
def visitor(browser: Browser, stage: Stage, sessions: dict[str, Any]) -> Iterator[Visitor]:
    """Let somebody open a browser: `visitor("guard")`, with options of Playwright's `new_context`."""
    visits: list[Visit] = []

    def come(name: str | None = "guard", url: str | None = None, **options: Any) -> Visit:
        size = {"width": 1440, "height": 900}
        state = None if name is None else sessions[name]
        context = browser.new_context(**{"viewport": size, "storage_state": state, "timezone_id": "UTC"} | options)
        visits.append(Visit(context, url or stage.url))
        return visits[-1]

    yield come
    for visit in visits:
        visit.end()


@pytest.fixture(autouse=True)
def back_to_normal(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the stage as it was: cameras that work, and nobody before them."""
    yield
    if "stage" in request.fixturenames:
        running: Stage = request.getfixturevalue("stage")
        for name, camera in running.cameras.items():
            camera.go.set()
            running.shows(name)


@pytest.fixture(scope="session")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph with faces."""
    import cv2

    from tests.integration.faces import read_scenes

    path = tmp_path_factory.mktemp("photo") / "people.jpg"
    cv2.imwrite(str(path), max(read_scenes(), key=lambda scene: len(scene.faces)).image)
    return path
