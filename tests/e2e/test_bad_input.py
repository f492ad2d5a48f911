"""Invalid input gets one clear answer through its own door; it costs nothing, and no other job is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.test_main_job import SEED
from tests.support.faults import place_of
from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.e2e.caller import Caller

PROMPT = "Bad input must not become a task."
FINE = {"prompt": PROMPT, "images": [data_uri(picture())]}
NOT_AN_IMAGE = b"This is a text, whatever its name says."

REQUESTS: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "no prompt": ({"images": FINE["images"]}, ["/prompt"], "/prompt: is missing or empty"),
    "blank prompt": ({**FINE, "prompt": " \n"}, ["/prompt"], "/prompt: is missing or empty"),
    "ten images": ({**FINE, "images": SEED["images"] * 3 + SEED["images"][:1]}, ["/images"], "10 images"),
    "a text named .jpg": (
        {**FINE, "images": [data_uri(NOT_AN_IMAGE)]},
        ["/images/0"],
        "not a supported image",
    ),
    "300 px": ({**FINE, "images": [data_uri(picture(width=900, height=300))]}, ["/images/0"], "300 px"),
    "unknown ratio": ({**FINE, "ratio": "16:10"}, ["/ratio"], "16:10"),
    "duration 2": ({**FINE, "duration": 2}, ["/duration"], "from 3 to 15"),
    "duration 16": ({**FINE, "duration": 16}, ["/duration"], "from 3 to 15"),
    "over-long prompt": ({**FINE, "prompt": "a" * 5001}, ["/prompt"], "too long"),
    "over-long Chinese prompt": ({**FINE, "prompt": "马" * 2501}, ["/prompt"], "too long"),
    "[Image 4] of three": ({"prompt": "See [Image 4].", "images": SEED["images"]}, ["/prompt"], "[Image 4]"),
    "missing object": (
        {**FINE, "images": ["s3://{inbox}/uploads/nothing.jpg"]},
        ["/images/0"],
        "not found in the inbox bucket",
    ),
    "another bucket": ({**FINE, "images": ["s3://elsewhere/uploads/a.jpg"]}, ["/images/0"], "outside"),
    "misspelt field": ({**FINE, "resolutoin": "1080P"}, ["/resolutoin"], "not a field"),
    "everything at once": (
        {"prompt": "", "images": [data_uri(NOT_AN_IMAGE)], "ratio": "1:2", "duration": "long", "seed": -1},
        ["/images/0", "/prompt", "/ratio", "/duration", "/seed"],
        "/prompt: is missing or empty",
    ),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_all_problems_of_a_request_are_reported(caller: Caller, case: str) -> None:
    """Every problem has a JSON pointer, a detail and a remedy, in one problem+json answer."""
    body, pointers, words = REQUESTS[case]
    images = [url.replace("{inbox}", caller.at.inbox_bucket) for url in body["images"]]
    answer = caller.create({**body, "images": images})
    assert (400, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    problem = answer.json()
    assert sorted(pointers) == sorted(error["pointer"] for error in problem["errors"])
    assert words in problem["detail"]
    assert all(error["detail"] and error["remedy"] for error in problem["errors"])
    assert [] == caller.tasks_for(body.get("prompt", ""))


@pytest.mark.parametrize("body", [b"{", b"[1]", b"", b"[" * 100_000, b'{"duration": NaN}', "{é".encode("latin-1")])
def test_a_body_that_is_not_a_json_object_is_refused(caller: Caller, body: bytes) -> None:
    """For any bytes the answer is a 400 with a message."""
    answer = caller.http.post("/v1/videos", content=body, headers={"Content-Type": "application/json"})
    assert (400, "invalid_request") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "authorization", [None, "Bearer wrong", "Bearer", "Basic abc", "Bearer gallop_" + "x" * 500, "Bearer clé"]
)
def test_a_missing_or_wrong_key_is_reported(caller: Caller, authorization: str | None) -> None:
    """Without a valid key every route answers 401 with a message, and there is no job."""
    headers = {} if authorization is None else {b"Authorization": authorization.encode()}
    with httpx.Client(base_url=caller.at.api_url, headers=headers) as stranger:
        for answer in (
            stranger.post("/v1/videos", json=SEED),
            stranger.get("/v1/videos/job_" + "a" * 26),
            stranger.get("/v1/videos/job_" + "a" * 26 + "/content"),
        ):
            assert (401, "unauthenticated") == (answer.status_code, answer.json()["code"])
            assert "Bearer" == answer.headers["WWW-Authenticate"]


def test_another_clients_job_is_not_found(caller: Caller) -> None:
    """The answer is the same 404 as for a job that never existed."""
    job_id = caller.create({**FINE, "prompt": "Mine.", "duration": 3}).json()["id"]
    theirs = {"Authorization": f"Bearer {caller.testbed.mint_key('somebody-else')}"}
    for path in (f"/v1/videos/{job_id}", f"/v1/videos/{job_id}/content"):
        assert 404 == httpx.get(caller.at.api_url + path, headers=theirs).status_code
    for nonsense in ("job_" + "a" * 26, "nonsense", "job_" + "A" * 26, "..%2F..%2Fetc", "%00"):
        assert 404 == caller.http.get(f"/v1/videos/{nonsense}").status_code
    assert "succeeded" == caller.wait_for_job(job_id)["state"]


def test_an_unfinished_video_is_reported(caller: Caller) -> None:
    """The content of an unfinished job is a 409 with the job's state, and /health needs no key."""
    job_id = caller.create({**FINE, "prompt": "Not yet.", "duration": 3}).json()["id"]
    answer = caller.http.get(f"/v1/videos/{job_id}/content")
    assert (409, "not_ready") == (answer.status_code, answer.json()["code"])
    assert 200 == httpx.get(caller.at.api_url + "/health").status_code


DROPS: dict[str, tuple[dict[str, bytes], str, str]] = {
    "no prompt": ({"1.jpg": picture()}, "prompt.txt", "is missing"),
    "ten images": (
        {**{f"{number}.jpg": picture(shade=number) for number in range(10)}, "prompt.txt": PROMPT.encode()},
        "ten-images",
        "10 images",
    ),
    "a text named jpg": (
        {"1.jpg": NOT_AN_IMAGE, "prompt.txt": PROMPT.encode()},
        "1.jpg",
        "not a supported image",
    ),
    "small": ({"1.jpg": picture(width=300), "prompt.txt": PROMPT.encode()}, "1.jpg", "at least 400 px"),
    "broken job json": (
        {"1.jpg": picture(), "job.json": b'{"prompt": "a",\n "duration": }'},
        "job.json",
        "line 2, column 14",
    ),
    "unknown ratio": (
        {"1.jpg": picture(), "prompt.txt": PROMPT.encode(), "job.json": b'{"ratio": "16:10"}'},
        "job.json /ratio",
        "16:10",
    ),
    "duration 16": (
        {"1.jpg": picture(), "prompt.txt": PROMPT.encode(), "job.json": b'{"duration": 16}'},
        "job.json /duration",
        "from 3 to 15",
    ),
    "over-long prompt": ({"1.jpg": picture(), "prompt.txt": b"a" * 5001}, "prompt.txt", "too long"),
    "image 4 of three": (
        {"1.jpg": picture(), "2.jpg": picture(), "3.jpg": picture(), "prompt.txt": b"See [Image 4]."},
        "prompt.txt",
        "[Image 4]",
    ),
}


def test_all_problems_of_a_drop_are_reported(caller: Caller) -> None:
    """Each invalid folder gets an error.json with the file, the problem and the remedy, and costs nothing.

    All are dropped at once together with a valid one, which none of them delays.
    """
    for case, (files, _, _) in DROPS.items():
        folder = "bad/" + case.replace(" ", "-")
        caller.drop({f"{folder}/{name}": content for name, content in files.items()})
    caller.drop({"bad/good/1.jpg": picture(), "bad/good/prompt.txt": b"A good one among bad ones."})
    for case, (_, file, words) in DROPS.items():
        folder = "bad/" + case.replace(" ", "-")
        receipt = caller.wait_for_receipt(f"{folder}/error.json")
        (fault,) = receipt["faults"]
        assert place_of(fault).removeprefix("bad/") == file, case
        assert words in f"{fault['detail']} (line {fault.get('line')}, column {fault.get('column')})", case
        assert fault["remedy"], case
    assert "succeeded" == caller.wait_for_receipt("bad/good/status.json")["state"]
    assert [] == caller.tasks_for(PROMPT)


def test_a_fixed_drop_starts_automatically(caller: Caller) -> None:
    """Uploading the fixed file to the same folder is enough; error.json is removed."""
    caller.drop({"mend/1.jpg": NOT_AN_IMAGE, "mend/prompt.txt": b"Mended."})
    assert "refused" == caller.wait_for_receipt("mend/error.json")["state"]
    caller.drop({"mend/1.jpg": picture()})
    caller.wait_for_receipt("mend/status.json", "succeeded")
    assert caller.receipt("mend/error.json") is None
