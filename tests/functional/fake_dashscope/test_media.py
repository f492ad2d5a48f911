"""Input media: downloaded, checked, and refused in DashScope's words."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope import Switches, VendorError
from fake_dashscope.media import is_loopback
from tests.functional.fake_dashscope.origin import RED, picture
from tests.functional.fake_dashscope.sandbox import R2V

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.fake_dashscope.origin import Origin
    from tests.functional.fake_dashscope.sandbox import Sandbox

I2V = "happyhorse-1.0-i2v"
REFUSED = {
    "no-length.png": ("InternalError.Algo", "Missing Content-Length of multimodal url."),
    "forbidden.png": (
        "InvalidParameter",
        "Don't have authorization to access the media resource during the data inspection process.",
    ),
    "missing.png": (
        "InvalidParameter",
        "Failed to find the requested media resource during the data inspection process.",
    ),
    "broken.png": ("InvalidParameter", "Failed to download multimodal content."),
    "half.png": ("InvalidParameter", "Failed to download multimodal content."),
    "text.jpg": ("InvalidParameter", "image format error"),
    "moving.gif": ("InvalidParameter", "image format error"),
    "cut.png": ("InvalidParameter", "Failed to decode the image during the data inspection."),
    "small.png": ("InvalidParameter", "the size of input image is too small or too large."),
    "large.png": ("InvalidParameter", "Multimodal file size is too large"),
}
IMAGE_RULES = {
    (R2V, "reference_image", "strip.png"): None,
    (I2V, "first_frame", "portrait.png"): None,
    (I2V, "first_frame", "strip.png"): "InvalidFile.AspectRatio",
    (I2V, "first_frame", "small.png"): None,
    (I2V, "first_frame", "tiny.png"): "InvalidParameter",
}


def with_media(*urls: str, model: str = R2V, kind: str = "reference_image", **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a body with media of one type."""
    media = [{"type": kind, "url": url} for url in urls]
    return {"model": model, "input": {"prompt": "A prompt", "media": media}, "parameters": parameters}


def data_uri(body: bytes, kind: str = "image/png") -> str:
    """Write bytes as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"


def test_every_documented_format_is_taken(sandbox: Sandbox, origin: Origin) -> None:
    """JPEG, PNG and WEBP are fetched, with GET and never with HEAD."""
    del origin.methods[:]
    body = with_media(*(origin.url(name) for name in ("red.png", "green.jpg", "blue.webp")))
    assert "SUCCEEDED" == sandbox.finish(body)["output"]["task_status"]
    assert ["GET"] * 3 == origin.methods


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_cannot_be_used_fails_the_task(sandbox: Sandbox, origin: Origin, name: str) -> None:
    """Each way in which an image cannot be used fails the task in DashScope's own words, and costs nothing."""
    output = sandbox.finish(with_media(origin.url("red.png"), origin.url(name)))["output"]
    assert "FAILED" == output["task_status"]
    assert REFUSED[name] == (output["code"], output["message"])
    assert 0 == sandbox.fake.ledger()["accounts"]["main"]["billed_seconds"]


def test_an_image_that_does_not_come_fails_the_task(make_sandbox: Callable[..., Sandbox], origin: Origin) -> None:
    """A server that does not respond is given up after ``fetch_timeout``."""
    sandbox = make_sandbox(switches=Switches(fetch_timeout=0.2))
    output = sandbox.finish(with_media(origin.url("silent.png")))["output"]
    assert ("InvalidParameter", "Download the media resource timed out during the data inspection process.") == (
        output["code"],
        output["message"],
    )


def test_an_unreachable_server_fails_the_task(sandbox: Sandbox) -> None:
    """A refused connection is a failed download."""
    output = sandbox.finish(with_media("http://127.0.0.1:9/a.png"))["output"]
    assert ("InvalidParameter", "Failed to download multimodal content.") == (output["code"], output["message"])


def test_a_failing_fetch_fails_soon(sandbox: Sandbox, origin: Origin) -> None:
    """A task whose image is missing does not run for minutes first."""
    task_id = sandbox.submit(with_media(origin.url("missing.png")))
    sandbox.advance(0.1)
    sandbox.advance(2)
    assert "FAILED" == sandbox.output(task_id)["task_status"]


def test_public_hosts_are_not_asked(sandbox: Sandbox) -> None:
    """A public URL is drawn as a placeholder, without the network."""
    reply = sandbox.finish(with_media("https://no-such-host.invalid/a.jpg"))
    assert "SUCCEEDED" == reply["output"]["task_status"]


def test_public_hosts_are_asked_by_switch(make_sandbox: Callable[..., Sandbox]) -> None:
    """By switch everything is fetched; what cannot be reached fails the task."""
    requested = []

    def refuse(url: str, max_bytes: int, timeout: float) -> bytes:
        requested.append((url, max_bytes, timeout))
        raise VendorError("InvalidURL.ConnectionRefused")

    sandbox = make_sandbox(switches=Switches(fetch="all", fetch_timeout=3), get=refuse)
    output = sandbox.finish(with_media("https://example.com/a.jpg"))["output"]
    assert "InvalidURL.ConnectionRefused" == output["code"]
    assert [("https://example.com/a.jpg", 20 * 1024 * 1024, 3)] == requested


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:5000/bucket/key?X-Amz-Signature=1", True),
        ("http://127.8.0.1/a", True),
        ("http://localhost:5000/a", True),
        ("http://bucket.localhost:5000/a", True),
        ("http://[::1]:5000/a", True),
        ("http://0.0.0.0:5000/a", True),
        ("https://example.com/a?host=127.0.0.1", False),
        ("https://localhost.example.com/a", False),
        ("https://127.0.0.1.example.com/a", False),
        ("https://10.0.0.1/a", False),
    ],
)
def test_loopback_is_recognised_by_the_host(url: str, loopback: bool) -> None:
    """Only the host decides whether a URL is this machine's."""
    assert loopback == is_loopback(url)


def test_data_uris_are_taken(sandbox: Sandbox) -> None:
    """A data URI is as good as a URL; the ledger shows only its beginning."""
    uri = data_uri(picture(RED))
    assert "SUCCEEDED" == sandbox.finish(with_media(uri))["output"]["task_status"]
    shown = sandbox.fake.ledger()["tasks"][0]["images"][0]
    assert uri[:64] == shown[:64]
    assert len(shown) < 100


@pytest.mark.parametrize("uri", ["data:image/png;base64,%%%", "data:image/png,abc", data_uri(b"no picture")])
def test_a_data_uri_that_is_not_an_image_fails_the_task(sandbox: Sandbox, uri: str) -> None:
    """A data URI that does not hold an image is an image format error."""
    output = sandbox.finish(with_media(uri))["output"]
    assert ("InvalidParameter", "image format error") == (output["code"], output["message"])


@pytest.mark.parametrize("case", IMAGE_RULES)
def test_each_model_has_its_own_rules_for_images(sandbox: Sandbox, origin: Origin, case: tuple[str, str, str]) -> None:
    """r2v wants a short side of 400 and any shape; i2v wants 300 and a maximum of 2.5:1."""
    model, kind, name = case
    output = sandbox.finish(with_media(origin.url(name), model=model, kind=kind))["output"]
    assert IMAGE_RULES[case] == output.get("code")
