"""One sample event per function and source, each fed to its handler."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import secrets
from gallop.adapters.s3 import buckets
from gallop.adapters.stepfunctions import executions
from gallop.adapters.table import client_keys, jobs, webhook_endpoints
from gallop.domain import models
from gallop.domain.clients import keys, webhooks
from gallop.domain.clients.keys import Key
from gallop.domain.drops import drop
from gallop.domain.drops.drop import Folder
from gallop.domain.job import JobState

from fake_dashscope.clock import ManualClock
from tests.support.drops import Door
from tests.support.pictures import picture
from tests.support.stack import ROOT, Stack, aws, deployed
from tests.testbed.aws.template import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sandbox import Sandbox

SAMPLES = sorted(path.name for path in (ROOT / "events").iterdir())
FOLDER = "spring ad (Grüße & more)"
JOB = "job_o5xw4zdfoj2wy3dznruwwzjaoe"
# Of a secret that does not exist: what signs is tested elsewhere.
SIGNING_ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:signing-AbCdEf"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Yield the template with all its options enabled."""
    signing = {"ContentCredentials": "on", "ContentCredentialsSecretArn": SIGNING_ARN}
    with deployed(ManualClock(), executing=False, CompletionEvents="on", **signing) as stack:
        yield stack


def sample(name: str) -> Any:  # noqa: ANN401 - JSON
    """Read a sample."""
    return json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))


@cache
def template() -> dict[str, Any]:
    """Return the resources of the template as it is written."""
    resources: dict[str, Any] = parsed((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
    return resources


def source_of(event: dict[str, Any]) -> str:
    """Return the source that an event is from."""
    if event.get("type") == "REQUEST":
        return "authorizer"
    if event in scheduled():
        return "schedule"
    if "Records" in event:
        return str(event["Records"][0]["eventSource"])
    return str(event.get("routeKey") or "workflow")


def scheduled() -> list[dict[str, Any]]:
    """Return the events that the template's schedules send."""
    sources = [one for item in template().values() for one in item.get("Properties", {}).get("Events", {}).values()]
    return [json.loads(one["Properties"]["Input"]) for one in sources if one["Type"] == "Schedule"]


def sources_in_the_template() -> set[tuple[str, str]]:
    """Return each function's folder with each source that the template connects."""
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
    # Of a function that an option adds, there is none without it.
    steps = [arn for one in named if "Fn::GetAtt" in (arn := one.get("Fn::If", [one, one])[1])]
    authorizers = template()["HttpApi"]["Properties"]["Auth"]["Authorizers"].values()
    found |= {(folders[_function(arn)], "workflow") for arn in steps}
    return found | {(folders[_function(authorizer["FunctionArn"])], "authorizer") for authorizer in authorizers}


def _source(kind: str, properties: dict[str, Any]) -> str:
    return {
        "SQS": "aws:sqs",
        "Schedule": "schedule",
        "HttpApi": f"{properties['Method']} {properties['Path']}" if "Path" in properties else "$default",
    }[kind]


def _function(arn: dict[str, list[str]]) -> str:
    return arn["Fn::GetAtt"][0]


def dropped(sandbox: Sandbox) -> None:
    """Put the drop of the S3 door's samples into the inbox, without its own events."""
    sandbox.drop(f"drop/{FOLDER}/1.jpg", picture())
    sandbox.drop(f"drop/{FOLDER}/prompt.txt", b"The woman of [Image 1] smiles.")
    Door(sandbox).forget()


def test_every_function_and_source_has_a_sample() -> None:
    """Everything that the template connects can be tried with a file."""
    samples = {
        (name.partition(".")[0].partition("-")[0], source_of(sample(name.removesuffix(".json")))) for name in SAMPLES
    }
    assert sources_in_the_template() == samples


def test_every_function_has_a_source() -> None:
    """The template has no function without a trigger."""
    folders = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {folder for folder, _ in sources_in_the_template()}


def test_every_sample_is_used() -> None:
    """Every file in the folder is used by a test here."""
    text = (ROOT / "tests/functional/test_events.py").read_text(encoding="utf-8")
    assert [] == [name for name in SAMPLES if f'sample("{name.removesuffix(".json")}")' not in text]


@pytest.mark.parametrize("function", ["StatusFunction", "ReconcileFunction", "BatchFunction", "DeliverFunction"])
@pytest.mark.parametrize("event", [{"action": "dance", "job_id": JOB}, {"job_id": JOB}])
def test_an_unknown_action_is_refused(sandbox: Sandbox, function: str, event: dict[str, Any]) -> None:
    """A function with several actions does not guess: the error has the given action and the supported ones."""
    with pytest.raises(ValueError, match=rf"^Unknown action {event.get('action')!r}: use \w+.* or \w+\.$"):
        sandbox.invoke(function, event)


def test_submit_http(sandbox: Sandbox) -> None:
    """The example request becomes a job of the client that the authorizer identified."""
    answer = sandbox.invoke("SubmitFunction", sample("submit-http"))
    (job,) = sandbox.jobs()
    assert 202 == answer["statusCode"]
    assert "ada" == job.client
    assert 3 == len(job.request.images)
    assert [job.id] == sandbox.executions()


def test_submit_upload(sandbox: Sandbox) -> None:
    """A form for one image is issued."""
    answer = sandbox.invoke("SubmitFunction", sample("submit-upload"))
    assert (201, "image/png") == (answer["statusCode"], json.loads(answer["body"])["content_type"])


def test_submit_s3_notification(sandbox: Sandbox) -> None:
    """Two events for one folder, whose name S3 has encoded, cause one check after the quiet time."""
    dropped(sandbox)
    assert {"batchItemFailures": []} == sandbox.invoke("SubmitFunction", sample("submit-s3-notification"))
    (message,) = Door(sandbox).waiting()
    assert message["look"].keys() == json.loads(sample("submit-look")["Records"][0]["body"])["look"].keys()
    assert FOLDER == message["look"]["path"]


def test_submit_look(sandbox: Sandbox) -> None:
    """A folder that has not changed is started."""
    dropped(sandbox)
    with sandbox.stack.acting_as("SubmitFunction"):
        listing = buckets.list_directly_under(f"drop/{FOLDER}/")
    event = sample("submit-look")
    body = json.loads(event["Records"][0]["body"])
    body["look"]["digest"] = drop.digest_of(Folder(FOLDER), listing)
    event["Records"][0]["body"] = json.dumps(body)
    assert {"batchItemFailures": []} == sandbox.invoke("SubmitFunction", event)
    (job,) = sandbox.jobs()
    assert (FOLDER, [job.id]) == (job.receipts, sandbox.executions())


def test_submit_s3_test_event(sandbox: Sandbox) -> None:
    """S3's test event is ignored."""
    assert {"batchItemFailures": []} == sandbox.invoke("SubmitFunction", sample("submit-s3-test-event"))
    assert ([], []) == (sandbox.jobs(), Door(sandbox).waiting())


def test_videos_get(sandbox: Sandbox) -> None:
    """The client sees its job."""
    sandbox.put(JobState.RUNNING, id=JOB)
    answer = sandbox.invoke("VideosFunction", sample("videos-get"))
    assert (200, JOB) == (answer["statusCode"], json.loads(answer["body"])["id"])


def test_videos_content(sandbox: Sandbox) -> None:
    """A job without a video says so."""
    sandbox.put(JobState.RUNNING, id=JOB)
    assert 409 == sandbox.invoke("VideosFunction", sample("videos-content"))["statusCode"]


def test_submit_task(sandbox: Sandbox) -> None:
    """A request from DashScope's package becomes a job."""
    answer = sandbox.invoke("SubmitFunction", sample("submit-task"))
    (job,) = sandbox.jobs()
    assert (200, job.id) == (answer["statusCode"], json.loads(answer["body"])["output"]["task_id"])


def test_videos_task(sandbox: Sandbox) -> None:
    """A job is shown as a task."""
    sandbox.put(JobState.RUNNING, id=JOB)
    answer = sandbox.invoke("VideosFunction", sample("videos-task"))
    assert (200, "RUNNING") == (answer["statusCode"], json.loads(answer["body"])["output"]["task_status"])


def test_videos_cancel_task(sandbox: Sandbox) -> None:
    """A waiting job is cancelled."""
    sandbox.put(JobState.QUEUED, id=JOB)
    assert 200 == sandbox.invoke("VideosFunction", sample("videos-cancel-task"))["statusCode"]
    assert JobState.CANCELLED is sandbox.job(JOB).state


def test_videos_list(sandbox: Sandbox) -> None:
    """The list has at most two jobs, all of them running."""
    sandbox.put(JobState.RUNNING, id=JOB)
    sandbox.put()
    listed = json.loads(sandbox.invoke("VideosFunction", sample("videos-list"))["body"])
    assert ([JOB], False) == ([job["id"] for job in listed["data"]], listed["has_more"])


def test_page_start(sandbox: Sandbox) -> None:
    """The page is public."""
    answer = sandbox.invoke("PageFunction", sample("page-start"))
    assert (200, "gzip") == (answer["statusCode"], answer["headers"]["Content-Encoding"])


def test_page_file(sandbox: Sandbox) -> None:
    """The page's files are public."""
    answer = sandbox.invoke("PageFunction", sample("page-file"))
    assert (200, "text/html; charset=utf-8") == (answer["statusCode"], answer["headers"]["Content-Type"])


def test_videos_usage(sandbox: Sandbox) -> None:
    """A client sees its own spending."""
    shown = json.loads(sandbox.invoke("VideosFunction", sample("videos-usage"))["body"])
    assert ("usage", False) == (shown["object"], shown["is_operator"])


def test_videos_models(sandbox: Sandbox) -> None:
    """All models are listed."""
    listed = json.loads(sandbox.invoke("VideosFunction", sample("videos-models"))["body"])
    assert list(models.MODELS) == [model["id"] for model in listed["data"]]


def test_videos_model(sandbox: Sandbox) -> None:
    """One model is shown as in the list."""
    shown = json.loads(sandbox.invoke("VideosFunction", sample("videos-model"))["body"])
    assert ("happyhorse-1.0-i2v", "i2v") == (shown["id"], shown["kind"])


def test_videos_head(sandbox: Sandbox) -> None:
    """A HEAD has no route of its own, and is answered like the GET."""
    assert 200 == sandbox.invoke("VideosFunction", sample("videos-head"))["statusCode"]


def test_videos_delete(sandbox: Sandbox) -> None:
    """A job that has not ended is not deleted."""
    sandbox.put(id=JOB)
    assert 409 == sandbox.invoke("VideosFunction", sample("videos-delete"))["statusCode"]


def test_videos_cancel(sandbox: Sandbox) -> None:
    """A waiting job is cancelled."""
    sandbox.put(id=JOB)
    answer = sandbox.invoke("VideosFunction", sample("videos-cancel"))
    assert "cancelled" == json.loads(answer["body"])["cancel"]["answer"]


def test_mcp(sandbox: Sandbox) -> None:
    """An agent's call becomes a job."""
    answer = sandbox.invoke("McpFunction", sample("mcp"))
    (job,) = sandbox.jobs()
    assert (200, job.id) == (answer["statusCode"], json.loads(answer["body"])["result"]["structuredContent"]["id"])


def test_describe_openapi(sandbox: Sandbox) -> None:
    """The document is public."""
    answer = sandbox.invoke("DescribeFunction", sample("describe-openapi"))
    assert (200, "3.1.0") == (answer["statusCode"], json.loads(answer["body"])["openapi"])


def test_describe_docs(sandbox: Sandbox) -> None:
    """The page is public."""
    answer = sandbox.invoke("DescribeFunction", sample("describe-docs"))
    assert 200 == answer["statusCode"]
    assert "<h1>Gallop " in answer["body"]


def test_describe_file(sandbox: Sandbox) -> None:
    """The page's files are public."""
    answer = sandbox.invoke("DescribeFunction", sample("describe-file"))
    assert (200, "text/css") == (answer["statusCode"], answer["headers"]["Content-Type"])


def test_videos_health(sandbox: Sandbox) -> None:
    """The health check is public."""
    assert 200 == sandbox.invoke("VideosFunction", sample("videos-health"))["statusCode"]


def test_authorize(sandbox: Sandbox) -> None:
    """The key in the sample grants no access until it is assigned to a client."""
    event = sample("authorize")
    assert "problem" in sandbox.invoke("AuthorizeFunction", event)["context"]
    key = Key(keys.hash_of(event["headers"]["authorization"].removeprefix("Bearer ")), "ada", 0)
    with sandbox.stack.acting_as("SubmitFunction"):
        client_keys.create(key)
    expected = {"isAuthorized": True, "context": {"client": "ada", "key_id": key.id, "is_admin": False}}
    assert expected == sandbox.invoke("AuthorizeFunction", event)


def test_take_slot(sandbox: Sandbox) -> None:
    """The job gets a slot immediately and does not wait in the queue."""
    sandbox.put(id=JOB)
    with patch.object(executions, "resume") as go_on:
        assert sandbox.invoke("TakeSlotFunction", sample("take_slot")) is None
    go_on.assert_called_once_with(sample("take_slot")["token"])
    assert sandbox.job(JOB).slot_since == sandbox.clock.now()


def test_start_task(sandbox: Sandbox) -> None:
    """The job is submitted."""
    sandbox.put(id=JOB)
    assert "listen" == sandbox.invoke("StartTaskFunction", sample("start_task"))["next"]
    assert 1 == len(sandbox.tasks())


def test_status(sandbox: Sandbox) -> None:
    """The task is polled, and has succeeded."""
    sandbox.submitted(id=JOB)
    sandbox.clock.advance(3600)
    assert "save" == sandbox.invoke("StatusFunction", sample("status-ask"))["next"]


def test_status_listen(sandbox: Sandbox) -> None:
    """The token of the waiting execution is stored."""
    assert {} == sandbox.invoke("StatusFunction", sample("status-listen"))


def test_wake(sandbox: Sandbox) -> None:
    """A completion event is accepted from anyone who has the token."""
    event = sample("wake")
    assert 403 == sandbox.invoke("WakeFunction", event)["statusCode"]
    token, secret = event["headers"]["x-eventbridge-signature-token"], sandbox.stack.resource("CompletionSecret")
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString=token)
    secrets.clear_cache()
    job = sandbox.put(JobState.SUBMITTING, id=JOB)
    with sandbox.stack.acting_as("StartTaskFunction"):
        jobs.claim(job, replace(job.at(JobState.RUNNING, job.created_at), task_id="task-1"), is_certain=True)
    answer = sandbox.invoke("WakeFunction", event)
    assert (200, '{"result": "received"}') == (answer["statusCode"], answer["body"])


def test_save_result(sandbox: Sandbox) -> None:
    """The video is stored."""
    sandbox.storing(id=JOB)
    assert "finish" == sandbox.invoke("SaveResultFunction", sample("save_result"))["next"]
    assert sandbox.job(JOB).result


def test_thumbnail(sandbox: Sandbox) -> None:
    """A frame of the video is stored beside it."""
    sandbox.storing(id=JOB)
    sandbox.invoke("SaveResultFunction", {"job_id": JOB})
    assert "finish" == sandbox.invoke("ThumbnailFunction", sample("thumbnail"))["next"]
    assert sandbox.job(JOB).thumbnail


def test_sign(sandbox: Sandbox) -> None:
    """Without a certificate, the job notes that its video is not signed."""
    sandbox.storing(id=JOB)
    for function in ("SaveResultFunction", "FinishFunction"):
        sandbox.invoke(function, {"job_id": JOB})
    assert "finish" == sandbox.invoke("SignFunction", sample("sign"))["next"]
    assert "secret_unreadable" == sandbox.job(JOB).unsigned


def test_sign_try(sandbox: Sandbox) -> None:
    """The operator's doctor asks whether videos can be signed."""
    assert "secret_unreadable" == sandbox.invoke("SignFunction", sample("sign-try"))["code"]


def test_reconcile_job(sandbox: Sandbox) -> None:
    """A task whose reply was lost is searched for."""
    sandbox.fake.fault(on="submit", kind="drop_after_accept")
    sandbox.submitted(id=JOB)
    sandbox.clock.advance(60)
    assert "wait" == sandbox.invoke("ReconcileFunction", sample("reconcile-job"))["next"]
    assert sandbox.job(JOB).is_adopted


def test_reconcile_sweep(sandbox: Sandbox) -> None:
    """A job whose execution was never started gets one."""
    sandbox.put(id=JOB)
    sandbox.clock.advance(3600)
    assert {"repaired": 1, "failed": 0} == sandbox.invoke("ReconcileFunction", sample("reconcile-sweep"))
    assert [JOB] == sandbox.executions()


def test_reconcile_cancel(sandbox: Sandbox) -> None:
    """An operator cancels a job."""
    sandbox.put(id=JOB)
    assert "cancelled" == sandbox.invoke("ReconcileFunction", sample("reconcile-cancel"))["outcome"]


def test_reconcile_resume(sandbox: Sandbox) -> None:
    """An operator resumes a job that has no execution."""
    sandbox.put(id=JOB)
    assert "resumed" == sandbox.invoke("ReconcileFunction", sample("reconcile-resume"))["outcome"]
    assert [JOB] == sandbox.executions()


def test_reconcile_task(sandbox: Sandbox) -> None:
    """An operator asks what DashScope says about a job."""
    sandbox.storing(id=JOB)
    assert "SUCCEEDED" == sandbox.invoke("ReconcileFunction", sample("reconcile-task"))["status"]


def test_reconcile_self_check(sandbox: Sandbox) -> None:
    """An operator asks what only a function can say; a secret that does not exist is a fact, not an error."""
    found = sandbox.invoke("ReconcileFunction", sample("reconcile-self_check"))
    assert "unreadable" == found["dashscope"][0]["code"]
    secret = sandbox.stack.resource("DashScopeSecret")
    found = sandbox.invoke("ReconcileFunction", {"action": "self_check", "secret_arn": secret})
    assert "" == found["dashscope"][0]["code"]
    assert [] == sandbox.tasks()


def test_finish_succeeded(sandbox: Sandbox) -> None:
    """The stored video makes the job a success."""
    sandbox.storing(id=JOB)
    sandbox.invoke("SaveResultFunction", {"job_id": JOB})
    assert {"state": "succeeded"} == sandbox.invoke("FinishFunction", sample("finish-succeeded"))


def test_finish_renew(sandbox: Sandbox) -> None:
    """The receipts get their thumbnail, and the record of the job is closed."""
    job = sandbox.storing(id=JOB)
    for function in ("SaveResultFunction", "FinishFunction", "ThumbnailFunction"):
        sandbox.invoke(function, {"job_id": JOB})
    assert {"state": "succeeded"} == sandbox.invoke("FinishFunction", sample("finish-renew"))
    assert "thumbnail" in sandbox.receipt(f"{job.receipts}/video.json")


@pytest.mark.parametrize(
    ("state", "event", "code"),
    [
        (JobState.RUNNING, sample("finish-failed"), "generation_failed"),
        (JobState.QUEUED, sample("finish-error"), "vendor_unreachable"),
    ],
    ids=["failed", "error"],
)
def test_finish_without_a_video(sandbox: Sandbox, state: JobState, event: dict[str, Any], code: str) -> None:
    """The failure of a step becomes the job's failure; so does an error, if the job has no task."""
    sandbox.put(state, id=JOB)
    assert {"state": "failed"} == sandbox.invoke("FinishFunction", event)
    failure = sandbox.job(JOB).failure
    assert failure
    assert code == failure.code


def dropped_batch(sandbox: Sandbox, event: dict[str, Any]) -> dict[str, Any]:
    """Drop the batch of a sample without its own events; return the sample with the file's version."""
    batch = event["run"]["batch"]
    sandbox.drop("drop/spring/1.jpg", picture())
    content = json.dumps({"prompt": "The woman of [Image 1] smiles.", "images": ["1.jpg"]}).encode()
    put = sandbox.s3.put_object(Bucket=sandbox.inbox, Key=batch["key"], Body=content)
    batch["version_id"] = put["VersionId"]
    Door(sandbox).forget()
    return {**event, "run": {**event["run"], "batch": batch}}


def test_batch_read(sandbox: Sandbox) -> None:
    """The file's one line is valid, and its receipt appears."""
    answer = sandbox.invoke("BatchFunction", dropped_batch(sandbox, sample("batch-read")))
    assert sample("batch-close")["run"]["read"] == answer
    assert "running" == sandbox.receipt("spring/batch.json")["state"]
    assert 1 == sandbox.receipt("spring/batch.json")["good"]
    assert 0 == sandbox.receipt("spring/batch.json")["bad"]


def test_batch_submit_line(sandbox: Sandbox) -> None:
    """The line becomes a job."""
    sandbox.invoke("BatchFunction", dropped_batch(sandbox, sample("batch-submit_line")))
    (job,) = sandbox.jobs()
    assert ("spring/batch/00001", [job.id]) == (job.receipts, sandbox.executions())


def test_batch_end_line(sandbox: Sandbox) -> None:
    """A line that made no job is counted, too."""
    sandbox.invoke("BatchFunction", dropped_batch(sandbox, sample("batch-read")))
    sandbox.invoke("BatchFunction", dropped_batch(sandbox, sample("batch-end_line")))
    sandbox.invoke("BatchFunction", sample("batch-close"))
    assert 1 == sandbox.receipt("spring/batch.json")["jobs"]["lost"]


def test_batch_close(sandbox: Sandbox) -> None:
    """The table and the final receipt appear."""
    sandbox.invoke("BatchFunction", dropped_batch(sandbox, sample("batch-read")))
    sandbox.invoke("BatchFunction", sample("batch-close"))
    assert "finished" == sandbox.receipt("spring/batch.json")["state"]
    assert sandbox.result("spring/batch.csv").startswith(b"\xef\xbb\xbfline,job,state")


def test_batch_cancel(sandbox: Sandbox) -> None:
    """The line has not started, and no longer will."""
    sandbox.invoke("BatchFunction", dropped_batch(sandbox, sample("batch-read")))
    sandbox.invoke("BatchFunction", sample("batch-cancel"))
    assert 1 == sandbox.receipt("spring/batch.json")["jobs"]["not_started"]


def test_deliver_announce(sandbox: Sandbox) -> None:
    """The end of a job is put on the event bus, and each endpoint of its client gets its own delivery."""
    job = sandbox.put(JobState.FAILED, id=JOB)
    endpoint = webhooks.endpoint(job.client, "https://example.com/hook", (), 0)
    with sandbox.stack.acting_as("SubmitFunction"):
        webhook_endpoints.put(endpoint)
    assert {"deliveries": 1} == sandbox.invoke("DeliverFunction", sample("deliver-announce"))
    assert [f"{JOB}-{endpoint.id}"] == sandbox.executions("WebhookWorkflow")


def test_deliver_attempt(sandbox: Sandbox) -> None:
    """An endpoint that was removed is not notified."""
    sandbox.put(JobState.FAILED, id=JOB)
    assert "settled" == sandbox.invoke("DeliverFunction", sample("deliver-attempt"))["next"]


def test_deliver_ping(sandbox: Sandbox) -> None:
    """The answer says that there is no endpoint to test."""
    expected = {"status": None, "trouble": "There is no such endpoint.", "milliseconds": 0}
    assert expected == sandbox.invoke("DeliverFunction", sample("deliver-ping"))
