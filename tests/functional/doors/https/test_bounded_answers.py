"""Answers and receipts are short and can be encoded, whatever was sent: no input is a 5xx."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.doors.https.test_https import assert_nothing_started, new_job
from tests.functional.fake_dashscope.sandbox import SUBMIT, order
from tests.support.dashscope import TASKS, Vendor
from tests.support.drops import Door
from tests.support.http import Client
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.support.http import Answer
    from tests.support.sandbox import Sandbox

SURROGATE = "\udfaa"
# What public lists of naughty strings have: controls, half and combined characters, scripts, markup, formats.
NAUGHTY = (
    *(
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ufffe",
        "\ufffd",
        "\u202e",
        "\u200b",
        "\ud800",
        SURROGATE,
    ),
    *(
        "Z\u0351\u036b\u0343",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1fa\U0001f1f8",
        "\u1e9e\u0130\u0131",
    ),
    *("\u7530\u4e2d\u3055\u3093", "\u0627\u0644\u0639\u0631", "\uff11\uff12", "\u2460", "\u1680\u2003", "\ufdfa"),
    *(
        "<script>alert(1)</script>",
        "';DROP TABLE jobs--",
        "%s%n%x",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "$(id)",
        "../../etc/passwd",
    ),
    *(
        "undefined",
        "null",
        "NaN",
        "1e999",
        "-1",
        "0x7f",
        "1_000",
        "true",
        "=cmd|' /C calc'!A0",
        "#REF!",
        "\r\nX: y",
        "\\",
        '"',
    ),
)
TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(NAUGHTY)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def assert_answered(answer: Answer) -> None:
    """Assert that an answer is no 5xx, and can be sent."""
    assert answer.status < 500, answer.text
    assert (answer.text or "").encode() is not None
    assert [] == [value for value in answer.headers.values() if not value.isascii() or not value.isprintable()]


def test_many_faults_are_the_first_hundred_and_a_number(sandbox: Sandbox, ada: Client) -> None:
    """A body with 30,000 unknown names gets a short 400 in every dialect."""
    names = {f"name{number}": number for number in range(30_000)}
    native = ada.post({**new_job(), **names})
    assert (400, 100) == (native.status, len(native.json["errors"]))
    assert 29_900 == native.json["omitted"]
    openai = ada.post({**new_job(), **names}, x_stainless_lang="python")
    assert 400 == openai.status
    uploads = ada.upload({"content_type": "image/png", **names})
    assert (400, 29_900) == (uploads.status, uploads.json["omitted"])
    media = [{"type": "reference_image", "url": 7}] * 30_000
    vendor = Vendor(sandbox).submit({**order(), "input": {"prompt": "A cat.", "media": media}})
    assert 400 == vendor.status
    for answer in (native, openai, uploads, vendor):
        assert len(answer.text) < 50_000
    assert "29,900 more problems are not listed" in openai.json["error"]["message"]
    assert_nothing_started(sandbox)


@pytest.mark.parametrize(
    "prompt",
    [" ".join(f"[Image {number}]" for number in range(10, 60_000)), "[image" + "0" * 200_000, "[" + " " * 2_000_000],
    ids=["references", "zeros", "spaces"],
)
def test_a_prompt_of_any_length_is_checked_quickly(ada: Client, prompt: str) -> None:
    """Its references are counted in linear time, and only the first are listed."""
    answer = ada.post(new_job(prompt=prompt))
    assert 400 == answer.status
    assert len(answer.json["errors"]) <= 100


def test_a_job_file_with_many_faults_has_a_receipt(sandbox: Sandbox) -> None:
    """It lists the first hundred and says how many more there are, and no message is given up."""
    door = Door(sandbox)
    sandbox.drop("drop/many/1.jpg", picture())
    names = {f"name{number}": number for number in range(2500)}
    sandbox.drop("drop/many/job.json", json.dumps({"prompt": "A cat.", "images": ["1.jpg"], **names}).encode())
    sandbox.drop("drop/twice/1.jpg", picture())
    twice = ", ".join(f'"name{number}": 0, "name{number}": 0' for number in range(2500))
    sandbox.drop("drop/twice/job.json", f'{{"prompt": "A cat.", {twice}}}'.encode())
    door.run(300)
    assert [] == door.dead()
    many, double = (sandbox.receipt(f"{name}/error.json") for name in ("many", "twice"))
    assert (100, 2400) == (len(many["faults"]), many["omitted"])
    assert "2,400 more problems are not listed" in many["error"]["message"]
    assert (100, 4900) == (len(double["faults"]), double["omitted"])


@pytest.mark.parametrize("naughty", [name for name in NAUGHTY if name.strip()], ids=ascii)
def test_a_naughty_string_is_returned_or_refused(sandbox: Sandbox, ada: Client, naughty: str) -> None:
    """As a prompt, a name, a value or metadata, at every route; what is accepted comes back unchanged."""
    accepted = ada.post(new_job(prompt=f"{naughty} smiles", metadata={naughty: naughty}))
    assert_answered(accepted)
    is_text = not any("\ud800" <= character <= "\udfff" for character in naughty)
    assert (202 if is_text else 400) == accepted.status
    if is_text:
        assert {naughty: naughty} == accepted.json["metadata"]
    vendor = Vendor(sandbox)
    for answer in (
        ada.post({naughty: naughty}),
        ada.post({**new_job(), **dict.fromkeys(("model", "ratio", "size", "seed", "seconds", "webhook"), naughty)}),
        ada.post(new_job(images=[naughty, f"https://example.com/{naughty}", f"data:{naughty};base64,{naughty}"])),
        ada.post(new_job(images=[f"s3://{sandbox.inbox}/uploads/{naughty}"])),
        ada.post(new_job(), x_stainless_lang=naughty, idempotency_key=naughty, content_type=naughty),
        ada.post_form({"prompt": naughty.encode(errors="replace"), "images": "x", "metadata[a]": "b"}),
        ada.upload({naughty: 0, "content_type": naughty}),
        ada.upload(f'{{"{SURROGATE.encode("unicode-escape").decode()}": 0}}'),
        vendor.submit({**order(), naughty: naughty}),
        vendor.submit({"model": naughty, "input": {naughty: naughty}}),
        vendor.submit({**order(), "parameters": {"ratio": naughty, naughty: 1}}),
    ):
        assert_answered(answer)


@pytest.mark.parametrize("naughty", NAUGHTY, ids=ascii)
def test_a_naughty_path_query_or_header_is_answered(sandbox: Sandbox, ada: Client, naughty: str) -> None:
    """Every route of the read side answers, in the client's dialect."""
    vendor = Vendor(sandbox)
    names = ("limit", "after", "order", "status", "created_after", "created_before", "variant")
    for path in (
        "/v1/videos",
        f"/v1/videos/{naughty}",
        f"/v1/videos/{naughty}/content",
        f"/{naughty}",
        f"{TASKS}/{naughty}",
    ):
        for method in ("GET", "HEAD", "PUT"):
            assert_answered(ada.call("VideosFunction", method, path, prefer=naughty, if_none_match=naughty))
    for name in names:
        event = ada.get(f"/v1/videos?{name}=x", authorization=naughty)
        assert_answered(event)
    for name in ("page_no", "page_size", "task_id", "start_time", "end_time", "model_name", "status"):
        assert_answered(
            vendor.call("VideosFunction", "GET", f"{TASKS}?{name}={naughty.encode(errors='replace').decode()}")
        )
    assert_answered(ada.cancel(naughty))
    assert_answered(ada.delete(naughty))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["prompt", "images", "seed", "model", "size", "seconds", "metadata"]) | TEXT, VALUES
    )
)
def test_any_body_is_answered_in_every_dialect(sandbox: Sandbox, ada: Client, body: dict[str, Any]) -> None:
    """Any JSON object is a job or a refusal that can be sent."""
    whole = {"images": [data_uri(b"no image")], **body}
    for answer in (
        ada.post(json.dumps(whole)),
        ada.post(json.dumps(whole), x_stainless_lang="python"),
        ada.upload(json.dumps(body)),
        Vendor(sandbox).submit(json.dumps({"model": "happyhorse-1.0-r2v", "input": body or 1, "parameters": body})),
        Vendor(sandbox).call("SubmitFunction", "POST", f"{SUBMIT}/", json.dumps(body)),
    ):
        assert_answered(answer)
