"""The page's list in a real browser: 300 jobs, filters, what an operator sees, and videos made again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest
from gallop.adapters.table import client_keys, jobs
from gallop.domain.clients import keys
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState
from playwright.sync_api import expect

from tests.e2e.test_keys import table
from tests.support.browser import CHROMIUM, NO_BROWSER, QIPAO, visitor
from tests.support.jobs import a_job, a_request
from tests.support.pictures import picture
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Route

    from tests.e2e.caller import Caller
    from tests.support.browser import Visitor
    from tests.testbed.stack import Testbed

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)

COUNT, PAGE = 300, 20
HOUR = 3600
FAILURE = Failure(
    FailureCode.GENERATION_FAILED, "DashScope could not make the video", "DataInspectionFailed", "Not allowed."
)


@pytest.fixture(scope="module")
def many(testbed: Testbed) -> str:
    """Record 300 jobs of a client, one per hour; return its key."""
    environment = testbed.aws.deployment.functions["SubmitFunction"].environment
    with table(testbed), patch.dict("os.environ", {name: str(value) for name, value in environment.items()}):
        for number in range(COUNT):
            created = testbed.clock.now() - (number + 1) * HOUR
            state = JobState.FAILED if number % 10 == 0 else JobState.CANCELLED
            job = a_job(state, created, client="prolific", failure=FAILURE if state is JobState.FAILED else None)
            job = replace(job, request=a_request(prompt=f"Number {number}."), created_at=created, ended_at=created)
            jobs.create(job)
            jobs.close(job)
    return testbed.mint_key("prolific")


@pytest.fixture
def operator(chromium: Browser, testbed: Testbed) -> Iterator[Visitor]:
    """Give an operator with an empty tab."""
    key = keys.generate()
    with table(testbed):
        client_keys.create(keys.Key(keys.hash_of(key), "operator", testbed.clock.now(), is_admin=True))
    with visitor(chromium, testbed.coordinates, key) as here:
        here.open()
        here.enter()
        yield here


def down(person: Visitor) -> int:
    """Scroll to the end of what is there; return the number of cards."""
    person.page.mouse.wheel(0, 100_000)
    return person.cards.count()


def test_all_of_300_jobs_are_found_by_scrolling(chromium: Browser, testbed: Testbed, many: str) -> None:
    """Page by page, each once, newest first; a page that is loaded stays quick."""
    with visitor(chromium, testbed.coordinates, many) as person:
        person.open()
        person.enter()
        expect(person.cards.first).to_contain_text("Number 0.")
        assert PAGE <= person.cards.count() < COUNT
        eventually(lambda: down(person) == COUNT, every_s=0.05, otherwise="not all were found")
        prompts = person.page.locator(".card .prompt").all_text_contents()
        assert [f"Number {number}." for number in range(COUNT)] == prompts
        assert 0 == person.page.locator(".end button").count()


def test_the_list_is_filtered_by_state_and_time(chromium: Browser, testbed: Testbed, many: str) -> None:
    """Both at once; what is found nowhere is said; a job that failed says what to do."""
    with visitor(chromium, testbed.coordinates, many) as person:
        person.open()
        person.enter()
        person.page.get_by_label("Filter by time").select_option("Last 24 hours")
        expect(person.cards).to_have_count(PAGE)
        more = person.page.get_by_role("button", name="Show more")
        eventually(lambda: down(person) > PAGE and not more.count(), every_s=0.05, otherwise="the end was not found")
        # The clock of the testbed may be an hour ahead by now.
        assert 21 <= person.cards.count() <= 23
        person.page.get_by_label("Filter by state").select_option("Ready")
        expect(person.page.get_by_text("Nothing found. Change the filters.")).to_be_visible()
        person.page.get_by_label("Filter by time").select_option("Dates …")
        person.page.get_by_label("Filter by state").select_option("Not made")
        person.page.get_by_label("From").fill("2000-01-01")
        person.page.get_by_label("To", exact=True).fill("2000-01-31")
        expect(person.page.get_by_text("Nothing found. Change the filters.")).to_be_visible()
        person.page.get_by_label("From").fill("")
        person.page.get_by_label("To", exact=True).fill("2199-01-31")
        expect(person.cards.first).to_contain_text("DashScope could not make the video.")
        expect(person.cards.first).to_contain_text("Change the prompt or the images")


def test_an_operator_sees_a_drop_appear(operator: Visitor, caller: Caller) -> None:
    """Without a reload, with its name; and the slots and the spending of the stack. Filters find it."""
    expect(operator.page.get_by_role("heading", name="All videos")).to_be_visible()
    caller.drop({"spring ad/1.jpg": picture(), "spring ad/prompt.txt": b"A drop of [Image 1]."})
    caller.wait_for_receipt("spring ad/status.json")
    card = operator.page.locator(".card", has_text="A drop of [Image 1].")
    expect(card).to_contain_text("spring ad")
    expect(card.locator(".badge")).to_have_text("drop")
    expect(operator.page.locator(".stack")).to_contain_text("slots used")
    expect(operator.page.locator(".stack")).to_contain_text("today")
    operator.page.get_by_label("Filter by door").select_option("Requests")
    expect(card).to_have_count(0)
    operator.page.get_by_label("Filter by door").select_option("Drops")
    expect(card).to_have_count(1)
    card.get_by_role("link").click()
    expect(operator.page.locator("dialog")).to_contain_text(
        "To make another one, change the files and drop them again."
    )


def test_an_operator_finds_the_jobs_of_a_client(operator: Visitor, many: str) -> None:
    """By its name; a name of nobody finds nothing."""
    del many
    field = operator.page.get_by_label("Filter by client")
    field.fill("prolific")
    field.press("Enter")
    expect(operator.cards).to_have_count(PAGE)
    field.fill("nobody")
    field.press("Enter")
    expect(operator.page.get_by_text("Nothing found. Change the filters.")).to_be_visible()


def test_an_operator_makes_the_video_of_a_client_again(operator: Visitor, testbed: Testbed) -> None:
    """As a video of the operator's own, if its files can be used; otherwise the page says why not."""
    key = testbed.mint_key("ada")
    with httpx.Client(base_url=testbed.coordinates.api_url, headers={"Authorization": f"Bearer {key}"}) as ada:
        form = ada.post("/v1/uploads", json={"content_type": "image/jpeg"}).json()
        httpx.post(form["url"], data=form["fields"], files={"file": picture()}).raise_for_status()
        for body in ({"prompt": "The cat of [Image 1].", "images": [form["id"]]}, {"prompt": "Of a client."}):
            ada.post("/v1/videos", json=body).raise_for_status()
    operator.page.reload()
    operator.enter()
    dialog = operator.page.locator("dialog")
    expect(operator.page.locator(".card.succeeded", has_text="Of a client.")).to_have_count(1)
    expect(operator.page.locator(".card.succeeded", has_text="The cat of [Image 1].")).to_have_count(1)
    operator.page.locator(".card", has_text="The cat of [Image 1].").get_by_role("link").click()
    expect(dialog).to_contain_text("The files of this video belong to")
    expect(dialog.get_by_role("button", name="Again")).to_have_count(0)
    dialog.get_by_role("button", name="Close").click()
    operator.page.locator(".card", has_text="Of a client.").get_by_role("link").click()
    expect(dialog).to_contain_text("Another one is yours")
    dialog.get_by_role("button", name="Again, another seed").click()
    again = operator.page.locator(".card", has_text="Of a client.")
    expect(again).to_have_count(2)
    expect(again.first.locator(".whose")).to_have_text("operator")


def test_others_see_no_more_than_their_own(person: Visitor, many: str) -> None:
    """Neither the stack, nor the jobs of others, nor the filters for them."""
    del many
    person.open()
    person.enter()
    expect(person.page.get_by_role("heading", name="Your videos")).to_be_visible()
    assert 0 == person.page.get_by_text("Number 0.").count()
    assert person.page.locator(".stack").is_hidden()
    assert 0 == person.page.get_by_label("Filter by client").count()


def bound(route: Route) -> None:
    """Let a create ask for an account."""
    body = route.request.post_data_json
    route.continue_(post_data=json.dumps({**body, "account": "default"}) if body and "dry_run" not in body else None)


def test_a_video_is_made_again_and_edited(person: Visitor, caller: Caller) -> None:
    """Again: the same with another seed. Edit: everything is in the panel, files included, and can be changed.

    Both may be made only where the first one may, which the page cannot choose.
    """
    person.open()
    person.enter()
    person.add(QIPAO[:2])
    person.sent(2)
    person.prompt.fill("Again and [Image 1].")
    person.page.get_by_label("Length").fill("3")
    person.priced("$0.42")
    person.page.route("**/v1/videos", bound)
    person.make.click()
    expect(person.cards).to_have_count(1)
    person.page.unroute("**/v1/videos")
    person.wait_for("Ready")
    person.cards.first.get_by_role("link").click()
    dialog = person.page.locator("dialog")
    expect(dialog).to_contain_text("3 s x $0.14 = $0.42")
    expect(dialog).to_contain_text("SHA-256")
    expect(dialog).to_contain_text("Made by AI")
    with person.page.expect_download() as receipt:
        dialog.get_by_role("button", name="Save receipt").click()
    assert receipt.value.suggested_filename.startswith("job_")
    dialog.get_by_role("button", name="Again, another seed · $0.42").click()
    expect(person.cards).to_have_count(2)
    person.wait_for("Ready")
    person.cards.first.get_by_role("link").click()
    dialog.get_by_role("button", name="Edit and rerun").click()
    expect(person.prompt).to_have_value("Again and [Image 1].")
    person.sent(2)
    person.page.get_by_label("Length").fill("4")
    person.priced("$0.56")
    person.make.click()
    expect(person.cards).to_have_count(3)
    third, second, first = caller.http.get("/v1/videos").json()["data"]
    sources = [[one["source"] for one in job["media"]] for job in (first, second, third)]
    assert sources[0] == sources[1]
    assert sources[0] == sources[2]
    assert [{"account": "default", "tags": {}}] * 3 == [job["placement"] for job in (first, second, third)]
    assert first["seed"] is None
    assert second["seed"] is not None
    assert second["seed"] == third["seed"]
    assert 4 == third["duration"]
