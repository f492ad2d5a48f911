"""The HTTPS door: creating, viewing and downloading videos."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import requests
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs
from gallop.domain.errors import AwsTrouble
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState, new_job_id
from gallop.domain.request.images import StoredImage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.http import Client
from tests.support.pictures import animated, data_uri, picture

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

PICTURE = "https://example.com/girl.jpg"


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def new_job(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a valid body, changed by ``fields``."""
    return {"prompt": "The woman of [Image 1] smiles.", "images": [PICTURE], **fields}


def assert_nothing_started(sandbox: Sandbox) -> None:
    """Assert that there is no job, no execution, no object and no request to DashScope: nothing was charged."""
    uploads = sandbox.s3.list_objects_v2(Bucket=sandbox.inbox).get("Contents", [])
    assert [] == sandbox.jobs()
    assert [] == sandbox.executions()
    assert [] == sandbox.results_there()
    assert [] == uploads
    assert [] == sandbox.tasks()


def succeeded(sandbox: Sandbox) -> str:
    """Return the id of a job that has its video."""
    job = sandbox.storing()
    sandbox.invoke("SaveResultFunction", {"job_id": job.id})
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    return job.id


def test_a_create_is_accepted_and_says_where_to_look(sandbox: Sandbox, ada: Client) -> None:
    """The answer is 202 with the job, its address and when to poll; the workflow runs under the job's id."""
    answer = ada.post(new_job())
    (job,) = sandbox.jobs()
    assert 202 == answer.status
    assert f"/v1/videos/{job.id}" == answer.headers["Location"]
    assert "50" == answer.headers["Retry-After"]
    assert "50000" == answer.headers["openai-poll-after-ms"]
    assert job.id == answer.json["id"]
    assert "queued" == answer.json["state"]
    assert "queued" == answer.json["status"]
    assert 0.7 == answer.json["estimated_cost"]
    assert "ada" == job.client
    assert "https" == job.door
    assert f"videos/{job.id}" == job.receipts
    assert [job.id] == sandbox.executions()
    assert "queued" == sandbox.receipt(f"videos/{job.id}/status.json")["state"]


def test_inline_images_are_stored_in_the_inbox(sandbox: Sandbox, ada: Client) -> None:
    """They are stored by client and hash; the record refers to them and does not contain them."""
    ada.post(new_job(images=[data_uri(picture("PNG"), "image/png"), data_uri(picture(), "image/jpeg")]))
    (job,) = sandbox.jobs()
    kept = [image for image in job.request.images if isinstance(image, StoredImage)]
    expected = [f"uploads/ada/{hashlib.sha256(picture(form)).hexdigest()}.{form.lower()}" for form in ("PNG", "JPEG")]
    assert expected == [image.key for image in kept]
    assert [picture("PNG"), picture()] == [
        sandbox.s3.get_object(Bucket=sandbox.inbox, Key=image.key, VersionId=image.version_id)["Body"].read()
        for image in kept
    ]


def test_images_in_the_inbox_are_referenced_by_name(sandbox: Sandbox, ada: Client) -> None:
    """Their version and hash are recorded, so that a later upload does not change the job."""
    sandbox.drop("uploads/big.webp", picture("WEBP"))
    ada.post(new_job(images=[f"s3://{sandbox.inbox}/uploads/big.webp"]))
    (job,) = sandbox.jobs()
    version = sandbox.s3.head_object(Bucket=sandbox.inbox, Key="uploads/big.webp")["VersionId"]
    expected = StoredImage(sandbox.inbox, "uploads/big.webp", version, hashlib.sha256(picture("WEBP")).hexdigest())
    assert (expected,) == job.request.images


@pytest.mark.parametrize(
    ("fields", "pointer", "problem"),
    [
        ({"prompt": None}, "/prompt", "is missing or empty"),
        (
            {"model": "happyhorse-1.0-r2v", "prompt": "She smiles.", "images": []},
            "/images",
            "there are 0 images; 1 to 9 are required",
        ),
        ({"images": [PICTURE] * 10}, "/images", "there are 10 images; 1 to 9 are required"),
        ({"images": [data_uri(b"Not a picture.")]}, "/images/0", "is not a supported image"),
        ({"images": [PICTURE, data_uri(picture(width=300, height=300))]}, "/images/1", "is 300 x 300 px"),
        ({"images": [data_uri(animated("GIF"), "image/gif")]}, "/images/0", "is an animation (2 frames)"),
        ({"images": ["http://example.com/a.jpg"]}, "/images/0", "is not a supported image reference"),
        ({"images": ["https://10.0.0.1/a.jpg"]}, "/images/0", "has a host that is an IP address"),
        (
            {"images": ["s3://gallop-inbox-123456789012-eu-central-1/uploads/no.jpg"]},
            "/images/0",
            "not found in the inbox bucket",
        ),
        (
            {"images": ["s3://gallop-inbox-123456789012-eu-central-1/drop/a/1.jpg"]},
            "/images/0",
            "refers to an object outside",
        ),
        ({"ratio": "2:1"}, "/ratio", 'unknown value "2:1"'),
        ({"duration": 2}, "/duration", "must be a whole number from 3 to 15 seconds, not 2"),
        ({"duration": 16}, "/duration", "must be a whole number from 3 to 15 seconds, not 16"),
        ({"prompt": "x" * 5001}, "/prompt", "is too long: 5,001 characters"),
        (
            {"prompt": "[Image 4]", "images": [PICTURE] * 3},
            "/prompt",
            "refers to [Image 4], but there are only 3 images",
        ),
        ({"fps": 60}, "/fps", "is not a field of a video request"),
    ],
)
def test_invalid_input_is_explained(
    sandbox: Sandbox, ada: Client, fields: dict[str, Any], pointer: str, problem: str
) -> None:
    """The answer is 400 problem+json with pointer, detail and remedy, and nothing is started."""
    faults = ada.post(new_job(**fields)).faults
    assert [pointer] == list(faults)
    assert faults[pointer].startswith(problem)
    assert_nothing_started(sandbox)


def test_all_problems_come_in_one_answer(sandbox: Sandbox, ada: Client) -> None:
    """The answer follows RFC 9457 and lists everything that is wrong, inside the images, too."""
    small = data_uri(picture(width=10, height=10))
    answer = ada.post({"images": [small, "x", small], "ratio": "1", "duration": 99, "seed": -1, "watermark": 1, "x": 1})
    expected = {"/prompt", "/images/0", "/images/1", "/images/2", "/ratio", "/duration", "/seed", "/watermark", "/x"}
    assert expected == answer.faults.keys()
    assert {
        "type": "/errors/invalid_request",
        "title": "Invalid request",
        "status": 400,
        "code": "invalid_request",
        "remedy": "Fix the problems listed in `errors` and resend. You have not been charged.",
    } == {name: answer.json[name] for name in ("type", "title", "status", "code", "remedy")}
    assert all(error["remedy"] for error in answer.json["errors"])
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "the body is not valid JSON: Expecting value"),
        ("", "the body is not valid JSON: Expecting value"),
        ('{"prompt": "x",}', "the body is not valid JSON: "),
        ("prompt=x", "the body is not valid JSON: Expecting value"),
        ('{"seed": NaN}', "the body is not valid JSON"),
        ('{"seed": ' + "9" * 5000 + "}", "the body contains a number of 5,000 digits"),
        ("[" * 100_000, "the body is nested too deeply"),
        ('{"metadata": {"a": ' + "[" * 500 + "]" * 500 + "}}", "the body is nested too deeply"),
        ("[]", "the body is not a JSON object"),
        ('"x"', "the body is not a JSON object"),
        (b"\xff\xfe\x00", "the body is not valid UTF-8"),
        (b"--boundary\r\nContent-Type: image/png\r\n\r\n\x89PNG", "the body is not valid UTF-8"),
    ],
)
def test_a_body_that_is_not_a_request_is_refused(
    sandbox: Sandbox, ada: Client, body: str | bytes | None, problem: str
) -> None:
    """Any such body gets a 400 with a message, never a 500."""
    answer = ada.post(body)
    assert [""] == list(answer.faults)
    assert answer.faults[""].startswith(problem)
    assert answer.json["detail"].endswith(answer.faults[""])
    assert_nothing_started(sandbox)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.text(st.characters(), max_size=60).filter(lambda text: not text.isspace())
    | st.dictionaries(st.sampled_from(["video", "images", "size", "metadata", "seconds"]), st.integers() | st.text())
)
def test_no_body_crashes_the_door(ada: Client, body: str | bytes | dict[str, Any]) -> None:
    """For bytes, text or JSON the answer says what is wrong with it."""
    assert ada.post(body).faults


def test_a_body_in_base64_is_the_same_body(sandbox: Sandbox, ada: Client) -> None:
    """API Gateway encodes bodies that it does not recognise as text."""
    assert 202 == ada.post(b'{"prompt": "The woman smiles.", "images": ["https://example.com/girl.jpg"]}').status
    assert 1 == len(sandbox.jobs())


def test_an_unpaired_surrogate_is_invalid_input(sandbox: Sandbox, ada: Client) -> None:
    """It could neither be sent to DashScope nor be written to a receipt."""
    assert {"/prompt", "/metadata"} == ada.post(new_job(prompt="\ud83d", metadata={"a": "\udc00"})).faults.keys()
    assert_nothing_started(sandbox)


def test_a_dry_run_returns_the_price_and_has_no_effect(sandbox: Sandbox, ada: Client) -> None:
    """The request is checked like a real one, and costs nothing."""
    answer = ada.post(new_job(dry_run=True, resolution="1080P", duration=15))
    assert (200, 3.6) == (answer.status, answer.json["estimated_cost"])
    assert ["/ratio"] == list(ada.post(new_job(dry_run=True, ratio="x")).faults)
    assert ["/dry_run"] == list(ada.post(new_job(dry_run="yes")).faults)
    assert ["Idempotency-Key"] == list(ada.post(new_job(dry_run=True), idempotency_key="a b").faults)
    assert_nothing_started(sandbox)


def test_openais_sdk_gets_errors_in_its_format(sandbox: Sandbox, ada: Client) -> None:
    """The SDK is recognised by its headers; it reads message, type, param and code."""
    answer = ada.post(new_job(ratio="2:1", images=[PICTURE, "x"]), x_stainless_lang="python")
    assert (400, "application/json") == (answer.status, answer.headers["Content-Type"])
    error = answer.json["error"]
    assert "invalid_request_error" == error["type"]
    assert "images[1]" == error["param"]
    assert "invalid_request" == error["code"]
    assert '/ratio: unknown value "2:1"' in error["message"]
    assert "Use one of 16:9" in error["message"]
    assert 404 == Client(sandbox).get(f"/v1/videos/{new_job_id(sandbox.clock.now())}", x_stainless_lang="python").status


def test_openais_sdk_gets_the_type_of_a_refusal(sandbox: Sandbox) -> None:
    """The SDK chooses the exception by status and shows the type: the request, the key or the server."""
    nobody = Client(sandbox, "").post(new_job(), x_stainless_lang="python")
    assert (401, "authentication_error") == (nobody.status, nobody.json["error"]["type"])
    with patch.object(jobs, "create", side_effect=KeyError):
        broken = Client(sandbox).post(new_job(), x_stainless_lang="python")
    assert (500, "server_error") == (broken.status, broken.json["error"]["type"])
    with patch.object(jobs, "create", side_effect=AwsTrouble("no")):
        late = Client(sandbox).post(new_job(), x_stainless_lang="python")
    assert 503 == late.status
    assert "server_error" == late.json["error"]["type"]
    assert "5" == late.headers["Retry-After"]


def test_a_final_refusal_is_not_retried(sandbox: Sandbox, ada: Client) -> None:
    """OpenAI's clients obey ``x-should-retry``; refusals that may succeed later do not set it."""
    final = [ada.post(new_job(ratio="x")), ada.get("/v1/videos/x"), Client(sandbox, "").post(new_job()), ada.get("/v2")]
    assert ["false"] * 4 == [answer.headers["x-should-retry"] for answer in final]
    unfinished = sandbox.put()
    with patch.object(jobs, "create", side_effect=AwsTrouble("no")):
        later = [ada.post(new_job()), ada.get(f"/v1/videos/{unfinished.id}/content")]
    assert [(503, False), (409, False)] == [(answer.status, "x-should-retry" in answer.headers) for answer in later]


def test_every_answer_has_its_request_id(sandbox: Sandbox, ada: Client) -> None:
    """Successes and refusals have the id under which API Gateway's log has the request."""
    job = sandbox.put()
    answers = [ada.post(new_job()), ada.post("x"), ada.get(f"/v1/videos/{job.id}"), ada.get("/v2"), ada.get("/health")]
    assert [202, 400, 200, 404, 200] == [answer.status for answer in answers]
    assert {"JKJaXmPLvHcESHA="} == {answer.headers["x-request-id"] for answer in answers}


def test_dashscopes_clients_get_errors_in_its_format(ada: Client) -> None:
    """Code, message and request id come as flat JSON: DashScope's packages read no other content type."""
    answer = ada.get("/api/v1/no-such-route")
    assert (404, "application/json") == (answer.status, answer.headers["Content-Type"])
    assert {
        "code": "NotFound",
        "message": "There is no such route.",
        "request_id": answer.headers["x-request-id"],
    } == answer.json


def test_every_route_but_the_open_ones_needs_a_key(sandbox: Sandbox) -> None:
    """The answer is 401 and says how to get a key."""
    nobody = Client(sandbox, "")
    answers = [
        nobody.post(new_job()),
        nobody.get(f"/v1/videos/{new_job_id(sandbox.clock.now())}"),
        nobody.get("/v1/videos/job_x/content"),
    ]
    assert {(401, "unauthenticated", "The request has no API key.", "Bearer")} == {
        (answer.status, answer.json["code"], answer.json["detail"], answer.headers["WWW-Authenticate"])
        for answer in answers
    }
    assert (200, {"status": "ok"}) == ((health := nobody.get("/health")).status, health.json)
    assert_nothing_started(sandbox)


@pytest.mark.parametrize("state", list(JobState))
def test_a_job_is_shown_in_every_state(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """The answer has Gallop's state, OpenAI's status and when to poll again."""
    job = sandbox.put(state)
    answer = ada.get(f"/v1/videos/{job.id}")
    assert 200 == answer.status
    assert job.id == answer.json["id"]
    assert state.value == answer.json["state"]
    assert int(answer.headers["Retry-After"]) * 1000 == int(answer.headers["openai-poll-after-ms"])
    assert [] == list(sandbox.router.calls)


def test_nobody_sees_another_clients_job(sandbox: Sandbox) -> None:
    """The answer is the same as for a missing job, so that ids cannot be probed."""
    job = sandbox.put(client="ada")
    mallory = Client(sandbox, "mallory")
    theirs, none = mallory.get(f"/v1/videos/{job.id}"), mallory.get("/v1/videos/job_" + "a" * 26)
    assert (404, 404) == (theirs.status, none.status)
    assert theirs.text.replace(job.id, "ID") == none.text.replace("job_" + "a" * 26, "ID")
    assert 404 == mallory.get(f"/v1/videos/{job.id}/content").status
    assert 200 == Client(sandbox).get(f"/v1/videos/{job.id}").status


@pytest.mark.parametrize("owner", ["ada", "s3"])
def test_an_operator_sees_everyones_jobs(sandbox: Sandbox, owner: str) -> None:
    """Jobs of the S3 door, which no client can read, are included; a missing job stays missing."""
    job = sandbox.put(client=owner)
    operator = Client(sandbox, "ops", is_admin=True)
    assert (200, job.id) == ((answer := operator.get(f"/v1/videos/{job.id}")).status, answer.json["id"])
    assert 404 == Client(sandbox, "bob").get(f"/v1/videos/{job.id}").status
    assert 404 == operator.get(f"/v1/videos/{new_job_id(sandbox.clock.now())}").status


@pytest.mark.parametrize(
    "path",
    [
        "/v1/videos/x",
        "/v1/videos/job_",
        "/v1/videos/JOB#x",
        "/v1/videos/" + "a" * 5000,
        "/v1/videos/%00",
        "/v1/videos/..",
        "/v1/videos/../../etc/passwd",
        "/v1/videos/job_aaaaaaaaaaaaaaaaaaaaaaaaaa/contents",
        "/v2/videos",
        "/",
    ],
)
def test_a_missing_resource_is_404(ada: Client, path: str) -> None:
    """The message is short."""
    answer = ada.get(path)
    assert 404 == answer.status
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert len(answer.text) < 500


def test_the_content_is_a_redirect_to_the_bucket(sandbox: Sandbox, ada: Client) -> None:
    """The 302 leads to a new address that returns the video for an hour and is not cached."""
    job_id = succeeded(sandbox)
    answer = ada.get(f"/v1/videos/{job_id}/content")
    assert (302, "no-store") == (answer.status, answer.headers["Cache-Control"])
    fetched = requests.get(answer.headers["Location"], timeout=5)
    result = sandbox.job(job_id).result
    assert result
    assert (result.sha256, "video/mp4") == (
        hashlib.sha256(fetched.content).hexdigest(),
        fetched.headers["Content-Type"],
    )
    assert "X-Amz-Expires=3600" in answer.headers["Location"]
    assert f"versionId={result.version_id}" in answer.headers["Location"]


@pytest.mark.parametrize(
    "state", [state for state in JobState if state not in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)]
)
def test_there_is_no_content_before_the_end(sandbox: Sandbox, ada: Client, state: JobState) -> None:
    """The answer is 409 with the job's state."""
    answer = ada.get(f"/v1/videos/{sandbox.put(state).id}/content")
    assert (409, f"The job is {state.value}.") == (answer.status, answer.json["detail"])


def test_the_content_of_a_failed_job_is_its_reason(sandbox: Sandbox, ada: Client) -> None:
    """A request for the video of a failed job gets the reason of the failure."""
    failure = Failure(FailureCode.GENERATION_FAILED, "No video.", "DataInspectionFailed", "Moderation said no.")
    job = sandbox.put(JobState.FAILED, failure=failure)
    answer = ada.get(f"/v1/videos/{job.id}/content")
    assert (409, "The job is failed: No video.") == (answer.status, answer.json["detail"])
    assert {
        "code": "generation_failed",
        "message": "No video.",
        "vendor_code": "DataInspectionFailed",
        "vendor_message": "Moderation said no.",
        "remedy": (
            "Change the prompt or the images: DashScope's moderation refused them. Then create the job again. "
            "You have not been charged."
        ),
    } == ada.get(f"/v1/videos/{job.id}").json["error"]


def test_an_idempotency_key_makes_one_job_of_two_creates(sandbox: Sandbox, ada: Client) -> None:
    """Equal key and content are one job, marked as a replay; other content is refused; each client has its own keys."""
    first, second = (ada.post(new_job(), idempotency_key="order-17") for _ in range(2))
    assert 202 == first.status
    assert first.headers.get("Idempotent-Replay") is None
    assert 202 == second.status
    assert "true" == second.headers.get("Idempotent-Replay")
    assert first.json["id"] == second.json["id"]
    assert (422, "idempotency_mismatch") == (
        (other := ada.post(new_job(seed=1), idempotency_key="order-17")).status,
        other.json["code"],
    )
    assert 202 == Client(sandbox, "bob").post(new_job(), idempotency_key="order-17").status
    assert 2 == len(sandbox.jobs())


def test_an_aws_error_is_503_and_costs_nothing(sandbox: Sandbox, ada: Client) -> None:
    """The client may retry; AWS's message stays in the log."""
    with patch.object(jobs, "create", side_effect=AwsTrouble("ProvisionedThroughputExceeded on table x")):
        answer = ada.post(new_job())
    assert 503 == answer.status
    assert "5" == answer.headers["Retry-After"]
    assert "table x" not in answer.text
    assert "table x" in sandbox.log_lines.getvalue()
    assert [] == sandbox.executions()


def test_an_unhandled_exception_is_500_without_details(sandbox: Sandbox, ada: Client) -> None:
    """Details are in the log only."""
    with patch.object(jobs, "get", side_effect=KeyError("inner workings")):
        answer = ada.get(f"/v1/videos/{new_job_id(sandbox.clock.now())}")
    assert 500 == answer.status
    assert "internal_error" == answer.json["code"]
    assert "inner" not in answer.text
    assert "inner workings" in sandbox.log_lines.getvalue()


def test_a_create_that_failed_half_way_is_one_job_when_it_is_repeated(sandbox: Sandbox, ada: Client) -> None:
    """If the job was recorded but not started, repeating the request under the same key starts it."""
    with patch.object(job_workflow, "start", side_effect=AwsTrouble("no")):
        assert 503 == ada.post(new_job(), idempotency_key="k").status
    assert (1, []) == (len(sandbox.jobs()), sandbox.executions())
    assert 202 == ada.post(new_job(), idempotency_key="k").status
    assert [job.id for job in sandbox.jobs()] == sandbox.executions()
