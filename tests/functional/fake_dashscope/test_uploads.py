"""Temporary uploads and ``oss://`` URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope import KEY
from tests.functional.fake_dashscope.origin import RED, picture
from tests.functional.fake_dashscope.sandbox import ALIBABA, R2V

if TYPE_CHECKING:
    import httpx

    from tests.functional.fake_dashscope.sandbox import Sandbox

RESOLVE = {"X-DashScope-OssResourceResolve": "enable"}
HOUR = 3600


def policy(sandbox: Sandbox, model: str = R2V, key: str = KEY) -> dict[str, Any]:
    """Ask for an upload policy."""
    reply = sandbox.get("/uploads", key, action="getPolicy", model=model)
    assert 200 == reply.status_code, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


def form(data: dict[str, Any], name: str = "cat.png") -> dict[str, str]:
    """Fill in the form of a policy."""
    return {
        "OSSAccessKeyId": data["oss_access_key_id"],
        "Signature": data["signature"],
        "policy": data["policy"],
        "x-oss-object-acl": data["x_oss_object_acl"],
        "x-oss-forbid-overwrite": data["x_oss_forbid_overwrite"],
        "key": f"{data['upload_dir']}/{name}",
        "success_action_status": "200",
    }


def send(sandbox: Sandbox, data: dict[str, Any], fields: dict[str, str], body: bytes | None = None) -> httpx.Response:
    """Send the form with a file."""
    files = {"file": ("cat.png", picture(RED) if body is None else body)}
    return sandbox.client.post(data["upload_host"], data=fields, files=files)


def uploaded(sandbox: Sandbox, model: str = R2V, key: str = KEY) -> str:
    """Upload a picture and give its ``oss://`` URL."""
    data = policy(sandbox, model, key)
    response = send(sandbox, data, form(data))
    assert (200, b"") == (response.status_code, response.content)
    return f"oss://{data['upload_dir']}/cat.png"


def body_with(url: str, model: str = R2V) -> dict[str, Any]:
    """Return a body with one reference image."""
    return {"model": model, "input": {"prompt": "A cat", "media": [{"type": "reference_image", "url": url}]}}


def test_a_policy_has_the_documented_fields(sandbox: Sandbox) -> None:
    """A policy comes with the fields of the documents, under ``data``."""
    data = policy(sandbox)
    assert {
        "expire_in_seconds": 300,
        "max_file_size_mb": 100,
        "x_oss_object_acl": "private",
        "x_oss_forbid_overwrite": "true",
    }.items() <= data.items()
    assert {"policy", "signature", "upload_dir", "upload_host", "capacity_limit_mb", "oss_access_key_id"} < set(data)
    assert data["upload_dir"].startswith("dashscope-instant/")
    if sandbox.base == ALIBABA:
        assert "https://dashscope-file-mgr.oss-accelerate.aliyuncs.com" == data["upload_host"]


def test_an_upload_can_be_a_reference_image(sandbox: Sandbox) -> None:
    """An uploaded picture works as ``oss://`` URL, with the header."""
    reply = sandbox.finish(body_with(uploaded(sandbox)), **RESOLVE)
    assert "SUCCEEDED" == reply["output"]["task_status"]


def test_oss_urls_need_their_header(sandbox: Sandbox) -> None:
    """Without X-DashScope-OssResourceResolve an ``oss://`` URL is refused as a wrong media format."""
    response = sandbox.post(body_with(uploaded(sandbox)))
    assert (400, "InvalidParameter.DataInspection") == (response.status_code, response.json()["code"])
    assert "media format is not supported" in response.json()["message"]


def test_an_upload_belongs_to_a_model_and_an_account(sandbox: Sandbox) -> None:
    """Another model or another account does not see an upload."""
    url = uploaded(sandbox)
    refused = [
        sandbox.post(body_with(url, "happyhorse-1.1-r2v"), **RESOLVE),
        sandbox.post(body_with(url), key="sk-other", **RESOLVE),
        sandbox.post(body_with(url + ".txt"), **RESOLVE),
    ]
    assert [(400, "InvalidParameter.DataInspection")] * 3 == [(r.status_code, r.json()["code"]) for r in refused]
    assert 200 == sandbox.post(body_with(url), key="sk-second-key", **RESOLVE).status_code


def test_an_upload_is_gone_after_48_hours(sandbox: Sandbox) -> None:
    """48 h after the upload its URL no longer works."""
    url = uploaded(sandbox)
    sandbox.clock.advance(48 * HOUR - 1)
    assert 200 == sandbox.post(body_with(url), **RESOLVE).status_code
    sandbox.clock.advance(1)
    assert 400 == sandbox.post(body_with(url), **RESOLVE).status_code


def test_a_policy_expires(sandbox: Sandbox) -> None:
    """After 300 s a policy is refused, in DashScope's words."""
    data = policy(sandbox)
    sandbox.clock.advance(301)
    response = send(sandbox, data, form(data))
    assert 403 == response.status_code
    assert "<Code>AccessDenied</Code>" in response.text
    assert "Invalid according to Policy: Policy expired." in response.text


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("Signature", "wrong", 403),
        ("OSSAccessKeyId", "wrong", 403),
        ("policy", "wrong", 403),
        ("key", "elsewhere/cat.png", 403),
        ("x-oss-object-acl", "public-read", 403),
    ],
)
def test_a_changed_form_is_refused(sandbox: Sandbox, field: str, value: str, status: int) -> None:
    """The form is bound to its policy."""
    data = policy(sandbox)
    assert status == send(sandbox, data, {**form(data), field: value}).status_code


def test_an_upload_cannot_be_overwritten(sandbox: Sandbox) -> None:
    """The same key a second time is a conflict."""
    data = policy(sandbox)
    assert [200, 409] == [send(sandbox, data, form(data)).status_code for _ in range(2)]


def test_a_form_without_a_file_is_refused(sandbox: Sandbox) -> None:
    """A POST without a form and a file is malformed."""
    data = policy(sandbox)
    response = sandbox.client.post(data["upload_host"], data=form(data))
    assert 400 == response.status_code
    assert "<Code>MalformedPOSTRequest</Code>" in response.text


def test_an_upload_has_a_limit(sandbox: Sandbox) -> None:
    """More than 100 MB are refused."""
    data = policy(sandbox)
    response = send(sandbox, data, form(data), bytes(100 * 1024 * 1024 + 1))
    assert 400 == response.status_code
    assert "<Code>EntityTooLarge</Code>" in response.text


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "getPolicy", "model": "no-such-model"}, "ModelNotFound"),
        ({"action": "getPolicy"}, "ModelNotFound"),
        ({"model": R2V}, "InvalidParameter"),
    ],
)
def test_a_policy_needs_an_action_and_a_model(sandbox: Sandbox, params: dict[str, str], code: str) -> None:
    """A policy request names its action and a known model."""
    assert code == sandbox.get("/uploads", **params).json()["code"]


def test_a_hundred_policies_a_second(sandbox: Sandbox) -> None:
    """An account gets 100 policies per second per model."""
    for _ in range(100):
        policy(sandbox)
    response = sandbox.get("/uploads", action="getPolicy", model=R2V)
    assert (429, "Throttling.RateQuota") == (response.status_code, response.json()["code"])
    assert policy(sandbox, "happyhorse-1.1-r2v")
    assert policy(sandbox, key="sk-other")
