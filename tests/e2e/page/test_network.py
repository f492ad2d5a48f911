"""The page when something goes wrong in a browser: reloads, no network, lost answers, caps, keys, a wrong clock."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from gallop.adapters.table import client_keys
from gallop.domain.clients import keys
from playwright.sync_api import expect

from tests.e2e.test_keys import table
from tests.support.browser import CHROMIUM, NO_BROWSER, QIPAO, visitor
from tests.support.waiting import eventually
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Request, Route

    from tests.e2e.caller import Caller
    from tests.support.browser import Visitor

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=NO_BROWSER)

SPEED = 20.0
EXPIRED = "<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>"
HIDE = """isHidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => isHidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
RECORD_NOTICES = """
window.notices = [];
window.Notification = class { constructor(title, options) { window.notices.push([title, options.body]); } close() {} };
Object.assign(Notification, {permission: "granted", requestPermission: async () => "granted"});
"""


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run the template with room for two jobs of 0.70 per client and day."""
    with Testbed(speed=SPEED, is_jumping=True, parameters={"ClientDayCap": "1.50"}) as running:
        yield running


@pytest.fixture
def person(chromium: Browser, testbed: Testbed, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Give each test a client of its own."""
    with visitor(chromium, testbed.coordinates, testbed.mint_key(client_of(request))) as here:
        here.open()
        here.enter()
        yield here


def client_of(request: pytest.FixtureRequest) -> str:
    """Name the client of a test."""
    return str(request.node.name).removeprefix("test_").replace("_", "-")[:40]


def creates(person: Visitor, answer: Callable[[Route], None]) -> None:
    """Answer each create in another way; dry runs pass."""

    def choose(route: Route) -> None:
        if is_create(route.request):
            answer(route)
        else:
            route.continue_()

    person.page.route("**/v1/videos", choose)


def is_create(request: Request) -> bool:
    """Return whether a request makes a job."""
    return request.method == "POST" and not json.loads(request.post_data or "{}").get("dry_run")


def in_turn(*answers: Callable[[Route], None]) -> Callable[[Route], None]:
    """Return what answers with one after the other, and then as the API does."""
    left = list(answers)
    return lambda route: left.pop(0)(route) if left else route.continue_()


def problem(status: int, code: str, **headers: str) -> Callable[[Route], None]:
    """Return what refuses a request."""
    body = json.dumps({"title": code, "status": status, "detail": f"This is {code}.", "code": code, "remedy": "Wait."})
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda route: route.fulfill(status=status, body=body, content_type="application/problem+json", headers=sent)


def gateway(status: int, message: str) -> Callable[[Route], None]:
    """Return what answers as API Gateway does itself."""
    return lambda route: route.fulfill(status=status, body=json.dumps({"message": message}))


def describe(person: Visitor, prompt: str) -> None:
    """Write a prompt, and wait for its price."""
    person.prompt.fill(prompt)
    person.priced("$0.70")


def made(person: Visitor, caller: Caller, prompt: str) -> int:
    """Wait until a job succeeded; return how many tasks it has."""
    expect(person.page.locator(".card", has_text=prompt)).to_have_count(1)
    person.wait_for("Ready")
    return len(caller.tasks_for(prompt))


def test_a_reload_at_each_step_loses_nothing(person: Visitor, caller: Caller) -> None:
    """Files that are sent, prompt and parameters are there again; so are the job, and the video that was open."""
    person.add(QIPAO[:2])
    person.sent(2)
    person.prompt.fill("Reloaded.")
    person.page.get_by_label("Length").fill("4")
    person.priced("$0.56")
    person.page.reload()
    person.enter()
    expect(person.page.locator(".tile.sent img")).to_have_count(2)
    expect(person.prompt).to_have_value("Reloaded.")
    person.priced("$0.56")
    person.make.click()
    expect(person.cards).to_have_count(1)
    person.page.reload()
    person.enter()
    assert 1 == made(person, caller, "Reloaded.")
    expect(person.page.locator(".tile")).to_have_count(0)
    person.cards.first.get_by_role("link").click()
    expect(person.page.locator("dialog video")).to_be_visible()
    person.page.reload()
    person.enter()
    expect(person.page.locator("dialog video")).to_be_visible()


def test_a_reload_during_an_upload_says_what_is_missing(person: Visitor, caller: Caller) -> None:
    """A browser gives a page no file again: its tile says so, and nothing is made without it."""
    person.page.route(f"{caller.at.aws_endpoint_url}/**", lambda _: None)
    person.add(QIPAO[:1])
    expect(person.page.locator(".tile.sending")).to_have_count(1)
    person.page.reload()
    person.enter()
    expect(person.page.locator(".tile.lost")).to_contain_text("Not sent before the page was reloaded.")
    person.prompt.fill("Incomplete.")
    person.make.click()
    expect(person.page.locator(".messages")).to_contain_text("A file was not sent.")
    assert [] == caller.tasks_for("Incomplete.")


def test_offline_and_back(person: Visitor, caller: Caller) -> None:
    """The page says so; the upload, the create and the questions continue when the network is back."""
    context = person.page.context
    context.set_offline(offline=True)
    expect(person.page.locator(".banner")).to_contain_text("You are offline.")
    person.add(QIPAO[:1])
    expect(person.page.locator(".tile.paused")).to_have_count(1)
    context.set_offline(offline=False)
    person.sent(1)
    describe(person, "Offline.")
    context.set_offline(offline=True)
    person.make.click()
    expect(person.page.locator(".messages")).to_contain_text("You are offline. Your request is safe.")
    context.set_offline(offline=False)
    assert 1 == made(person, caller, "Offline.")
    expect(person.page.locator(".banner")).to_be_hidden()


def test_an_upload_starts_again_after_a_break(person: Visitor, caller: Caller) -> None:
    """A broken connection uses the same form; one that S3 no longer takes is replaced. There is one object of each."""
    expired = {"status": 403, "body": EXPIRED, "headers": {"Access-Control-Allow-Origin": caller.at.api_url}}
    person.page.route(
        f"{caller.at.aws_endpoint_url}/**",
        in_turn(lambda route: route.abort("connectionreset"), lambda route: route.fulfill(**expired)),  # type: ignore[arg-type]
    )
    person.add(QIPAO[:1])
    person.sent(1)
    assert 2 == sum(url.endswith("/v1/uploads") for url in person.requested)
    assert 3 == sum(url.startswith(caller.at.aws_endpoint_url) for url in person.requested)
    person.priced("$0.70")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (problem(429, "too_many_requests", retry_after="40"), "Too many requests at once. Trying again in"),
        (problem(503, "draining", retry_after="40"), "This is draining. Trying again in"),
        (lambda route: route.fulfill(status=503, body='{"message": "Service Unavailable"}'), "No answer yet."),
        (lambda route: route.abort("timedout"), "No answer yet."),
    ],
    ids=["rate", "draining", "gateway", "silence"],
)
def test_a_create_is_sent_again(person: Visitor, caller: Caller, answer: Callable[[Route], None], words: str) -> None:
    """When the API says so, or says nothing, with the same Idempotency-Key."""
    prompt = f"Again, {person.key[-8:]}."
    used: list[str] = []

    def note(request: Request) -> None:
        if is_create(request):
            used.append(request.headers["idempotency-key"])

    person.page.on("request", note)
    describe(person, prompt)
    creates(person, in_turn(answer))
    person.make.click()
    expect(person.page.locator(".messages")).to_contain_text(words)
    assert 1 == made(person, caller, prompt)
    assert 2 == len(used)
    assert 1 == len(set(used))


def test_a_person_may_try_again_when_nothing_is_answered(person: Visitor, caller: Caller) -> None:
    """After several tries the page asks; one job is made, however often it is tried."""
    describe(person, "Stubborn.")
    creates(person, lambda route: route.fulfill(status=502, body=""))
    person.make.click()
    expect(person.page.locator(".messages")).to_contain_text("The server does not answer.")
    person.page.unroute_all()
    person.page.locator(".messages").get_by_role("button", name="Try again").click()
    assert 1 == made(person, caller, "Stubborn.")


def test_a_cap_is_shown_when_it_is_near_and_when_it_is_reached(person: Visitor) -> None:
    """With what is left, what the video costs, and when the cap resets; a shorter video fits again."""
    for prompt in ("First.", "Second."):
        describe(person, prompt)
        person.make.click()
        expect(person.cards.first).to_contain_text(prompt)
        if prompt == "First.":
            expect(person.page.locator(".caps")).to_have_text("$0.80 of your $1.50 for today is left.")
    fault = person.page.locator(".messages .fault")
    expect(fault).to_contain_text("Your cap for today is $1.50, $0.10 of it is left, and this costs $0.70.")
    expect(fault).to_contain_text("Make a shorter one, or wait until")
    expect(person.page.locator(".spent")).to_contain_text("$1.40 of $1.50 today")


def test_a_revoked_key_is_replaced_without_a_loss(
    person: Visitor, testbed: Testbed, request: pytest.FixtureRequest, caller: Caller
) -> None:
    """The page says what happened, keeps the draft, and continues with the next key."""
    person.add(QIPAO[:1])
    person.sent(1)
    person.prompt.fill("Revoked.")
    person.page.get_by_label("Filter by state").select_option("Not made")
    with table(testbed):
        (key,) = [one for one in client_keys.listed() if one.hash == keys.hash_of(person.key)]
        assert client_keys.revoke(key, testbed.clock.now())
    expect(person.page.get_by_text("Your key no longer works")).to_be_visible()
    person.key = testbed.mint_key(client_of(request))
    person.enter()
    # The filters are as they look: at their beginning.
    expect(person.page.get_by_text("No videos yet.")).to_be_visible()
    person.sent(1)
    person.priced("$0.70")
    person.make.click()
    assert 1 == made(person, caller, "Revoked.")


def test_a_wrong_clock_is_named(person: Visitor, caller: Caller) -> None:
    """A device whose clock is a day behind works; the page says so."""
    person.page.route("**/v1/**", tomorrow)
    person.page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(person.page.locator(".banner")).to_contain_text("The clock of this device is wrong.")
    person.page.unroute_all(behavior="ignoreErrors")
    describe(person, "Late.")
    person.make.click()
    assert 1 == made(person, caller, "Late.")


def tomorrow(route: Route) -> None:
    """Answer as the API does, with a clock that runs as that of this machine does, but a day ahead."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - here alone
    from email.utils import format_datetime  # noqa: PLC0415

    answer = route.fetch()
    there = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    route.fulfill(response=answer, headers={**answer.headers, "date": there})


def test_a_hidden_tab_asks_nothing(person: Visitor, testbed: Testbed, caller: Caller) -> None:
    """Until it is seen again; with notifications on, it asks slowly, and notifies."""
    testbed.dashscope.fault(on="task", kind="never_ends", times=1)
    describe(person, "Hidden.")
    person.make.click()
    person.wait_for("Being made")
    person.page.evaluate(HIDE, True)
    asked = len(person.requested)
    start = testbed.clock.now()
    eventually(lambda: person.page.evaluate("1") and testbed.clock.now() - start > 120)
    # One request may have been on its way.
    assert len(person.requested) - asked <= 2
    person.page.evaluate(HIDE, False)
    eventually(lambda: person.page.evaluate("1") and len(person.requested) > asked + 2)
    assert [1] == [len(caller.tasks_for("Hidden."))]


def test_a_notification_is_shown_when_it_is_wanted(chromium: Browser, testbed: Testbed) -> None:
    """Only after a person has asked for it, and when the tab is hidden."""
    with visitor(chromium, testbed.coordinates, testbed.mint_key("notified")) as person:
        person.page.add_init_script(RECORD_NOTICES)
        person.open()
        person.enter()
        person.page.get_by_role("button", name="Account of").click()
        person.page.get_by_label("Notify me when a video is ready").check()
        person.page.keyboard.press("Escape")
        describe(person, "Notify me.")
        person.make.click()
        expect(person.cards).to_have_count(1)
        person.page.evaluate(HIDE, True)
        notices: Any = lambda: person.page.evaluate("window.notices")  # noqa: E731
        eventually(notices, every_s=0.05)
        assert [["Your video is ready", "Notify me."]] == notices()
        assert person.page.title().startswith("(1)")
        person.page.evaluate(HIDE, False)
        assert "Gallop" == person.page.title()


def test_a_cancel_has_its_honest_answer(person: Visitor, testbed: Testbed) -> None:
    """Too late is not hidden; a second click is asked for, and can be undone."""
    testbed.dashscope.fault(on="task", kind="never_ends", times=1)
    describe(person, "Stop.")
    person.make.click()
    person.wait_for("Being made")
    card = person.cards.first
    card.get_by_role("button", name="Cancel: Stop.").click()
    card.get_by_role("button", name="Keep it").click()
    card.get_by_role("button", name="Cancel: Stop.").click()
    card.get_by_role("button", name="Yes, cancel it").click()
    expect(card.locator(".note")).to_contain_text("Too late to cancel")


def test_news_of_a_job_take_nothing_from_under_the_hand(person: Visitor, testbed: Testbed) -> None:
    """Lists and progress arrive all the time: the focus stays, and so does what was opened or closed."""

    def lists() -> int:
        return sum("/v1/videos?" in url for url in person.requested)

    def wait_for_news() -> None:
        before = lists()

        def came() -> bool:
            person.page.wait_for_timeout(50)
            return lists() >= before + 3

        eventually(came, otherwise="no news")

    describe(person, "Hands.")
    person.make.click()
    person.wait_for("Ready")
    person.cards.first.get_by_role("link").click()
    receipt = person.page.locator("dialog details.receipt")
    receipt.locator("summary").click()
    person.page.get_by_role("button", name="Save receipt").focus()
    wait_for_news()
    assert receipt.get_attribute("open") is None
    assert person.page.evaluate("document.activeElement.innerText").startswith("Save receipt")
    person.page.keyboard.press("Escape")
    testbed.dashscope.fault(on="task", kind="never_ends", times=1)
    describe(person, "Sure?")
    person.make.click()
    person.cards.first.get_by_role("button", name="Cancel: Sure?").click()
    wait_for_news()
    assert "Yes, cancel it" == person.page.evaluate("document.activeElement.innerText")


def test_a_waiting_job_shows_its_place_and_its_start(person: Visitor) -> None:
    """Both are the API's: here a job waits for an hour."""

    def wait(route: Route) -> None:
        answer = route.fetch()
        if answer.status == 200:
            body = answer.json()
            for job in body.get("data", [body]):
                job |= {"state": "queued", "status": "queued", "queue_position": 3}
                job["estimated_start"] = job["created_at"] + 3600
            route.fulfill(response=answer, json=body)
        else:
            route.fulfill(response=answer)

    person.page.route(re.compile(r"/v1/videos(\?|/job_)"), wait)
    describe(person, "Later.")
    person.make.click()
    person.wait_for("Number 3 in the queue, starts about")
    person.page.unroute_all(behavior="ignoreErrors")


def test_a_key_is_found_in_what_was_pasted(chromium: Browser, testbed: Testbed) -> None:
    """Mail programs break lines, and chats add quotes and characters of no width; then the keyboard is enough."""
    key = testbed.mint_key("pasted")
    with visitor(chromium, testbed.coordinates, key) as person:
        person.open()
        person.paste(f'  Authorization: Bearer "{key[:20]}\n{key[20:]}\u200b" \n')
        expect(person.page.locator(".composer")).to_be_visible()
        assert person.page.evaluate("Boolean(document.activeElement.closest('.composer'))")


def test_what_the_gateway_answers_itself_has_words(chromium: Browser, testbed: Testbed) -> None:
    """Its answers say neither what is wrong nor what to do; the key is not lost over them."""
    with visitor(chromium, testbed.coordinates) as person:
        person.open()
        refusals = [
            (429, "Too Many Requests", "Too many requests at once. Try again in a minute."),
            (403, "Forbidden", "The server refused this request (HTTP 403). Try again in a minute."),
        ]
        for status, message, words in refusals:
            person.page.route("**/v1/usage", gateway(status, message))
            person.paste(person.key)
            expect(person.page.locator(".key .fault")).to_contain_text(words)
        person.page.unroute_all()
        person.page.get_by_role("button", name="Start").click()
        expect(person.page.locator(".composer")).to_be_visible()


def test_the_key_is_only_where_it_was_put(chromium: Browser, testbed: Testbed) -> None:
    """In the tab alone, or on this device if a person chose so; logging out forgets it, and the draft."""
    key = testbed.mint_key("careful")
    with visitor(chromium, testbed.coordinates, key) as person:
        person.open()
        person.enter()
        person.prompt.fill("Mine.")
        assert key not in person.stored()
        person.page.reload()
        person.page.get_by_label("Remember on this device").check()
        person.enter()
        assert key in person.stored()
        person.page.reload()
        expect(person.prompt).to_have_value("Mine.")
        person.page.get_by_role("button", name="Account of").click()
        person.page.get_by_role("button", name="Log out").click()
        expect(person.page.get_by_label("Your key", exact=True)).to_have_value("")
        assert '[{},{},""]' == person.stored()
        person.paste("two words")
        expect(person.page.get_by_text("This is not a key")).to_be_visible()
