"""One sample event per function and source, each fed to its handler."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import secrets as vault
from gallop.adapters.s3 import buckets as objects
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import client_keys, webhook_endpoints
from gallop.adapters.table import jobs as store
from gallop.domain.clients import keys, webhooks
from gallop.domain.clients.keys import Key
from gallop.domain.drops import drop as drops
from gallop.domain.drops.drop import Folder
from gallop.domain.job import JobState
from samtranslator.yaml_helper import yaml_parse

from tests.support.drops import Door
from tests.support.pictures import picture
from tests.support.stack import ROOT, Stack, aws, deployed
from tests.testbed.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

SAMPLES = sorted(path.name for path in (ROOT / "events").iterdir())
FOLDER = "spring ad (Grüße & more)"
JOB = "job_o5xw4zdfoj2wy3dznruwwzjaoe"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give the template with all that it can have."""
    with deployed(ManualClock(), executing=False, CompletionEvents="on") as stack:
        yield stack


def sample(name: str) -> Any:  # noqa: ANN401 - JSON
    """Read a sample."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def template() -> dict[str, Any]:
    """Give the resources of the template as it is written."""
    resources: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    return resources


def source_of(event: dict[str, Any]) -> str:
    """Name the source that an event is from."""
    if event.get("type") == "REQUEST":
        return "authorizer"
    if event in scheduled():
        return "schedule"
    if "Records" in event:
        return str(event["Records"][0]["eventSource"])
    return str(event.get("routeKey") or "workflow")


def scheduled() -> list[dict[str, Any]]:
    """Give the events that the template's schedules send."""
    sources = [one for item in template().values() for one in item.get("Properties", {}).get("Events", {}).values()]
    return [json.loads(one["Properties"]["Input"]) for one in sources if one["Type"] == "Schedule"]


def sources_in_the_template() -> set[tuple[str, str]]:
    """Give each function's folder with each source that the template gives it."""
    functions = {
        name: resource["Properties"]
        for name, resource in template().items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    folders = {name: properties["CodeUri"].split("/")[1] for name, properties in functions.items()}
    found = {
        (folders[name], _source(event["Type"], event["Properties"]))
        for name, properties in functions.items()
        for event in properties.get("Events", {}).values()
    }
    machines = [one for one in template().values() if one["Type"] == "AWS::Serverless::StateMachine"]
    named = [value for one in machines for value in one["Properties"]["DefinitionSubstitutions"].values()]
    steps = [arn for arn in named if "Fn::GetAtt" in arn]
    authorizers = template()["HttpApi"]["Properties"]["Auth"]["Authorizers"].values()
    found |= {(folders[_function(arn)], "workflow") for arn in steps}
    return found | {(folders[_function(authorizer["FunctionArn"])], "authorizer") for authorizer in authorizers}


def _source(kind: str, properties: dict[str, Any]) -> str:
    return {
        "SQS": "aws:sqs",
        "Schedule": "schedule",
        "HttpApi": f"{properties.get('Method')} {properties.get('Path')}",
    }[kind]


def _function(arn: dict[str, list[str]]) -> str:
    return arn["Fn::GetAtt"][0]


def dropped(world: World) -> None:
    """Put the drop that the samples of the S3 door speak of into the inbox, without its own events."""
    world.drop(f"drop/{FOLDER}/1.jpg", picture())
    world.drop(f"drop/{FOLDER}/prompt.txt", b"The woman of [Image 1] smiles.")
    Door(world).forget()


def test_every_function_and_source_has_a_sample() -> None:
    """What the template connects can be tried out with a file."""
    samples = {
        (name.partition(".")[0].partition("-")[0], source_of(sample(name.removesuffix(".json")))) for name in SAMPLES
    }
    assert sources_in_the_template() == samples


def test_every_function_has_a_source() -> None:
    """No function of the template is there for nothing."""
    folders = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {folder for folder, _ in sources_in_the_template()}


def test_every_sample_is_tried_out_here() -> None:
    """No file in the folder is only decoration."""
    text = (ROOT / "tests/functional/test_events.py").read_text(encoding="utf-8")
    assert [] == [name for name in SAMPLES if f'sample("{name.removesuffix(".json")}")' not in text]


@pytest.mark.parametrize("function", ["StatusFunction", "ReconcileFunction", "BatchFunction", "DeliverFunction"])
@pytest.mark.parametrize("event", [{"action": "dance", "job_id": JOB}, {"job_id": JOB}])
def test_an_unknown_action_is_named(world: World, function: str, event: dict[str, Any]) -> None:
    """A function that has several actions guesses none: it names what it was given, and what it knows."""
    with pytest.raises(ValueError, match=rf"^Unknown action {event.get('action')!r}: use \w+.* or \w+\.$"):
        world.invoke(function, event)


def test_submit_http(world: World) -> None:
    """The seed request becomes a job of the client that the authorizer named."""
    answer = world.invoke("SubmitFunction", sample("submit-http"))
    (job,) = world.jobs()
    assert (202, "ada", 3, [job.id]) == (answer["statusCode"], job.client, len(job.request.images), world.executions())


def test_submit_upload(world: World) -> None:
    """A form for one image is given out."""
    answer = world.invoke("SubmitFunction", sample("submit-upload"))
    assert (201, "image/png") == (answer["statusCode"], json.loads(answer["body"])["content_type"])


def test_submit_s3_notification(world: World) -> None:
    """Two events for one folder, whose name S3 has encoded: one look, when it has been quiet."""
    dropped(world)
    assert {"batchItemFailures": []} == world.invoke("SubmitFunction", sample("submit-s3-notification"))
    (message,) = Door(world).waiting()
    assert message["look"].keys() == json.loads(sample("submit-look")["Records"][0]["body"])["look"].keys()
    assert FOLDER == message["look"]["path"]


def test_submit_look(world: World) -> None:
    """A folder that still looks the same is started."""
    dropped(world)
    with world.stack.acting_as("SubmitFunction"):
        listing = objects.list_directly_under(f"drop/{FOLDER}/")
    event = sample("submit-look")
    body = json.loads(event["Records"][0]["body"])
    body["look"]["digest"] = drops.digest_of(Folder(FOLDER), listing)
    event["Records"][0]["body"] = json.dumps(body)
    assert {"batchItemFailures": []} == world.invoke("SubmitFunction", event)
    (job,) = world.jobs()
    assert (FOLDER, [job.id]) == (job.receipts, world.executions())


def test_submit_s3_test_event(world: World) -> None:
    """S3's greeting is passed over."""
    assert {"batchItemFailures": []} == world.invoke("SubmitFunction", sample("submit-s3-test-event"))
    assert ([], []) == (world.jobs(), Door(world).waiting())


def test_videos_get(world: World) -> None:
    """The job is shown to its client."""
    world.put(JobState.RUNNING, id=JOB)
    answer = world.invoke("VideosFunction", sample("videos-get"))
    assert (200, JOB) == (answer["statusCode"], json.loads(answer["body"])["id"])


def test_videos_content(world: World) -> None:
    """A job that has no video yet says so."""
    world.put(JobState.RUNNING, id=JOB)
    assert 409 == world.invoke("VideosFunction", sample("videos-content"))["statusCode"]


def test_submit_task(world: World) -> None:
    """What DashScope's package sends becomes a job."""
    answer = world.invoke("SubmitFunction", sample("submit-task"))
    (job,) = world.jobs()
    assert (200, job.id) == (answer["statusCode"], json.loads(answer["body"])["output"]["task_id"])


def test_videos_task(world: World) -> None:
    """A job is shown as a task."""
    world.put(JobState.RUNNING, id=JOB)
    answer = world.invoke("VideosFunction", sample("videos-task"))
    assert (200, "RUNNING") == (answer["statusCode"], json.loads(answer["body"])["output"]["task_status"])


def test_videos_cancel_task(world: World) -> None:
    """A job that waits is cancelled."""
    world.put(JobState.QUEUED, id=JOB)
    assert 200 == world.invoke("VideosFunction", sample("videos-cancel-task"))["statusCode"]
    assert JobState.CANCELLED is world.job(JOB).state


def test_videos_list(world: World) -> None:
    """Two jobs at most, of those that run."""
    world.put(JobState.RUNNING, id=JOB)
    world.put()
    listed = json.loads(world.invoke("VideosFunction", sample("videos-list"))["body"])
    assert ([JOB], False) == ([job["id"] for job in listed["data"]], listed["has_more"])


def test_videos_delete(world: World) -> None:
    """A job that has not ended is not deleted."""
    world.put(id=JOB)
    assert 409 == world.invoke("VideosFunction", sample("videos-delete"))["statusCode"]


def test_videos_cancel(world: World) -> None:
    """A job that waits is cancelled."""
    world.put(id=JOB)
    answer = world.invoke("VideosFunction", sample("videos-cancel"))
    assert "cancelled" == json.loads(answer["body"])["cancel"]["answer"]


def test_describe_openapi(world: World) -> None:
    """The document is there for everyone."""
    answer = world.invoke("DescribeFunction", sample("describe-openapi"))
    assert (200, "3.1.0") == (answer["statusCode"], json.loads(answer["body"])["openapi"])


def test_describe_docs(world: World) -> None:
    """So is the page."""
    answer = world.invoke("DescribeFunction", sample("describe-docs"))
    assert 200 == answer["statusCode"]
    assert "swagger-ui" in answer["body"]


def test_describe_file(world: World) -> None:
    """And what the page is made of."""
    answer = world.invoke("DescribeFunction", sample("describe-file"))
    assert (200, "text/css") == (answer["statusCode"], answer["headers"]["Content-Type"])


def test_videos_health(world: World) -> None:
    """Open to all."""
    assert 200 == world.invoke("VideosFunction", sample("videos-health"))["statusCode"]


def test_authorize(world: World) -> None:
    """The key in the sample opens nothing, until somebody gives it to a client."""
    event = sample("authorize")
    assert "problem" in world.invoke("AuthorizeFunction", event)["context"]
    key = Key(keys.hash_of(event["headers"]["authorization"].removeprefix("Bearer ")), "ada", 0)
    with world.stack.acting_as("SubmitFunction"):
        client_keys.create(key)
    expected = {"isAuthorized": True, "context": {"client": "ada", "key_id": key.id, "is_admin": False}}
    assert expected == world.invoke("AuthorizeFunction", event)


def test_take_slot(world: World) -> None:
    """The job gets a slot at once, and stands in no line."""
    world.put(id=JOB)
    with patch.object(executions, "go_on") as go_on:
        assert world.invoke("TakeSlotFunction", sample("take_slot")) is None
    go_on.assert_called_once_with(sample("take_slot")["token"])
    assert world.job(JOB).slot_since == world.clock.now()


def test_start_task(world: World) -> None:
    """The job is submitted."""
    world.put(id=JOB)
    assert "listen" == world.invoke("StartTaskFunction", sample("start_task"))["next"]
    assert 1 == len(world.tasks())


def test_status(world: World) -> None:
    """The task is asked about, and has succeeded."""
    world.submitted(id=JOB)
    world.clock.advance(3600)
    assert "save" == world.invoke("StatusFunction", sample("status-ask"))["next"]


def test_status_listen(world: World) -> None:
    """Whom to wake is noted."""
    assert {} == world.invoke("StatusFunction", sample("status-listen"))


def test_wake(world: World) -> None:
    """DashScope's word of a job's task is taken from whoever has the token."""
    event = sample("wake")
    assert 403 == world.invoke("WakeFunction", event)["statusCode"]
    token, secret = event["headers"]["x-eventbridge-signature-token"], world.stack.resource("CompletionSecret")
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=token)
    vault.provider.cache_clear()
    job = world.put(JobState.SUBMITTING, id=JOB)
    with world.stack.acting_as("StartTaskFunction"):
        store.claim(job, replace(job.at(JobState.RUNNING, job.created_at), task_id="task-1"), is_certain=True)
    answer = world.invoke("WakeFunction", event)
    assert (200, '{"result": "told"}') == (answer["statusCode"], answer["body"])


def test_save_result(world: World) -> None:
    """The video is stored."""
    world.storing(id=JOB)
    assert "finish" == world.invoke("SaveResultFunction", sample("save_result"))["next"]
    assert world.job(JOB).result


def test_thumbnail(world: World) -> None:
    """A frame of the video is stored beside it."""
    world.storing(id=JOB)
    world.invoke("SaveResultFunction", {"job_id": JOB})
    assert "finish" == world.invoke("ThumbnailFunction", sample("thumbnail"))["next"]
    assert world.job(JOB).thumbnail


def test_reconcile_job(world: World) -> None:
    """A job whose reply was lost is looked for."""
    world.fake.fault(on="submit", kind="drop_after_accept")
    world.submitted(id=JOB)
    world.clock.advance(60)
    assert "wait" == world.invoke("ReconcileFunction", sample("reconcile-job"))["next"]
    assert world.job(JOB).is_adopted


def test_reconcile_sweep(world: World) -> None:
    """A job whose execution was never started gets one."""
    world.put(id=JOB)
    world.clock.advance(3600)
    assert {"repaired": 1, "failed": 0} == world.invoke("ReconcileFunction", sample("reconcile-sweep"))
    assert [JOB] == world.executions()


def test_finish_succeeded(world: World) -> None:
    """The stored video makes the job a success."""
    world.storing(id=JOB)
    world.invoke("SaveResultFunction", {"job_id": JOB})
    assert {"state": "succeeded"} == world.invoke("FinishFunction", sample("finish-succeeded"))


@pytest.mark.parametrize(
    ("event", "code"),
    [(sample("finish-failed"), "generation_failed"), (sample("finish-error"), "vendor_unreachable")],
    ids=["failed", "error"],
)
def test_finish_without_a_video(world: World, event: dict[str, Any], code: str) -> None:
    """A step's failure, and an error that the workflow caught, become the job's reason."""
    world.put(JobState.RUNNING, id=JOB)
    assert {"state": "failed"} == world.invoke("FinishFunction", event)
    failure = world.job(JOB).failure
    assert failure
    assert code == failure.code


def dropped_batch(world: World, event: dict[str, Any]) -> dict[str, Any]:
    """Drop the batch that a sample speaks of, without its own events; gives the sample with its version."""
    batch = event["run"]["batch"]
    world.drop("drop/spring/1.jpg", picture())
    content = json.dumps({"prompt": "The woman of [Image 1] smiles.", "images": ["1.jpg"]}).encode()
    put = world.s3.put_object(Bucket=world.inbox, Key=batch["key"], Body=content)
    batch["version_id"] = put["VersionId"]
    Door(world).forget()
    return {**event, "run": {**event["run"], "batch": batch}}


def test_batch_read(world: World) -> None:
    """The file's one line is good, and its receipt appears."""
    answer = world.invoke("BatchFunction", dropped_batch(world, sample("batch-read")))
    assert sample("batch-close")["run"]["read"] == answer
    assert ("running", 1, 0) == tuple(world.receipt("spring/batch.json")[name] for name in ("state", "good", "bad"))


def test_batch_submit_line(world: World) -> None:
    """The line becomes a job."""
    world.invoke("BatchFunction", dropped_batch(world, sample("batch-submit_line")))
    (job,) = world.jobs()
    assert ("spring/batch/00001", [job.id]) == (job.receipts, world.executions())


def test_batch_end_line(world: World) -> None:
    """A line whose turn brought no job is counted all the same."""
    world.invoke("BatchFunction", dropped_batch(world, sample("batch-read")))
    world.invoke("BatchFunction", dropped_batch(world, sample("batch-end_line")))
    world.invoke("BatchFunction", sample("batch-close"))
    assert 1 == world.receipt("spring/batch.json")["jobs"]["lost"]


def test_batch_close(world: World) -> None:
    """The table appears, and the last receipt."""
    world.invoke("BatchFunction", dropped_batch(world, sample("batch-read")))
    world.invoke("BatchFunction", sample("batch-close"))
    assert "finished" == world.receipt("spring/batch.json")["state"]
    assert world.result("spring/batch.csv").startswith(b"\xef\xbb\xbfline,job,state")


def test_deliver_announce(world: World) -> None:
    """The end of a job is put on the bus, and each endpoint of its client gets a delivery of its own."""
    job = world.put(JobState.FAILED, id=JOB)
    endpoint = webhooks.endpoint(job.client, "https://example.com/hook", (), 0)
    with world.stack.acting_as("SubmitFunction"):
        webhook_endpoints.put(endpoint)
    assert {"deliveries": 1} == world.invoke("DeliverFunction", sample("deliver-announce"))
    assert [f"{JOB}-{endpoint.id}"] == world.executions("WebhookWorkflow")


def test_deliver_attempt(world: World) -> None:
    """An endpoint that was removed is told nothing."""
    world.put(JobState.FAILED, id=JOB)
    assert "settled" == world.invoke("DeliverFunction", sample("deliver-attempt"))["next"]


def test_deliver_ping(world: World) -> None:
    """There is no endpoint to test, and the answer says so."""
    expected = {"status": None, "trouble": "There is no such endpoint.", "milliseconds": 0}
    assert expected == world.invoke("DeliverFunction", sample("deliver-ping"))
