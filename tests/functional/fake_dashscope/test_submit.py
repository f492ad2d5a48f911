"""Submit: what DashScope accepts, refuses, assumes and truncates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope import Switches
from fake_dashscope.catalogue import MODELS
from fake_dashscope.order import cut
from tests.functional.fake_dashscope.sandbox import R2V, SUBMIT, authorized, order

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.fake_dashscope.sandbox import Sandbox

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
MISSING = "Required parameter({}) missing or invalid, please check the request parameters."


def media_order(model: str, *items: tuple[str, str]) -> dict[str, Any]:
    """Return a body with the media of ``(type, url)``."""
    media = [{"type": kind, "url": url} for kind, url in items]
    return {"model": model, "input": {"prompt": "A prompt", "media": media}}


ACCEPTED = {
    "happyhorse-1.0-r2v": order(R2V, 9),
    "happyhorse-1.1-r2v": order("happyhorse-1.1-r2v", 9, resolution="480P"),
    "happyhorse-1.0-t2v": {"model": "happyhorse-1.0-t2v", "input": {"prompt": "A cat"}},
    "happyhorse-1.1-t2v": {"model": "happyhorse-1.1-t2v", "input": {"prompt": "A cat"}},
    "happyhorse-1.0-i2v": {
        "model": "happyhorse-1.0-i2v",
        "input": {"media": [{"type": "first_frame", "url": "https://example.com/a.jpg"}]},
    },
    "happyhorse-1.1-i2v": media_order("happyhorse-1.1-i2v", ("first_frame", "https://example.com/a.jpg")),
    "happyhorse-1.0-video-edit": media_order(
        "happyhorse-1.0-video-edit",
        ("video", "https://example.com/a.mp4"),
        *[("reference_image", "https://example.com/a.jpg")] * 5,
    ),
}
REFUSED_MEDIA = {
    "none": (R2V, []),
    "ten": (R2V, [("reference_image", "https://example.com/a.jpg")] * 10),
    "first frame for r2v": (R2V, [("first_frame", "https://example.com/a.jpg")]),
    "two first frames": ("happyhorse-1.0-i2v", [("first_frame", "https://example.com/a.jpg")] * 2),
    "no first frame": ("happyhorse-1.0-i2v", []),
    "no video": ("happyhorse-1.0-video-edit", [("reference_image", "https://example.com/a.jpg")]),
    "two videos": ("happyhorse-1.0-video-edit", [("video", "https://example.com/a.mp4")] * 2),
    "six references beside a video": (
        "happyhorse-1.0-video-edit",
        [("video", "https://example.com/a.mp4"), *[("reference_image", "https://example.com/a.jpg")] * 6],
    ),
}

REFUSED_PARAMETERS = {
    ("resolution", "480P"): "The resolution is not valid 480P",
    ("resolution", 720): "The resolution is not valid 720",
    ("ratio", "2:1"): "The ratio is not valid 2:1",
    ("duration", 2): MISSING.format("duration"),
    ("duration", 16): MISSING.format("duration"),
    ("duration", 5.5): MISSING.format("duration"),
    ("duration", "5"): MISSING.format("duration"),
    ("duration", True): MISSING.format("duration"),
    ("seed", -1): MISSING.format("seed"),
    ("seed", 2147483648): MISSING.format("seed"),
    ("watermark", "no"): MISSING.format("watermark"),
}


def test_a_submit_is_answered_with_a_pending_task(sandbox: Sandbox) -> None:
    """A submit gets 200 with a task id and PENDING, and nothing else."""
    response = sandbox.post()
    assert 200 == response.status_code
    reply = response.json()
    assert {"request_id", "output"} == set(reply)
    assert {"task_id", "task_status"} == set(reply["output"])
    assert "PENDING" == reply["output"]["task_status"]
    assert re.fullmatch(UUID, reply["output"]["task_id"])
    assert re.fullmatch(UUID, reply["request_id"])


def test_replies_carry_the_headers_of_the_gateway(sandbox: Sandbox) -> None:
    """Replies carry the captured headers, and neither a rate limit nor a Retry-After."""
    response = sandbox.post()
    assert "application/json" == response.headers["content-type"]
    assert "istio-envoy" == response.headers["server"]
    assert "true" == response.headers["x-dashscope-call-gateway"]
    assert response.json()["request_id"] == response.headers["x-request-id"]
    arrived, answered = (int(response.headers[name]) for name in ("req-arrive-time", "resp-start-time"))
    assert int(response.headers["req-cost-time"]) == answered - arrived
    assert int(sandbox.clock.now() * 1000) == arrived
    assert "x-envoy-upstream-service-time" in response.headers
    assert not [name for name in response.headers if "ratelimit" in name or name == "retry-after"]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_its_own_media(sandbox: Sandbox, model: str) -> None:
    """Every model accepts a task with its own media."""
    assert "SUCCEEDED" == sandbox.finish(ACCEPTED[model])["output"]["task_status"]


@pytest.mark.parametrize("case", REFUSED_MEDIA)
def test_media_that_a_model_does_not_take_are_refused(sandbox: Sandbox, case: str) -> None:
    """Too few, too many or other media than the model's are a 400, and no task."""
    model, items = REFUSED_MEDIA[case]
    response = sandbox.post(media_order(model, *items))
    assert (400, "InvalidParameter") == (response.status_code, response.json()["code"])
    assert [] == sandbox.fake.ledger()["tasks"]


@pytest.mark.parametrize("parameters", REFUSED_PARAMETERS, ids=str)
def test_a_bad_parameter_is_refused(sandbox: Sandbox, parameters: tuple[str, Any]) -> None:
    """A bad parameter is a 400, and no task."""
    response = sandbox.post(order(R2V, 1, **dict([parameters])))
    assert 400 == response.status_code
    assert "InvalidParameter" == response.json()["code"]
    assert REFUSED_PARAMETERS[parameters] == response.json()["message"]
    assert [] == sandbox.fake.ledger()["tasks"]


def test_a_bad_parameter_may_fail_the_task_instead(make_sandbox: Callable[..., Sandbox]) -> None:
    """By switch a bad parameter is accepted and fails its task, with the same code and message, unbilled."""
    sandbox = make_sandbox(switches=Switches(bad_parameters="task"))
    for parameters, message in REFUSED_PARAMETERS.items():
        output = sandbox.finish(order(R2V, 1, **dict([parameters])))["output"]
        assert "FAILED" == output["task_status"]
        assert "InvalidParameter" == output["code"]
        assert message == output["message"]
    assert 0 == sandbox.fake.ledger()["accounts"]["main"]["billed_seconds"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ([], 400, "InvalidParameter"),
        ({"input": {"prompt": "A cat"}}, 400, "BadRequest.EmptyModel"),
        ({"model": R2V}, 400, "BadRequest.EmptyInput"),
        ({"model": R2V, "input": "A cat"}, 400, "BadRequest.EmptyInput"),
        ({"model": R2V, "input": {"media": []}}, 400, "InvalidParameter"),
        ({"model": R2V, "input": {"prompt": "", "media": []}}, 400, "InvalidParameter"),
        ({"model": R2V, "input": {"prompt": 5}}, 400, "InvalidParameter"),
        ({"model": R2V, "input": {"prompt": "A cat", "media": "x"}}, 400, "InvalidParameter"),
        ({"model": R2V, "input": {"prompt": "A cat", "media": ["x"]}}, 400, "InvalidParameter"),
        (media_order(R2V, ("reference_image", "")), 400, "InvalidParameter"),
        (media_order(R2V, ("reference_image", "ftp://example.com/a.jpg")), 400, "InvalidURL"),
        ({**order(), "parameters": "none"}, 400, "InvalidParameter"),
        (order("happyhorse-1.1-video-edit"), 404, "ModelNotFound"),
        (order("happyhorse-2.0-r2v"), 404, "ModelNotFound"),
    ],
)
def test_an_invalid_body_is_refused(sandbox: Sandbox, body: object, status: int, code: str) -> None:
    """A refusal is flat JSON with code, message and request id."""
    response = sandbox.client.post(sandbox.base + SUBMIT, json=body, headers=authorized())
    assert (status, code) == (response.status_code, response.json()["code"])
    assert {"code", "message", "request_id"} == set(response.json())


def test_a_body_that_is_not_json_is_refused(sandbox: Sandbox) -> None:
    """A body that is not JSON gets DashScope's message for it."""
    response = sandbox.client.post(sandbox.base + SUBMIT, content=b"{", headers=authorized())
    assert 400 == response.status_code
    assert "Required body invalid, please check the request body format." == response.json()["message"]


def test_an_unknown_model_may_be_a_bad_parameter(make_sandbox: Callable[..., Sandbox]) -> None:
    """Whether an unknown model is 404 ModelNotFound or 400 InvalidParameter is a switch."""
    response = make_sandbox(switches=Switches(unknown_model="InvalidParameter")).post(order("no-such-model"))
    assert 400 == response.status_code
    assert "InvalidParameter" == response.json()["code"]
    assert "Model not exist." == response.json()["message"]


def test_a_synchronous_call_is_denied(sandbox: Sandbox) -> None:
    """Without X-DashScope-Async the answer is 403 AccessDenied, in DashScope's words."""
    response = sandbox.client.post(
        sandbox.base + SUBMIT, json=order(), headers={"Authorization": "Bearer sk-second-key"}
    )
    assert 403 == response.status_code
    assert "AccessDenied" == response.json()["code"]
    assert "current user api does not support synchronous calls." == response.json()["message"]


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ({}, "No API-key provided."),
        ({"Authorization": "Bearer"}, "No API-key provided."),
        ({"Authorization": "Basic abc"}, "No API-key provided."),
        ({"Authorization": "Bearer sk-wrong"}, "Invalid API-key provided."),
        ({"Authorization": "Bearer sk-beijing"}, "Invalid API-key provided."),
    ],
)
def test_a_missing_wrong_or_foreign_key_is_refused(
    sandbox: Sandbox,
    authorization: dict[str, str],
    message: str,
) -> None:
    """A missing, wrong or foreign key is a 401 InvalidApiKey."""
    headers = {"X-DashScope-Async": "enable", **authorization}
    response = sandbox.client.post(sandbox.base + SUBMIT, json=order(), headers=headers)
    assert 401 == response.status_code
    assert "InvalidApiKey" == response.json()["code"]
    assert message == response.json()["message"]


def test_a_bill_that_is_overdue_is_a_429(sandbox: Sandbox) -> None:
    """Billing errors come as 429, too; their code distinguishes them from throttling."""
    response = sandbox.post(key="sk-overdue")
    assert (429, "PostpaidBillOverdue") == (response.status_code, response.json()["code"])


def test_unknown_keys_are_accepted(sandbox: Sandbox) -> None:
    """Keys that DashScope does not know, such as the SDK's own, do no harm."""
    body = order(prompt_extend=True, negative_prompt="rain", size="1280*720", n=1)
    body["input"] |= {"extend_prompt": True, "function": "video-synthesis"}
    assert 200 == sandbox.post(body | {"resources": []}).status_code


@pytest.mark.parametrize("parameters", [{}, {"resolution": None, "ratio": None, "duration": None, "watermark": None}])
def test_defaults_are_1080p_16_to_9_five_seconds_and_a_watermark(sandbox: Sandbox, parameters: dict[str, None]) -> None:
    """The defaults are 1080P, 16:9, 5 s, with a watermark."""
    reply = sandbox.finish(order(R2V, 1, **parameters))
    assert 1080 == reply["usage"]["SR"]
    assert "16:9" == reply["usage"]["ratio"]
    assert 5 == reply["usage"]["duration"]
    assert "_refiner_watermark.mp4" in reply["output"]["video_url"]
    assert {"resolution": "1080P", "ratio": "16:9", "duration": 5, "watermark": True, "seed": None} == (
        sandbox.fake.ledger()["tasks"][0]["parameters"]
    )


def test_parameters_may_be_absent(sandbox: Sandbox) -> None:
    """``parameters`` is optional."""
    body = order()
    del body["parameters"]
    assert 200 == sandbox.post(body).status_code


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("a" * 5000, 5000),
        ("a" * 5001, 5000),
        ("马" * 2500, 2500),
        ("马" * 2501, 2500),
        ("马" * 2000 + "a" * 1001, 3000),
        ("🐎" * 5001, 5000),
    ],
)
def test_a_long_prompt_is_cut_silently(prompt: str, read: int) -> None:
    """The model reads 5,000 non-Chinese or 2,500 Chinese characters; the rest is ignored."""
    assert prompt[:read] == cut(prompt)


def test_a_cut_prompt_succeeds_and_is_returned_complete(sandbox: Sandbox) -> None:
    """An over-long prompt costs as any other; ``orig_prompt`` is what was sent."""
    body = order()
    body["input"]["prompt"] = "a" * 6000
    output = sandbox.finish(body)["output"]
    assert "SUCCEEDED" == output["task_status"]
    assert "a" * 6000 == output["orig_prompt"]
    assert "a" * 5000 == sandbox.fake.ledger()["tasks"][0]["prompt"]


def test_another_service_is_a_url_error(sandbox: Sandbox) -> None:
    """A submit to the path of another service gets DashScope's message for a wrong endpoint."""
    path = "/api/v1/services/aigc/image2video/video-synthesis"
    response = sandbox.client.post(sandbox.base + path, json=order(), headers=authorized())
    assert (400, "url error, please check url\uff01") == (response.status_code, response.json()["message"])
