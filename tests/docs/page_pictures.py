"""Takes the pictures of docs/page.md: each state of the page, in a real browser, against a running testbed.

``make page-pictures`` replaces ``docs/images/page-*.webp``. It needs Chromium.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallop.adapters.table import client_keys
from gallop.domain.clients import keys
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.caller import Caller
from tests.e2e.test_keys import table
from tests.support.browser import CHROMIUM, NO_BROWSER, PHONE, QIPAO, browser, payload, visitor
from tests.support.pictures import picture
from tests.support.waiting import eventually
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser

    from tests.support.browser import Visitor

FOLDER = Path(__file__).parents[2] / "docs" / "images"
DESKTOP = (1120, 760)
SPEED = 20.0
QUALITY = 82
PROMPT = (
    "The woman of [Image 1] opens the fan of [Image 2] and turns her head, so that the earrings of [Image 3] swing."
)
MADE = (
    "A paper boat sails down a street in the rain.",
    "Lanterns rise over a quiet lake at night.",
    "A fox runs over snow, and looks back.",
)
ARE_SEEN = "[...document.querySelectorAll('video')].every(video => video.readyState >= video.HAVE_CURRENT_DATA)"
LIGHT = {"size": DESKTOP, "color_scheme": "light"}
DARK = {"size": DESKTOP, "color_scheme": "dark"}
ON_PHONE = {"size": PHONE, "has_touch": True, "is_mobile": True, "color_scheme": "light"}


def take() -> None:
    """Take all pictures."""
    parameters = {"ClientDayCap": "8", "DayCap": "20", "MonthCap": "300"}
    with (
        Testbed(speed=SPEED, is_jumping=True, parameters=parameters) as testbed,
        Caller(testbed) as caller,
        browser() as opened,
    ):
        studio = _Studio(testbed, caller, opened)
        studio.empty()
        studio.filled()
        studio.faults()
        studio.running()
        studio.playing()
        studio.variants()
        studio.listed()
        studio.operator()


class _Studio:
    """Where the pictures are taken."""

    def __init__(self, testbed: Testbed, caller: Caller, opened: Browser) -> None:
        self.testbed, self.caller, self.opened = testbed, caller, opened
        self.key = testbed.mint_key("mei")
        caller.http.headers["Authorization"] = f"Bearer {self.key}"

    def empty(self) -> None:
        """Show a tab without a key, and the page with one."""
        with visitor(self.opened, self.testbed.coordinates, self.key, **LIGHT) as person:
            person.open()
            expect(person.page.get_by_label("Your key", exact=True)).to_be_visible()
            shoot(person, "key")
            person.enter()
            expect(person.page.get_by_text("No videos yet.")).to_be_visible()
            shoot(person, "empty")

    def filled(self) -> None:
        """Show three pictures, a prompt and a price: on a desktop and on a phone."""
        for name, how in (("filled", LIGHT), ("filled-phone", ON_PHONE)):
            with self.tab(how) as person:
                fill(person)
                shoot(person, name)

    def faults(self) -> None:
        """Show a picture that is too small, a file of another kind, and a prompt that names one that is missing."""
        with self.tab(LIGHT) as person:
            person.add(QIPAO[:1])
            person.add([payload("small.jpg", picture(width=320, height=480, shade=90))])
            person.add([payload("notes.docx", b"Hello.", "application/msword")])
            person.sent(2)
            person.prompt.fill("The woman of [Image 1] waves at [Image 4].")
            expect(person.page.locator(".writing .fault")).to_be_visible()
            expect(person.page.locator(".tile .fault")).to_be_visible()
            shoot(person, "faults")

    def running(self) -> None:
        """Show a video that is being made, above one that was refused and one that is ready."""
        self.make(MADE[0])
        self.testbed.dashscope.fault(on="task", kind="fail", times=1)
        self.make(MADE[1])
        with self.tab(LIGHT) as person:
            self.testbed.dashscope.fault(on="task", kind="never_ends", times=1)
            person.prompt.fill(MADE[2])
            person.priced("$0.70")
            person.make.click()
            person.wait_for("Being made")
            shown(person)
            person.cards.first.scroll_into_view_if_needed()
            shoot(person, "running")

    def playing(self) -> None:
        """Show the video, what one can do with it, and its receipt: in the light and on a phone."""
        with self.tab(LIGHT) as person:
            fill(person)
            person.make.click()
            person.wait_for("Ready")
            place = person.cards.first.get_by_role("link").get_attribute("href") or ""
        for name, how in (("playing", LIGHT), ("playing-phone", ON_PHONE)):
            with self.tab(how, place) as person:
                play(person)
                shoot(person, name)

    def variants(self) -> None:
        """Show three variants: while they are made, and side by side, in the light, in the dark and on a phone."""
        with self.tab(LIGHT) as person:
            self.testbed.dashscope.fault(on="task", kind="never_ends", times=1)
            take_three(person)
            eventually(lambda: "2 of 3 ready" in person.seen(), every_s=0.05, otherwise="they are not made")
            person.cards.first.scroll_into_view_if_needed()
            expect(person.cards.first.locator("img[src^=http]")).to_have_count(2)
            shoot(person, "variants-running")
            take_three(person)
            eventually(lambda: "3 of 3 ready" in person.seen(), every_s=0.05, otherwise="they are not made")
            place = person.cards.first.get_by_role("link").get_attribute("href") or ""
        for name, how in (("variants", LIGHT), ("variants-dark", DARK), ("variants-phone", ON_PHONE)):
            with self.tab(how, place) as person:
                expect(person.page.locator(".variant video")).to_have_count(3)
                person.page.wait_for_function(ARE_SEEN)
                shoot(person, name)

    def listed(self) -> None:
        """Show the list, in the dark and on a phone."""
        for name, how in (("list-dark", DARK), ("list-phone", ON_PHONE)):
            with self.tab(how) as person:
                shown(person)
                person.page.locator(".history").evaluate("list => list.scrollIntoView()")
                shoot(person, name)

    def operator(self) -> None:
        """Show all clients, a drop, the queue and the spending."""
        self.caller.drop({"spring-ad/1.jpg": QIPAO[0].read_bytes(), "spring-ad/prompt.txt": b"[Image 1] smiles."})
        self.caller.wait_for_receipt("spring-ad/status.json")
        key = keys.generate()
        with table(self.testbed):
            client_keys.create(keys.Key(keys.hash_of(key), "operator", self.testbed.clock.now(), is_admin=True))
        with self.tab(LIGHT, key=key) as person:
            shown(person)
            person.page.locator(".stack").evaluate("panel => panel.scrollIntoView()")
            shoot(person, "operator")

    @contextmanager
    def tab(self, how: Mapping[str, Any], place: str = "", key: str = "") -> Iterator[Visitor]:
        """Open the page with a key."""
        with visitor(self.opened, self.testbed.coordinates, key or self.key, **how) as person:
            person.open(place)
            person.enter()
            yield person

    def make(self, prompt: str) -> None:
        """Request a video, and wait until its job has ended."""
        self.caller.wait_for_job(self.caller.create({"prompt": prompt}).json()["id"])


def fill(person: Visitor) -> None:
    """Add three pictures and write a prompt."""
    person.add(QIPAO)
    person.sent(3)
    expect(person.page.locator(".tile img")).to_have_count(3)
    person.prompt.fill(PROMPT)
    person.priced("$0.70")


def take_three(person: Visitor) -> None:
    """Ask for three variants."""
    fill(person)
    person.page.get_by_label("Length").fill("3")
    person.page.get_by_role("radiogroup", name="Variants").get_by_label("3", exact=True).check()
    person.priced_for(3, "$1.26")
    person.make.click()


def play(person: Visitor) -> None:
    """Play the video for a second."""
    video = person.page.locator("dialog video")
    eventually(lambda: video.evaluate("video => video.currentTime > 1"), otherwise="it does not play")
    video.evaluate("video => video.pause()")


def shown(person: Visitor) -> None:
    """Wait until each video that is ready has its thumbnail."""
    ready = person.page.locator(".card.succeeded")
    expect(ready.first).to_be_visible()
    for card in ready.all():
        card.scroll_into_view_if_needed()
        expect(card.locator("img").last).to_be_visible()


def shoot(person: Visitor, name: str) -> None:
    """Keep what the person sees."""
    shot = Image.open(io.BytesIO(person.page.screenshot(animations="disabled"))).convert("RGB")
    shot.save(FOLDER / f"page-{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    if CHROMIUM is None:
        raise SystemExit(NO_BROWSER)
    take()
