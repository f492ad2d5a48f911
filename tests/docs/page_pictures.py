"""Takes the pictures of docs/page.md, in a browser on the testbed: ``python -m tests.docs.page_pictures``.

No test compares them: they show times and progress. Take them again when the page looks different.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gallop.adapters.table import client_keys
from gallop.domain.clients import keys
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.caller import Caller
from tests.e2e.test_keys import table
from tests.support.browser import PHONE, QIPAO, browser, visitor
from tests.support.scripts import ROOT
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.browser import Visitor

FOLDER = ROOT / "docs" / "images"
WIDTH, QUALITY = 960, 82
PROMPT = "The woman of [Image 1] raises the fan of [Image 2], and petals fall."
OTHERS = ("A horse gallops over a wide meadow at dawn.", "Rain on the window of a night train.")
CAPS = {"ClientDayCap": "4", "DayCap": "20"}


def save(person: Visitor, name: str) -> None:
    """Save what the person sees."""
    person.page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(person.page.screenshot(animations="disabled")))
    scale = min(1, WIDTH / picture.width)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    small.save(FOLDER / f"page-{name}.webp", quality=QUALITY, method=6)


def write(person: Visitor, prompt: str, price: str = "$0.70") -> None:
    """Write a prompt, and wait for its price."""
    person.prompt.fill(prompt)
    person.priced(price)
    person.prompt.blur()


def make(person: Visitor) -> None:
    """Show the welcome, a request with a fault and without, jobs, and a video."""
    person.open()
    save(person, "welcome")
    person.enter()
    for prompt in OTHERS:
        write(person, prompt)
        person.make.click()
        expect(person.cards.first).to_contain_text(prompt)
        person.wait_for("Ready")
    person.add(QIPAO)
    person.sent(3)
    person.prompt.fill(PROMPT.replace("2", "4"))
    expect(person.page.locator(".writing .fault")).to_be_visible()
    save(person, "fault")
    write(person, PROMPT)
    save(person, "make")
    person.make.click()
    person.wait_for("Being made")
    person.page.mouse.wheel(0, 400)
    expect(person.page.locator(".card img:visible")).to_have_count(3)
    save(person, "watch")
    person.wait_for("Ready")
    person.cards.first.get_by_role("link").click()
    expect(person.page.locator("dialog video")).to_be_visible()
    person.page.locator("dialog video").evaluate(
        "video => video.readyState > 2 || new Promise(done => video.oncanplay = done)"
    )
    person.page.locator("dialog video").evaluate("video => { video.pause(); }")
    save(person, "play")


def operate(opened: Browser, testbed: Testbed) -> None:
    """Show what an operator sees, in the dark, with a drop."""
    key = keys.generate()
    with table(testbed):
        client_keys.create(keys.Key(keys.hash_of(key), "operator", testbed.clock.now(), is_admin=True))
    with visitor(opened, testbed.coordinates, key, color_scheme="dark") as person:
        person.open()
        person.enter()
        person.page.locator(".stack").scroll_into_view_if_needed()
        person.page.mouse.wheel(0, 420)
        expect(person.page.locator(".card img:visible")).to_have_count(4)
        save(person, "operator")


def carry(opened: Browser, testbed: Testbed) -> None:
    """Show a request on a phone."""
    with visitor(opened, testbed.coordinates, size=PHONE, has_touch=True, is_mobile=True) as person:
        person.open()
        person.enter()
        person.add(QIPAO[:2])
        person.sent(2)
        write(person, PROMPT)
        save(person, "phone")


def main() -> None:
    """Take all pictures."""
    with (
        Testbed(speed=20.0, is_jumping=True, parameters=CAPS) as testbed,
        Caller(testbed) as caller,
        browser() as opened,
    ):
        files = {f"spring ad/{path.name}": path.read_bytes() for path in QIPAO}
        caller.drop({**files, "spring ad/prompt.txt": b"A spring advertisement for the earrings of [Image 3]."})
        caller.wait_for_receipt("spring ad/status.json")
        with visitor(opened, testbed.coordinates) as person:
            make(person)
        operate(opened, testbed)
        carry(opened, testbed)


if __name__ == "__main__":
    main()
