"""Variants in the page: several videos of one request, chosen, watched and played side by side."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from gallop.adapters.table import client_keys
from playwright.sync_api import expect

from tests.e2e.page.test_network import HIDE, RECORD_NOTICES, creates, in_turn
from tests.e2e.page.test_whole_way import violations
from tests.e2e.test_keys import table
from tests.support.browser import CHROMIUM, NO_BROWSER, PHONE, visitor
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Route

    from tests.e2e.caller import Caller
    from tests.support.browser import Visitor
    from tests.testbed.stack import Testbed

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)


def make(person: Visitor, prompt: str, count: int) -> Locator:
    """Ask for variants; return their card."""
    person.prompt.fill(prompt)
    choose(person, count)
    person.priced_for(count, f"${0.7 * count:.2f}")
    person.make.click()
    card = person.page.locator(".card.group", has_text=prompt)
    expect(card).to_have_count(1)
    return card


def choose(person: Visitor, count: int) -> None:
    """Choose how many."""
    person.page.get_by_role("radiogroup", name="Variants").get_by_label(str(count), exact=True).check()


def ready(card: Locator, count: int) -> None:
    """Wait until all variants are made."""
    eventually(lambda: f"{count} of {count} ready" in card.inner_text(), every_s=0.05, otherwise="not all are ready")


def test_three_variants_are_compared_and_one_goes_on(person: Visitor, caller: Caller) -> None:
    """One price for all, one card, side by side with their seeds, played together; the best seed is used again."""
    person.open()
    person.enter()
    card = make(person, "Three boats.", 3)
    ready(card, 3)
    assert 3 == len(caller.tasks_for("Three boats."))
    expect(card.locator(".line .cost")).to_have_text("$2.10")
    card.get_by_role("link").click()
    dialog = person.page.locator("dialog")
    group = (card.get_by_role("link").get_attribute("href") or "").removeprefix("#")
    jobs = caller.http.get(f"/v1/videos/{group}").json()["data"]
    for place, job in enumerate(jobs, 1):
        expect(dialog.get_by_role("region", name=f"Variant {place}")).to_contain_text(f"Seed {job['seed']}")
    expect(dialog.locator("video")).to_have_count(3)
    dialog.get_by_role("button", name="Play all together").click()
    times = "videos => videos.map(video => video.currentTime)"
    videos = dialog.locator("video")
    eventually(lambda: min(videos.evaluate_all(times)) > 0.3, otherwise="they do not play together")
    dialog.get_by_role("button", name="Pause all").click()
    assert 1 == len(set(videos.evaluate_all(times)))
    second = dialog.get_by_role("region", name="Variant 2")
    with person.page.expect_download() as download:
        second.get_by_role("button", name="Download").click()
    assert "three-boats-2.mp4" == download.value.suggested_filename
    second.get_by_role("button", name="Again with this seed").click()
    expect(person.page.get_by_label("Seed")).to_have_value(str(jobs[1]["seed"]))
    person.priced("$0.70")


def test_a_double_click_a_lost_answer_and_a_reload_are_one_group(person: Visitor, caller: Caller) -> None:
    """Whatever happens to the answer, there are as many tasks as were asked for."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(json.loads(route.fetch().body())["id"])
        route.abort()

    person.open()
    person.enter()
    person.prompt.fill("Lost boats.")
    choose(person, 2)
    person.priced_for(2, "$1.40")
    creates(person, in_turn(lose, lose))
    person.make.dblclick()
    expect(person.page.locator(".messages .note")).to_be_visible()
    person.page.reload()
    person.enter()
    card = person.page.locator(".card.group", has_text="Lost boats.")
    ready(card, 2)
    assert 1 == len(set(lost))
    assert 2 == len(caller.tasks_for("Lost boats."))


def test_one_variant_is_cancelled_and_then_the_rest(person: Visitor, testbed: Testbed) -> None:
    """What has not begun costs nothing; the answers are beside their variants."""
    testbed.dashscope.fault(on="submit", kind="429", times=10_000)
    person.open()
    person.enter()
    card = make(person, "Never boats.", 3)
    card.get_by_role("link").click()
    dialog = person.page.locator("dialog")
    second = dialog.get_by_role("region", name="Variant 2")
    second.get_by_role("button", name="Cancel").click()
    second.get_by_role("button", name="Yes, cancel it").click()
    expect(second.locator(".state")).to_have_text("Cancelled")
    dialog.get_by_role("button", name="Close").click()
    expect(card).to_contain_text("Variant 2: The job has been cancelled. Nothing was charged.")
    card.get_by_role("button", name="Cancel all variants").click()
    card.get_by_role("button", name="Yes, cancel all").click()
    # A request that is on its way to DashScope at this moment is too late.
    expect(card.locator(".note").first).to_contain_text(re.compile("has been cancelled|Too late"))
    expect(card.get_by_role("button", name="Cancel all variants")).to_have_count(0)
    testbed.dashscope.faults.clear()


def test_a_cancel_of_all_has_its_honest_answers(person: Visitor, testbed: Testbed) -> None:
    """All are too late: it is said once, not three times; and after a failure of one the others are made."""
    testbed.dashscope.fault(on="task", kind="fail", times=1)
    testbed.dashscope.fault(on="task", kind="never_ends", times=1)
    person.open()
    person.enter()
    card = make(person, "Late boats.", 3)
    eventually(lambda: "1 of 3 ready" in card.inner_text(), every_s=0.05, otherwise="none is ready")
    eventually(lambda: card.locator(".fault").count(), every_s=0.05, otherwise="none has failed")
    card.get_by_role("button", name="Cancel all variants").click()
    card.get_by_role("button", name="Yes, cancel all").click()
    expect(card.locator(".note")).to_contain_text("Too late to cancel")
    expect(card.locator(".note")).to_have_count(1)
    expect(card.locator(".fault")).to_contain_text("DashScope")


def test_one_notification_for_all_variants(chromium: Browser, testbed: Testbed) -> None:
    """It says how many are ready; the title counts one."""
    with visitor(chromium, testbed.coordinates, testbed.mint_key("all-notified")) as person:
        person.page.add_init_script(RECORD_NOTICES)
        person.open()
        person.enter()
        person.page.evaluate("sessionStorage.setItem('gallop.notify', 'yes')")
        testbed.dashscope.fault(on="task", kind="fail", times=1)
        make(person, "Notify me.", 2)
        person.page.evaluate(HIDE, True)
        eventually(lambda: person.page.evaluate("window.notices.length"), every_s=0.05)
        assert [["1 of your 2 variants is ready", "Notify me."]] == person.page.evaluate("window.notices")
        assert person.page.title().startswith("(1)")


def test_a_key_that_is_revoked_while_variants_are_shown(chromium: Browser, testbed: Testbed) -> None:
    """The next key shows them again, above everything else."""
    with visitor(chromium, testbed.coordinates, testbed.mint_key("revoked")) as person:
        person.open()
        person.enter()
        testbed.dashscope.fault(on="task", kind="never_ends", times=1)
        make(person, "Revoked boats.", 2).get_by_role("link").click()
        expect(person.page.locator(".variant")).to_have_count(2)
        with table(testbed):
            (key,) = client_keys.listed("revoked")
            assert client_keys.revoke(key, testbed.clock.now())
        expect(person.page.get_by_text("Your key no longer works")).to_be_visible()
        person.key = testbed.mint_key("revoked")
        person.paste(person.key)
        expect(person.page.locator("dialog:modal .variant")).to_have_count(2)


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing(chromium: Browser, testbed: Testbed, look: str) -> None:
    """Neither in the card of a group, nor in its variants side by side; on a phone they are below each other."""
    how = {"size": PHONE, "has_touch": True, "is_mobile": True} if look == "phone" else {"color_scheme": look}
    with visitor(
        chromium, testbed.coordinates, testbed.mint_key(f"axe-{look}"), reduced_motion="reduce", **how
    ) as person:
        person.open()
        person.enter()
        testbed.dashscope.fault(on="task", kind="fail", times=1)
        card = make(person, "Axe.", 2)
        eventually(lambda: "1 of 2 ready" in card.inner_text() and "%" not in card.inner_text(), every_s=0.05)
        found = violations(person.page)
        card.get_by_role("link").click()
        expect(person.page.locator("dialog video")).to_be_visible()
        found += violations(person.page)
        person.page.get_by_role("button", name="Details").first.click()
        expect(person.page.locator("dialog")).to_contain_text("Variant 1 of 2")
        found += violations(person.page)
        person.page.get_by_role("button", name="Show all 2").click()
        expect(person.page.locator(".variant")).to_have_count(2)
        boxes = [one.bounding_box() for one in person.page.locator(".variant").all()]
    assert [] == found
    first, second = (box for box in boxes if box)
    assert (look == "phone") == (first["x"] == second["x"])
