"""The page in a real browser: from an empty tab to a playing video, and one job whatever happens on the way."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import CHROMIUM, NO_BROWSER, PHONE, QIPAO, payload, visitor
from tests.support.scripts import ROOT
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.e2e.caller import Caller
    from tests.support.browser import Visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)

MAX_BYTES = 150_000
HOSTILE = '<img src=x onerror="document.title=1"> [Image 1] \u202egnp.exe {name}'


def test_pictures_and_a_sentence_become_a_playing_video(person: Visitor, caller: Caller) -> None:
    """Key, pictures, a prompt with chips, the price, one click: the card moves until the video plays."""
    person.open()
    person.enter()
    person.add(QIPAO)
    person.sent(3)
    person.prompt.fill("The woman of")
    person.page.get_by_role("button", name="Insert [Image 1]").click()
    person.page.keyboard.type("waves.")
    expect(person.prompt).to_have_value("The woman of [Image 1] waves.")
    person.priced("$0.70")
    person.make.click()
    expect(person.cards).to_have_count(1)
    person.wait_for("Ready")
    assert 1 == len(caller.tasks_for("The woman of [Image 1] waves."))
    person.cards.first.get_by_role("link").click()
    played = person.page.locator("video")
    eventually(lambda: played.evaluate("video => video.currentTime > 0.2"), otherwise="it does not play")
    played.evaluate("video => { video.pause(); video.currentTime = 3; }")
    eventually(
        lambda: played.evaluate("video => !video.seeking && video.currentTime >= 3"), otherwise="it does not seek"
    )
    with person.page.expect_download() as download:
        person.page.get_by_role("button", name="Download").click()
    assert "the-woman-of-waves.mp4" == download.value.suggested_filename


def test_a_double_click_is_one_job(person: Visitor, caller: Caller) -> None:
    """The second click, at once or a moment after the answer, makes nothing."""
    person.open()
    person.enter()
    person.prompt.fill("Twice.")
    person.priced("$0.70")
    person.make.dblclick()
    expect(person.page.locator(".card", has_text="Twice.")).to_have_count(1)
    person.make.click()
    person.wait_for("Ready")
    assert 1 == len(caller.tasks_for("Twice."))


def test_a_lost_answer_and_a_reload_are_one_job(person: Visitor, caller: Caller) -> None:
    """The job was made and its answer lost; the tab is reloaded and forgets the key: it continues with the next."""
    lost: list[int] = []
    is_losing = True

    # Not removed by `unroute_all`: that would hand a request of the moment to the network, and its answer to the page.
    def lose(route: Route) -> None:
        if is_losing and route.request.method == "POST" and "dry_run" not in (route.request.post_data or ""):
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    person.open()
    person.enter()
    person.prompt.fill("Lost.")
    person.priced("$0.70")
    person.page.route("**/v1/videos", lose)
    person.make.click()
    expect(person.page.locator(".messages .note")).to_be_visible()
    person.page.reload()
    is_losing = False
    expect(person.page.get_by_text("A request is not answered yet.")).to_be_visible()
    person.enter()
    expect(person.page.locator(".card", has_text="Lost.")).to_have_count(1)
    expect(person.prompt).to_have_value("")
    assert {202} == set(lost)
    made = [job for job in caller.http.get("/v1/videos").json()["data"] if job["prompt"] == "Lost."]
    assert 1 == len(made)


def test_faults_are_beside_their_fields(person: Visitor) -> None:
    """A wrong key, files that cannot be used, and what the API finds: each with what to do."""
    person.open()
    person.paste("gallop_wrong")
    expect(person.page.get_by_text("This key does not work.")).to_be_visible()
    person.enter()
    empty, text = payload("a.png", b"", "image/png"), payload("b.txt", b"", "text/plain")
    person.add([empty, text])
    expect(person.page.locator(".notes .fault")).to_contain_text(["a.png is empty.", "b.txt is neither"])
    person.prompt.fill("[Image 2] smiles.")
    fault = person.page.locator(".writing .faults")
    expect(fault).to_contain_text("refers to [Image 2], but the request has none")
    described = person.prompt.get_attribute("aria-describedby")
    assert fault.get_attribute("id") == described
    person.prompt.fill("長" * 2400)
    expect(person.page.locator(".counter")).to_have_text("4,800 of 5,000 characters")


def test_names_and_prompts_are_only_text(person: Visitor) -> None:
    """Markup in a prompt or a name of 1,000 characters is shown as it is, and turns nothing around it."""
    person.open()
    person.enter()
    person.add([payload(f"{'א' * 1000}.jpg", QIPAO[0].read_bytes())])
    person.sent(1)
    assert person.page.locator(".tile").first.evaluate("tile => tile.scrollWidth <= tile.clientWidth")
    person.prompt.fill(HOSTILE)
    person.priced("$0.70")
    person.make.click()
    expect(person.cards.first.locator(".prompt")).to_have_text(HOSTILE)
    assert 0 == person.page.locator(".card img[src=x]").count()
    assert "Gallop" == person.page.title()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing(chromium: Browser, caller: Caller, look: str) -> None:
    """Neither in the welcome, nor in the page with files, jobs, faults and options, nor in a job."""
    how = {"size": PHONE, "has_touch": True, "is_mobile": True} if look == "phone" else {"color_scheme": look}
    with visitor(chromium, caller.at, reduced_motion="reduce", **how) as person:
        person.open()
        found = {"welcome": violations(person.page)}
        person.enter()
        person.add(QIPAO[:1])
        person.sent(1)
        person.prompt.fill("[Image 4] smiles.")
        person.page.get_by_text("More options").click()
        expect(person.page.locator(".writing .fault")).to_be_visible()
        found["page"] = violations(person.page)
        person.page.get_by_role("button", name="Account of").click()
        found["menu"] = violations(person.page)
        person.page.keyboard.press("Escape")
        person.cards.last.get_by_role("link").click()
        expect(person.page.locator("dialog video")).to_be_visible()
        found["job"] = violations(person.page)
    assert {} == {place: some for place, some in found.items() if some}


def test_the_page_is_small() -> None:
    """All of it, compressed, is under 150 KB."""
    files = [
        path for path in (ROOT / "functions" / "page").iterdir() if path.suffix in (".html", ".js", ".css", ".svg")
    ]
    total = sum(len(gzip.compress(path.read_bytes())) for path in files)
    assert total < MAX_BYTES


def violations(page: Page) -> list[str]:
    """Return what axe finds."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only where a browser is

    return [
        f"{one['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for one in Axe().run(page).response["violations"]
        for node in one["nodes"]
    ]
