"""The commands ``gallop drain`` and ``gallop undrain``: nothing new begins, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop import clock
from gallop.adapters import event_sources
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import client_keys, drains
from gallop.domain.errors import AwsTrouble
from gallop.domain.job import is_terminal
from gallop.doors.https.identity import Caller
from gallop.services.drain import SUBMIT_SECONDS

from tests.support.http import event
from tests.support.pictures import data_uri, picture
from tests.support.stack import aws

if TYPE_CHECKING:
    from gallop.domain.clients.keys import Key
    from gallop.domain.job import Job

    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

WISH = {"prompt": "She smiles.", "images": [data_uri(picture())]}
TASK = "/api/v1/services/aigc/video-generation/video-synthesis"
ORDER = {
    "model": "happyhorse-1.0-r2v",
    "input": {"prompt": "She smiles.", "media": [{"type": "reference_image", "url": "https://example.com/1.jpg"}]},
}
ASYNC = {"x_dashscope_async": "enable"}
BY_ADDRESS = {"prompt": "She smiles.", "images": ["https://example.com/1.jpg"]}


def call(sandbox: Sandbox, key: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Make a request with a key, through the authorizer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    made = event(method, path, body, {"authorization": f"Bearer {key}", **named}, Caller("unknown"))
    context = sandbox.invoke("AuthorizeFunction", {"headers": made["headers"]})["context"]
    made["requestContext"]["authorizer"]["lambda"] = context
    answer: dict[str, Any] = sandbox.invoke("SubmitFunction" if method == "POST" else "VideosFunction", made)
    return answer


def key_of(gallop: Gallop, client: str = "ada") -> str:
    """Create a key."""
    return gallop.ok("keys", "create", client).stdout.strip()


def is_received(sandbox: Sandbox) -> bool:
    """Return whether the S3 door's function receives messages."""
    (mapping,) = aws("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert sandbox.stack.resource("SubmitFunctionDrops") == mapping["UUID"]
    return bool(mapping["State"] == "Enabled")


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/v1/videos", {}, "draining"),
        ("/v1/videos", {"x_stainless_lang": "python"}, "draining"),
        ("/v1/videos", {"idempotency_key": "1"}, "draining"),
        ("/v1/uploads", {}, "draining"),
        (TASK, ASYNC, "ModelUnavailable"),
    ],
)
def test_a_drained_stack_refuses_creates(
    sandbox: Sandbox, gallop: Gallop, path: str, headers: dict[str, str], code: str
) -> None:
    """In every dialect, with a time to retry; nothing is recorded, and no image is stored."""
    key = key_of(gallop)
    gallop.ok("drain")
    answer = call(sandbox, key, "POST", path, ORDER if path == TASK else WISH, **headers)
    assert 503 == answer["statusCode"]
    assert "60" == answer["headers"]["Retry-After"]
    assert f'"{code}"' in answer["body"]
    assert [] == sandbox.jobs()
    assert "Contents" not in sandbox.s3.list_objects_v2(Bucket=sandbox.inbox)


@pytest.mark.promise("P1")
@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/videos", WISH, {}),
        ("/v1/videos", BY_ADDRESS, {}),
        ("/v1/videos", BY_ADDRESS, {"idempotency_key": "1"}),
        ("/v1/videos", {"prompt": "She smiles.", "seconds": "4"}, {"x_stainless_lang": "js"}),
        (TASK, ORDER, ASYNC),
    ],
    ids=["image", "address", "key", "OpenAI", "DashScope"],
)
def test_a_create_that_was_never_answered_is_repeated_while_drained(
    sandbox: Sandbox, gallop: Gallop, path: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    """However long the stack is drained: each repetition counts, and the job is the one that was recorded."""
    key = key_of(gallop)
    with patch.object(job_workflow, "start", side_effect=AwsTrouble("no")):
        assert 503 == call(sandbox, key, "POST", path, body, **headers)["statusCode"]
        gallop.ok("drain")
        for _ in range(3):
            sandbox.clock.advance(500)
            assert "draining" not in call(sandbox, key, "POST", path, body, **headers)["body"]
    answer = call(sandbox, key, "POST", path, body, **headers)
    (job,) = sandbox.jobs()
    assert job.id in answer["body"]
    gallop.ok("undrain")


def test_what_was_answered_is_not_repeated_while_drained(sandbox: Sandbox, gallop: Gallop) -> None:
    """An equal create without a key is then a new job, and refused; one that nobody can pay for twice is a replay."""
    key = key_of(gallop)
    assert 202 == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]
    assert 202 == call(sandbox, key, "POST", "/v1/videos", WISH, idempotency_key="1")["statusCode"]
    gallop.ok("drain")
    assert 503 == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]
    assert 202 == call(sandbox, key, "POST", "/v1/videos", WISH, idempotency_key="1")["statusCode"]
    assert 2 == len(sandbox.jobs())
    gallop.ok("undrain")


def test_a_drained_stack_answers_reads_and_opens_again(sandbox: Sandbox, gallop: Gallop) -> None:
    """Draining or undraining twice is the same as once."""
    key = key_of(gallop)
    for _ in range(2):
        gallop.ok("drain")
    assert 200 == call(sandbox, key, "GET", "/v1/videos")["statusCode"]
    for _ in range(2):
        assert "accepts new jobs" in gallop.ok("undrain").stderr
    assert 202 == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]


def test_a_key_that_is_created_meanwhile_opens_nothing(sandbox: Sandbox, gallop: Gallop) -> None:
    """Until the stack accepts jobs again; the first key of a stack, too."""
    gallop.ok("drain")
    key = key_of(gallop)
    assert 503 == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]
    gallop.ok("undrain")
    assert 202 == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]


@pytest.mark.parametrize(("command", "status"), [("drain", 503), ("undrain", 202)])
def test_a_key_that_is_created_in_that_moment_does_as_the_others(
    sandbox: Sandbox, gallop: Gallop, command: str, status: int
) -> None:
    """The drain, or its end, does not see the key yet, and the key has been made for what was before."""
    gallop.ok("undrain" if command == "drain" else "drain")
    create = client_keys.create

    def late(key: Key) -> None:
        drain = drains.begin if command == "drain" else lambda _: drains.end()
        drain(sandbox.clock.now())
        create(key)

    with patch.object(client_keys, "create", late):
        key = key_of(gallop)
    assert status == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]
    gallop.ok("undrain")


def test_dropped_files_wait_in_the_queue(sandbox: Sandbox, gallop: Gallop) -> None:
    """The function of the S3 door receives nothing until the stack accepts jobs again."""
    shown = gallop.ok("drain").stderr
    assert not is_received(sandbox)
    assert "CANCEL files wait, too: cancel jobs with `gallop jobs cancel` meanwhile" in " ".join(shown.split())
    gallop.ok("undrain")
    assert is_received(sandbox)


def test_what_is_still_open_is_counted(sandbox: Sandbox, gallop: Gallop) -> None:
    """Since the first drain. One reading does not show that nothing can begin any more."""
    assert "No jobs are open now" in gallop.ok("drain").stderr
    since = gallop.json("drain")["draining_since"]
    sandbox.put()
    sandbox.submitted()
    found = gallop.json("drain")
    assert {"queued": 1, "running": 1} == found["open"]
    assert since == found["draining_since"]
    assert "Still open: 1 queued, 1 running" in gallop.ok("drain").stderr
    gallop.ok("undrain")


def test_a_wait_ends_only_when_nothing_can_begin_any_more(sandbox: Sandbox, gallop: Gallop) -> None:
    """A function that runs since before the drain may record a job until its time is up."""
    since = sandbox.clock.now()
    late: list[Job] = []
    gallop.ok("drain")

    def sleep(seconds: float) -> None:
        sandbox.clock.advance(seconds)
        if sandbox.clock.now() > since + 60 and not late:
            late.append(sandbox.put())
        elif late and sandbox.clock.now() > since + 100 and not is_terminal(sandbox.job(late[0].id).state):
            sandbox.invoke("VideosFunction", event("POST", f"/v1/videos/{late[0].id}/cancel", None, {}, Caller("ada")))

    with patch.object(clock, "sleep", sleep):
        shown = gallop.ok("drain", "--wait").stderr
    assert "Still open: 1 queued" in shown
    assert "All jobs have ended" in shown
    assert since + 100 + SUBMIT_SECONDS < sandbox.clock.now()


def test_a_batch_and_the_door_itself_are_waited_for(sandbox: Sandbox, gallop: Gallop) -> None:
    """Lines that have no job yet, and messages that the function still receives, are open."""
    gallop.ok("drain")
    machine = sandbox.stack.resource("BatchWorkflow")
    aws("stepfunctions").start_execution(stateMachineArn=machine, name="many", input="{}")
    with patch.object(event_sources, "is_disabled", lambda _: False):
        found = gallop.json("drain")["open"]
    assert {"batches": 1, "door": 1} == found


def test_a_request_takes_no_longer_than_the_wait(sandbox: Sandbox) -> None:
    """The wait is as long as the function that creates jobs may run."""
    function = aws("lambda").get_function_configuration(FunctionName=sandbox.stack.resource("SubmitFunction"))
    assert SUBMIT_SECONDS == function["Timeout"]


def test_a_revoked_key_stays_revoked(sandbox: Sandbox, gallop: Gallop) -> None:
    """Draining says nothing about whose key is valid."""
    key = key_of(gallop)
    (one,) = gallop.json("keys", "list")
    gallop.ok("keys", "revoke", one["id"])
    gallop.ok("drain")
    assert 401 == call(sandbox, key, "POST", "/v1/videos", WISH)["statusCode"]
    gallop.ok("undrain")
