"""Whether Gallop could not be reached, refused, failed, or may have received a request."""

from __future__ import annotations

import logging
import pickle
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from gallop.client import Corrupt, Gallop, GallopError, JobFailed, Refused, Unknown, Unreachable

from tests.unit.client.conftest import KEY, URL, Answer, Script

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROMPT = "A girl smiles."
DRAINING = {"code": "draining", "detail": "Closed for maintenance.", "remedy": "Retry later."}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ConnectTimeout("slow"), Unreachable),
        (httpx.ReadTimeout("slow"), Unknown),
        (httpx.ReadError("reset"), Unknown),
        (httpx.RemoteProtocolError("closed"), Unknown),
        (httpx.Response(503, json={"message": "Service Unavailable"}), Unknown),
        (httpx.Response(503, json=DRAINING), Refused),
        (httpx.Response(429, json={"message": "Too Many Requests"}), Refused),
    ],
)
def test_a_create_says_whether_it_may_have_arrived(
    client: Gallop, script: Script, answer: Answer, error: type[GallopError]
) -> None:
    """After five tries, all with the same key, with a pause between them."""
    script.answers = [answer]
    with pytest.raises(error):
        client.make(PROMPT)
    assert 5 == len(script.requests)
    assert 1 == len(script.keys)
    assert (4, True) == (len(script.pauses), all(0.5 <= pause <= 8 for pause in script.pauses))


def test_one_try_that_may_have_arrived_decides(client: Gallop, script: Script) -> None:
    """What follows it says nothing about it."""
    script.answers = [httpx.ReadTimeout("slow"), httpx.ConnectError("refused")]
    with pytest.raises(Unknown, match="Repeat the same call"):
        client.make(PROMPT)


def test_a_read_that_is_lost_changed_nothing(client: Gallop, script: Script) -> None:
    """So nothing is unknown about it."""
    script.answers = [httpx.ReadTimeout("slow")]
    with pytest.raises(Unreachable):
        client.get("job_a")


def test_a_lost_answer_is_asked_for_again(client: Gallop, script: Script, view: Callable[..., dict[str, Any]]) -> None:
    """With the same key, after as long as the door says."""
    limited = httpx.Response(429, headers={"Retry-After": "9"}, json={"message": "Too Many Requests"})
    script.answers = [httpx.ReadError("reset"), limited, httpx.Response(202, json=view())]
    assert "job_a" == client.make(PROMPT).id
    assert (3, 1) == (len(script.requests), len(script.keys))
    assert 9 == script.pauses[1]


def test_a_long_refusal_is_not_waited_for(client: Gallop, script: Script) -> None:
    """The caller decides, and knows for how long it holds."""
    script.answers = [httpx.Response(503, headers={"Retry-After": "300"}, json=DRAINING)]
    with pytest.raises(Refused) as refused:
        client.make(PROMPT)
    assert ("draining", 300.0) == (refused.value.code, refused.value.retry_after)
    assert [] == script.pauses


def test_a_refusal_has_code_faults_and_remedy(client: Gallop, script: Script) -> None:
    """Each fault with its place; a refusal is not repeated."""
    fault = {"pointer": "/duration", "detail": "is too long", "remedy": "Use 3 to 15."}
    problem = {"code": "invalid_request", "detail": "Invalid request", "remedy": "Fix it.", "errors": [fault]}
    script.answers = [httpx.Response(400, json=problem)]
    with pytest.raises(Refused) as refused:
        client.make(PROMPT, duration=99)
    assert "/duration: is too long. Use 3 to 15." == str(refused.value)
    assert (400, "Fix it.") == (refused.value.status, refused.value.remedy)
    assert 1 == len(script.requests)


def test_what_is_not_of_gallop_is_refused_as_well(client: Gallop, script: Script) -> None:
    """API Gateway's own answers and pages of proxies have no code of Gallop's."""
    for content in (b'{"message": "Forbidden"}', b"<html>", b"[]"):
        script.answers = [httpx.Response(403, content=content)]
        with pytest.raises(Refused) as refused:
            client.get("job_a")
        assert "http_403" == refused.value.code


def test_an_answer_that_cannot_be_read_is_unknown(client: Gallop, script: Script) -> None:
    """The job may exist."""
    for content in (b"<html>", b"{}", b'{"id": "job_a"}'):
        script.answers = [httpx.Response(202, content=content)]
        with pytest.raises(Unknown):
            client.make(PROMPT)


def test_an_answer_of_something_else_is_no_job(client: Gallop, script: Script) -> None:
    """Such as the page of a proxy: Gallop was not reached."""
    script.answers = [httpx.Response(200, content=b"<html>")]
    for work in (partial(client.get, "job_a"), partial(client.price, PROMPT), partial(next, client.list())):
        with pytest.raises(Unreachable, match="Check the address"):
            work()
    with pytest.raises(Unknown):
        client.cancel("job_a")


def test_an_error_passes_between_processes(client: Gallop, script: Script, view: Callable[..., dict[str, Any]]) -> None:
    """A pool of processes pickles them."""
    script.answers = [httpx.Response(400, json={"code": "x", "detail": "Wrong.", "remedy": "Fix it."})]
    with pytest.raises(Refused) as refused:
        client.get("job_a")
    script.answers = [httpx.Response(200, json=view(state="cancelled"))]
    with pytest.raises(JobFailed) as failed:
        client.wait("job_a")
    for error in (refused.value, failed.value):
        assert str(error) == str(pickle.loads(pickle.dumps(error)))


def test_a_failed_job_has_its_code(client: Gallop, script: Script, view: Callable[..., dict[str, Any]]) -> None:
    """And says what to do."""
    error = {"code": "generation_failed", "message": "DashScope refused it.", "remedy": "Change the prompt."}
    script.answers = [httpx.Response(200, json=view(state="failed", error=error))]
    with pytest.raises(JobFailed, match="Change the prompt") as failed:
        client.wait("job_a")
    assert "generation_failed" == failed.value.code


def test_a_delete_whose_answer_was_lost_is_done(client: Gallop, script: Script) -> None:
    """The second try finds nothing, which was the purpose."""
    script.answers = [httpx.ReadError("reset"), httpx.Response(404, json={"code": "not_found", "detail": "No."})]
    client.delete("job_a")
    assert 2 == len(script.requests)


def test_a_file_that_is_not_the_stored_one_gets_no_name(
    client: Gallop, script: Script, view: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """It is fetched twice, and then given up; an address that never works is given up as well."""
    video = {"bytes": 3, "sha256": "0" * 64, "content_type": "video/mp4", "s3": "s3://r/v"}
    redirect = httpx.Response(302, headers={"Location": "https://bucket.example/v?X-Amz-Signature=of-the-address"})
    file = httpx.Response(200, content=b"abc")
    script.answers = [httpx.Response(200, json=view(state="succeeded", video=video)), redirect, file, redirect, file]
    with pytest.raises(Corrupt):
        client.download("job_a", tmp_path / "v.mp4")
    job = httpx.Response(200, json=view(state="succeeded", video=video))
    script.answers = [job, *[redirect, httpx.Response(403)] * 5]
    with pytest.raises(Unreachable, match="continues the download"):
        client.download("job_a", tmp_path / "v.mp4")
    assert [] == [*tmp_path.iterdir()]


def test_nothing_secret_is_in_an_error_or_a_log(
    client: Gallop,
    script: Script,
    view: Callable[..., dict[str, Any]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the key nor a prompt nor a signature."""
    caplog.set_level(logging.DEBUG, logger="httpx")
    video = {"bytes": 3, "sha256": "0" * 64, "content_type": "video/mp4", "s3": "s3://r/v"}
    job = httpx.Response(200, json=view(state="succeeded", video=video))
    redirect = httpx.Response(302, headers={"Location": "https://bucket.example/v?X-Amz-Signature=of-the-address"})
    shown = [repr(client)]
    scripts: list[list[Answer]] = [[job, redirect, httpx.Response(403)] * 9, [httpx.ReadError(f"{URL} {KEY}")]]
    for answers in scripts:
        script.answers = answers
        for work in (lambda: client.download("job_a", tmp_path), lambda: client.make(PROMPT)):
            try:
                work()
            except GallopError as error:
                shown += [repr(error), "".join(traceback.format_exception(error))]
    everything = " ".join([*shown, caplog.text])
    assert "bucket.example/v" in caplog.text
    assert [] == [secret for secret in (KEY, "smiles", "of-the-address") if secret in everything]


@pytest.mark.parametrize(
    ("url", "key", "problem"),
    [
        ("", KEY, "Address missing"),
        (URL, "", "API key missing"),
        (URL, "a\r\nb", "has characters"),
        ("http://door.example", KEY, "https://"),
        ("door.example", KEY, "https://"),
    ],
)
def test_an_address_or_key_that_cannot_be_used(
    url: str, key: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found before anything is sent, and the key is not shown."""
    monkeypatch.delenv("GALLOP_URL", raising=False)
    monkeypatch.delenv("GALLOP_KEY", raising=False)
    with pytest.raises(ValueError, match=problem) as error:
        Gallop(url, key)
    assert not key or key not in str(error.value)


def test_the_environment_has_address_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the examples of every page."""
    monkeypatch.setenv("GALLOP_URL", f"{URL}/")
    monkeypatch.setenv("GALLOP_KEY", KEY)
    assert "Gallop('https://door.example')" == repr(Gallop())
