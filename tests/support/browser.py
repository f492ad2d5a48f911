"""A person who uses the page in a real browser: the distribution's Chromium, driven by Playwright.

Whatever a test does, no script may fail, no rule of the page's Content-Security-Policy may be broken, nothing may be
requested from third parties, and the key must not be in an address, a log or what the browser stores.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import BrowserContext, ConsoleMessage, FilePayload, Locator, Request

    from tests.testbed.stack import Coordinates

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_BROWSER = "no Chromium is installed: `apt-get install chromium` runs these tests"
PATIENCE_MS = 20_000
QIPAO = sorted((Path(__file__).parents[1] / "testbed" / "pictures" / "qipao").glob("*.jpg"))
DESKTOP, PHONE = (1280, 860), (390, 844)
# Chromium's own line for each answer of 400 and more, and for each request that a test interrupts.
NETWORK = "Failed to load resource"
# The page waits as fast as the clock of the testbed.
FAST = "const real = setTimeout; window.setTimeout = (act, ms = 0, ...rest) => real(act, ms / {}, ...rest);"


def payload(name: str, content: bytes, media_type: str = "image/jpeg") -> FilePayload:
    """Return a file to pick."""
    return {"name": name, "mimeType": media_type, "buffer": content}


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Without a sandbox, because root has none; the page is ours.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@dataclass
class Visitor:
    """A person with a tab, and all that must not happen in it."""

    at: Coordinates
    page: Page
    key: str
    errors: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(f"{error}"))
        self.page.on("request", self._request)

    def open(self, place: str = "") -> None:
        """Open the page."""
        self.page.goto(f"{self.at.api_url}/app{place}")

    def enter(self, key: str = "") -> None:
        """Paste a key, and wait until the page is there."""
        self.paste(key or self.key)
        expect(self.page.locator(".composer")).to_be_visible()

    def paste(self, key: str) -> None:
        """Paste a key."""
        self.page.get_by_label("Your key", exact=True).fill(key)
        self.page.get_by_role("button", name="Start").click()

    def add(self, files: Sequence[Path | FilePayload]) -> None:
        """Pick files."""
        self.page.set_input_files("input[type=file] >> nth=0", list(files))  # type: ignore[arg-type]

    def sent(self, count: int) -> None:
        """Wait until this number of files is sent."""
        expect(self.page.locator(".tile.sent")).to_have_count(count)

    @property
    def prompt(self) -> Locator:
        """The field of the prompt."""
        return self.page.get_by_role("textbox", name="Prompt")

    @property
    def make(self) -> Locator:
        """The button that makes the video."""
        return self.page.locator("button.make")

    @property
    def cards(self) -> Locator:
        """The jobs."""
        return self.page.locator(".card")

    def priced(self, price: str) -> None:
        """Wait for a price on the button."""
        expect(self.make).to_have_text(f"Make video · {price}")

    def priced_for(self, count: int, price: str) -> None:
        """Wait for the price of several videos."""
        expect(self.make).to_have_text(f"Make {count} videos · {price}")

    def wait_for(self, text: str, card: int = 0) -> None:
        """Wait until a job says this, for which the clock of the testbed may jump."""
        line = self.cards.nth(card).locator(".state")
        eventually(lambda: line.count() and text in line.inner_text(), every_s=0.05, otherwise=self.seen())

    def seen(self) -> str:
        """Return what can be read."""
        return self.page.inner_text("body")

    def stored(self) -> str:
        """Return what the browser keeps."""
        kept: str = self.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        return kept

    def complaints(self) -> list[str]:
        """Return what must not have happened."""
        own = {urlsplit(url).netloc for url in (self.at.api_url, self.at.aws_endpoint_url)}
        strange = {url for url in self.requested if urlsplit(url).netloc not in {*own, ""}}
        leaked = [url for url in [*self.requested, self.page.url] if self.key in url]
        return [*self.errors, *(f"third party: {url}" for url in strange), *(f"key in {url}" for url in leaked)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and NETWORK not in message.text:
            self.errors.append(message.text)
        if self.key in message.text:
            self.errors.append("the key was logged")

    def _request(self, request: Request) -> None:
        self.requested.append(request.url)


@contextmanager
def visitor(opened: Browser, at: Coordinates, key: str = "", **how: Any) -> Iterator[Visitor]:  # noqa: ANN401 - Playwright's
    """Open an empty tab; at the end nothing may have gone wrong in it. ``how`` are options of the browser's context."""
    width, height = how.pop("size", DESKTOP)
    context: BrowserContext = opened.new_context(viewport={"width": width, "height": height}, **how)
    context.add_init_script(FAST.format(at.speed))
    person = Visitor(at, context.new_page(), key or at.api_key)
    try:
        yield person
        assert [] == person.complaints()
    finally:
        # A request that a test is answering at this moment is nobody's any more.
        person.page.unroute_all(behavior="ignoreErrors")
        context.close()
