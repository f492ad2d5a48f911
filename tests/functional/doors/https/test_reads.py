"""The read side of the HTTPS door: pages of jobs, one job and its changes, and its files."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from gallop.adapters.table import job_index, jobs
from gallop.domain.doors import Door
from gallop.domain.job import JobState
from gallop.doors.https import listing, long_poll

from tests.support import signed_copies
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.template import stack

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Return a client."""
    return Client(sandbox)


def ids(client: Client, query: str = "") -> list[str]:
    """List the ids of one page."""
    answer = client.get(f"/v1/videos?{query}")
    assert 200 == answer.status, answer.text
    return [job["id"] for job in answer.json["data"]]


def all_ids(client: Client, query: str = "", between: Any = None) -> list[str]:  # noqa: ANN401 - what to do meanwhile
    """Follow all pages, as OpenAI's SDK does."""
    found: list[str] = []
    after = ""
    while True:
        page = client.get(f"/v1/videos?{query}{after}").json
        found += [job["id"] for job in page["data"]]
        if not page["has_more"]:
            return found
        after = f"&after={page['last_id']}"
        if between:
            between()


def some(sandbox: Sandbox, count: int, **fields: Any) -> list[Job]:  # noqa: ANN401 - any field of a job
    """Record jobs one after the other; the newest comes first in the result."""
    made = []
    for _ in range(count):
        made.append(sandbox.put(**fields))
        sandbox.clock.advance(1)
    return made[::-1]


def test_a_job_is_listed_as_soon_as_it_is_accepted(sandbox: Sandbox, ada: Client) -> None:
    """Operators see it, too, and no other client does."""
    created = ada.post({"prompt": "She smiles.", "images": ["https://example.com/a.jpg"]}).json["id"]
    assert [[created], [created], []] == [
        ids(ada),
        ids(Client(sandbox, "ops", is_admin=True)),
        ids(Client(sandbox, "bob")),
    ]


def test_a_page_has_openais_format(sandbox: Sandbox, ada: Client) -> None:
    """It has the newest twenty jobs, and the ids of the first and the last."""
    created = some(sandbox, 25)
    page = ada.get("/v1/videos").json
    assert "list" == page["object"]
    assert page["has_more"] is True
    assert created[0].id == page["first_id"]
    assert created[19].id == page["last_id"]
    assert [job.id for job in created[:20]] == [job["id"] for job in page["data"]]
    rest = ada.get(f"/v1/videos?after={page['last_id']}").json
    assert ([job.id for job in created[20:]], False) == ([job["id"] for job in rest["data"]], rest["has_more"])


def test_a_page_reads_one_job_more_than_it_shows(sandbox: Sandbox, ada: Client) -> None:
    """That one shows whether there is a next page; all are read in one go."""
    some(sandbox, 8)
    with (
        patch.object(job_index, "page", wraps=job_index.page) as pages,
        patch.object(jobs, "get_all", wraps=jobs.get_all) as records,
    ):
        assert 3 == len(ids(ada, "limit=3"))
    assert [4] == [call.kwargs["limit"] for call in pages.call_args_list]
    assert [4] == [len(call.args[0]) for call in records.call_args_list]


def test_an_empty_page_has_no_first_and_last_id(ada: Client) -> None:
    """It is empty, and there is no next page."""
    expected = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    assert expected == ada.get("/v1/videos").json


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_any_size_hold_every_job_once(sandbox: Sandbox, ada: Client, limit: int, order: str) -> None:
    """Jobs of the same millisecond are no exception."""
    created = [sandbox.put().id for _ in range(4)] + [job.id for job in some(sandbox, 5)]
    found = all_ids(ada, f"limit={limit}&order={order}")
    assert sorted(created) == sorted(found)
    assert all_ids(ada, "limit=100&order=asc") == (found if order == "asc" else found[::-1])


@pytest.mark.parametrize("seed", range(3))
def test_pages_are_stable_while_jobs_arrive_and_move_on(sandbox: Sandbox, ada: Client, seed: int) -> None:
    """Each job that existed at the beginning comes exactly once, in order, whatever is created between pages."""
    random = Random(seed)
    before = some(sandbox, random.randint(1, 12))

    def arrive() -> None:
        some(sandbox, random.randint(0, 4), client=random.choice(["ada", "bob"]))

    with patch.object(job_index, "PAGE", random.randint(1, 5)):
        found = all_ids(ada, f"limit={random.randint(1, 4)}", arrive)
    assert [job.id for job in before] == found


@pytest.mark.parametrize(
    ("status", "states"),
    [
        ("queued", {JobState.QUEUED, JobState.SUBMITTING, JobState.OUTCOME_UNKNOWN}),
        ("in_progress", {JobState.RUNNING, JobState.STORING}),
        ("completed", {JobState.SUCCEEDED}),
        ("failed", {JobState.FAILED, JobState.CANCELLED}),
        ("cancelled", {JobState.CANCELLED}),
        ("storing", {JobState.STORING}),
    ],
)
def test_a_status_filter_is_openais_status_or_a_state(
    sandbox: Sandbox, ada: Client, status: str, states: set[JobState]
) -> None:
    """A word that both use means the `status` in the answer."""
    created = [sandbox.put(state) for _ in range(2) for state in JobState]
    found = all_ids(ada, f"status={status}&limit=1")
    assert sorted(job.id for job in created if job.state in states) == sorted(found)


def test_an_operator_filters_by_client_and_door(sandbox: Sandbox, ada: Client) -> None:
    """The view says whose job it is, through which door it came, and where its receipts are."""
    of_ada, of_bob = sandbox.put().id, sandbox.put(client="bob").id
    dropped = sandbox.put(client="s3", door=Door.S3, receipts="spring-ad").id
    ops = Client(sandbox, "ops", is_admin=True)
    for query, expected in {
        "client=bob": [of_bob],
        "door=s3": [dropped],
        "door=https": [of_bob, of_ada],
        "client=ada&door=s3": [],
        "client=nobody": [],
    }.items():
        assert sorted(expected) == sorted(all_ids(ops, f"{query}&limit=1")), query
    (shown,) = ops.get("/v1/videos?door=s3").json["data"]
    expected_view = {"client": "s3", "door": "s3", "receipts": "spring-ad"}
    assert expected_view == {name: shown[name] for name in expected_view}
    assert {"/door": "unknown value"} == ops.get("/v1/videos?door=window").faults
    refused = {"/client": "needs an operator's key", "/door": "needs an operator's key"}
    assert refused == ada.get("/v1/videos?client=bob&door=s3").faults


def test_drops_are_found_without_reading_other_jobs(sandbox: Sandbox) -> None:
    """They are in a list of their own."""
    sandbox.put()
    dropped = sandbox.put(client="s3", door=Door.S3)
    with patch.object(jobs, "get_all", wraps=jobs.get_all) as records:
        assert [dropped.id] == ids(Client(sandbox, "ops", is_admin=True), "door=s3")
    assert [[dropped.id]] == [call.args[0] for call in records.call_args_list]


def test_a_selective_filter_gives_short_pages_and_omits_nothing(sandbox: Sandbox, ada: Client) -> None:
    """A request reads a bounded number of jobs; an empty page may have a next one."""
    created = [*some(sandbox, 1, state=JobState.FAILED), *some(sandbox, 7), *some(sandbox, 1, state=JobState.FAILED)]
    with patch.object(listing, "MAX_LOOKS", 3):
        page = ada.get("/v1/videos?status=failed&limit=2").json
        assert (1, True) == (len(page["data"]), page["has_more"])
        assert {created[0].id, created[-1].id} == set(all_ids(ada, "status=failed&limit=2"))


def test_a_time_limits_the_list_on_either_side(sandbox: Sandbox, ada: Client) -> None:
    """It is in seconds or ISO 8601, and exclusive."""
    created = some(sandbox, 5)
    second, fourth = int(created[3].created_at), int(created[1].created_at)
    assert created[2].created_at == second + 1
    expected = [created[2].id]
    assert expected == ids(ada, f"created_after={second}&created_before={fourth}")
    since, until = (datetime.fromtimestamp(at, UTC).isoformat() for at in (second, fourth))
    assert expected == ids(ada, f"created_after={since.replace('+00:00', 'Z')}&created_before={until[:19]}")
    assert expected == all_ids(ada, f"limit=1&order=asc&created_after={second}&created_before={fourth}")


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=ten", "limit=-1", "order=up", "status=done", "after=job_x"),
        *("created_after=soon", "created_after=100000000000000000", f"created_before={'9' * 5000}"),
    ],
)
def test_an_invalid_parameter_is_refused(ada: Client, query: str) -> None:
    """It is named and not ignored: an ignored filter would show unwanted jobs."""
    assert [f"/{query.partition('=')[0]}"] == [*ada.get(f"/v1/videos?{query}").faults]


def test_another_clients_job_is_not_a_cursor(sandbox: Sandbox, ada: Client) -> None:
    """The refusal is the same as for a job that does not exist."""
    other = sandbox.put(client="bob")
    assert ["/after"] == [*ada.get(f"/v1/videos?after={other.id}").faults]


def ended(sandbox: Sandbox, count: int) -> list[Job]:
    """Record jobs that have ended and can be deleted; the newest comes first in the result."""
    made = some(sandbox, count, state=JobState.CANCELLED)
    with sandbox.stack.acting_as("FinishFunction"):
        for job in made:
            jobs.close(job)
    return made


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_list_continues_after_a_deleted_job(sandbox: Sandbox, ada: Client, order: str) -> None:
    """A program that deletes each job while it lists them gets to the end, as with OpenAI's package."""
    created = ended(sandbox, 7)
    others = ended(sandbox, 2)
    sandbox.clock.advance(1)
    seen: list[str] = []
    after = ""
    while True:
        page = ada.get(f"/v1/videos?limit=3&order={order}{after}").json
        for job in page["data"]:
            assert 200 == ada.delete(job["id"]).status
        seen += [job["id"] for job in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['data'][-1]['id']}"
    expected = [job.id for job in others + created]
    assert (expected if order == "desc" else expected[::-1]) == seen
    assert [] == ids(ada)


def test_a_deleted_job_is_a_place_for_everyone(sandbox: Sandbox, ada: Client) -> None:
    """Nothing of it is left, not even whose it was; a list shows the client's own jobs only."""
    (job,) = ended(sandbox, 1)
    newer = sandbox.put(client="bob")
    assert 200 == ada.delete(job.id).status
    for caller in (Client(sandbox, "bob"), Client(sandbox, "ops", is_admin=True)):
        assert [newer.id] == ids(caller, f"order=asc&after={job.id}")
    assert [] == ids(ada, f"order=asc&after={job.id}")
    assert ["/after"] == [*ada.get(f"/v1/videos?after=job_{'a' * 26}").faults]


def test_a_deleted_job_is_missing_in_dashscopes_pages_only_itself(sandbox: Sandbox, ada: Client) -> None:
    """The numbered pages have all the others."""
    created = ended(sandbox, 5)
    assert 200 == ada.delete(created[1].id).status
    pages = [
        Vendor(sandbox).call("VideosFunction", "GET", f"/api/v1/tasks?page_no={number}&page_size=2").json
        for number in (1, 2)
    ]
    listed = [task["task_id"] for page in pages for task in page["data"]]
    assert ([job.id for job in created if job != created[1]], 4) == (listed, pages[0]["total"])


def test_jobs_of_the_s3_door_are_listed_for_operators(sandbox: Sandbox, ada: Client) -> None:
    """They belong to the client `s3`."""
    job = sandbox.put(client="s3")
    assert [[], [job.id]] == [ids(ada), ids(Client(sandbox, "ops", is_admin=True))]


def test_an_unchanged_job_is_not_sent_again(sandbox: Sandbox, ada: Client) -> None:
    """The answer is a 304 without a body until something has changed, then the new job."""
    job = sandbox.put()
    tag = ada.get(f"/v1/videos/{job.id}").headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = ada.get(f"/v1/videos/{job.id}", if_none_match=known)
        assert 304 == again.status
        assert "" == (again.text or "")
        assert tag == again.headers["ETag"]
    ada.cancel(job.id)
    changed = ada.get(f"/v1/videos/{job.id}", if_none_match=tag)
    assert 200 == changed.status
    assert tag != changed.headers["ETag"]


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=10", 10),
        ("wait=25", 25),
        ("wait=999", 25),
        ("respond-async, wait=3", 3),
        ("Wait = 4; foo=bar", 4),
        ('wait="5"', 5),
        ("wait=7, wait=9", 7),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=soon", 0),
        ("wait", 0),
        ("", 0),
    ],
)
def test_a_wait_is_read_as_in_rfc_7240(prefer: str, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invalid preferences are ignored, and too long waits are shortened."""
    monkeypatch.setenv("MAX_WAIT_SECONDS", stack.parameter("MaxWaitSeconds"))
    assert seconds == long_poll.wait_seconds(prefer)


@pytest.mark.parametrize(("most", "seconds"), [(0, 0), (3, 3), (25, 10)])
def test_the_longest_wait_is_the_operators(most: int, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an account that runs few functions at a time, waiting requests would stop all others."""
    monkeypatch.setenv("MAX_WAIT_SECONDS", str(most))
    assert seconds == long_poll.wait_seconds("wait=10")


def test_a_wait_ends_with_the_first_change(sandbox: Sandbox, ada: Client) -> None:
    """The wait polls Gallop's own record only, and ends as soon as it has changed."""
    job = sandbox.put()
    began, sleep = sandbox.clock.now(), sandbox.clock.sleep

    def moves_on(seconds: float) -> None:
        sleep(seconds)
        if sandbox.clock.now() - began > 5 and sandbox.job(job.id).state is JobState.QUEUED:
            jobs.advance(job, job.at(JobState.FAILED, sandbox.clock.now()))

    with patch("gallop.clock.sleep", moves_on):
        answer = ada.get(f"/v1/videos/{job.id}", prefer="wait=20")
    assert ("failed", "wait=20") == (answer.json["state"], answer.headers["Preference-Applied"])
    assert 5 < sandbox.clock.now() - began < 8
    assert {} == {kind: count for kind, count in sandbox.requests().items() if count}


def test_a_wait_without_a_change_ends_on_time(sandbox: Sandbox, ada: Client) -> None:
    """It ends after the requested seconds and a bounded number of reads."""
    job, began = sandbox.put(), sandbox.clock.now()
    with patch.object(jobs, "get", wraps=jobs.get) as reads:
        assert "queued" == ada.get(f"/v1/videos/{job.id}", prefer="wait=25").json["state"]
    assert pytest.approx(25) == sandbox.clock.now() - began
    assert reads.call_count < 20


def test_a_job_that_has_ended_is_returned_at_once(sandbox: Sandbox, ada: Client) -> None:
    """It cannot change any more."""
    job, began = sandbox.put(JobState.SUCCEEDED), sandbox.clock.now()
    ada.get(f"/v1/videos/{job.id}", prefer="wait=25")
    assert began == sandbox.clock.now()


def finished(sandbox: Sandbox, *, picture: bool = True) -> Job:
    """Return a job that has its video and its thumbnail."""
    job = sandbox.storing()
    for function in ("SaveResultFunction", *(["ThumbnailFunction"] if picture else []), "FinishFunction"):
        sandbox.invoke(function, {"job_id": job.id})
    return sandbox.job(job.id)


@pytest.mark.parametrize(
    ("query", "name"), [("", "video.mp4"), ("?variant=video", "video.mp4"), ("?variant=thumbnail", "thumbnail.jpg")]
)
def test_content_leads_to_the_video_or_its_thumbnail(sandbox: Sandbox, ada: Client, query: str, name: str) -> None:
    """The answer has a new address that names the object's version."""
    job = finished(sandbox)
    answer = ada.get(f"/v1/videos/{job.id}/content{query}")
    assert 302 == answer.status
    assert f"/{name}?" in answer.headers["Location"]
    assert "versionId=" in answer.headers["Location"]


@pytest.mark.parametrize("variant", ["spritesheet", "poster", ""])
def test_an_unknown_variant_is_refused(sandbox: Sandbox, ada: Client, variant: str) -> None:
    """Gallop does not make OpenAI's spritesheet."""
    job = finished(sandbox)
    assert ["/variant"] == [*ada.get(f"/v1/videos/{job.id}/content?variant={variant}").faults]


@pytest.mark.parametrize(("query", "name"), [("", "video.mp4"), ("?variant=thumbnail", "thumbnail.jpg")])
def test_a_file_that_was_removed_is_410(sandbox: Sandbox, ada: Client, query: str, name: str) -> None:
    """It is no redirect to an error of S3; the job still says that it succeeded. OpenAI's clients get their format."""
    job_id = finished(sandbox).id
    remove(sandbox, f"videos/{job_id}/{name}")
    answer = ada.get(f"/v1/videos/{job_id}/content{query}")
    assert 410 == answer.status
    assert "video_removed" == answer.json["code"]
    assert "false" == answer.headers["x-should-retry"]
    openai = ada.get(f"/v1/videos/{job_id}/content{query}", x_stainless_lang="python")
    assert "video_removed" == openai.json["error"]["code"]
    assert "completed" == ada.get(f"/v1/videos/{job_id}").json["status"]


def test_a_video_that_was_removed_is_410_in_dashscopes_format(sandbox: Sandbox) -> None:
    """A task that succeeded without an address would be an endless wait for some clients."""
    job_id = finished(sandbox).id
    assert 200 == Vendor(sandbox).query(job_id).status
    remove(sandbox, f"videos/{job_id}/video.mp4")
    answer = Vendor(sandbox).query(job_id)
    assert 410 == answer.status
    assert "NotFound" == answer.json["code"]
    assert "removed" in answer.json["message"]


def test_a_video_behind_a_delete_marker_is_still_there(sandbox: Sandbox, ada: Client) -> None:
    """Its version was not removed, and the address names it."""
    job_id = finished(sandbox).id
    sandbox.s3.delete_object(Bucket=sandbox.results, Key=f"videos/{job_id}/video.mp4")
    assert 302 == ada.get(f"/v1/videos/{job_id}/content").status


def remove(sandbox: Sandbox, key: str) -> None:
    """Remove every version of a file."""
    for found in sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=key)["Versions"]:
        sandbox.s3.delete_object(Bucket=sandbox.results, Key=key, VersionId=found["VersionId"])


def test_a_thumbnail_that_is_being_made_is_waited_for(sandbox: Sandbox, ada: Client) -> None:
    """A client that asks for it as soon as the job has completed gets it."""
    job = finished(sandbox, picture=False)

    def finish_meanwhile(_: float) -> None:
        sandbox.invoke("ThumbnailFunction", {"job_id": job.id})
        sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})

    with patch("gallop.clock.sleep", finish_meanwhile):
        answer = ada.get(f"/v1/videos/{job.id}/content?variant=thumbnail")
    assert 302 == answer.status
    assert "thumbnail.jpg" in answer.headers["Location"]


def test_the_signed_copy_is_fetched_like_the_video(sandbox: Sandbox, ada: Client) -> None:
    """The view says where it is, and it is saved under a name of its own."""
    job = finished(sandbox)
    with sandbox.stack.acting_as("SaveResultFunction"):
        signed_copies.add(job)
    shown = ada.get(f"/v1/videos/{job.id}").json["credentials"]
    assert "signed" == shown["state"]
    assert shown["file"]["s3"].endswith("/signed.mp4")
    answer = ada.get(urlsplit(shown["file"]["content"])._replace(scheme="", netloc="").geturl())
    assert 302 == answer.status
    assert "/signed.mp4?" in answer.headers["Location"]
    assert ".signed.mp4%22" in answer.headers["Location"]


def test_a_missing_signed_copy_is_reported(sandbox: Sandbox, ada: Client) -> None:
    """It is 409 while it may still follow, then 404; the view and the answer say why it failed, if it did."""
    job = finished(sandbox, picture=False)
    path = f"/v1/videos/{job.id}/content?variant=signed"
    assert "not_ready" == ada.get(path).json["code"]
    sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})
    answer = ada.get(path)
    assert (404, "not_signed") == (answer.status, answer.json["code"])
    assert "did not sign" in answer.json["detail"]
    assert "credentials" not in ada.get(f"/v1/videos/{job.id}").json
    with sandbox.stack.acting_as("SaveResultFunction"):
        jobs.note(sandbox.job(job.id), "unsigned", "certificate_expired")
    assert "has expired" in ada.get(path).json["detail"]
    shown = ada.get(f"/v1/videos/{job.id}").json["credentials"]
    assert ("failed", "certificate_expired") == (shown["state"], shown["code"])


def test_a_missing_thumbnail_is_reported(sandbox: Sandbox, ada: Client) -> None:
    """The answer is 409 until the job has its video and may still have a thumbnail, and 404 once none was made."""
    without, running = finished(sandbox, picture=False), sandbox.put(JobState.RUNNING)
    path = f"/v1/videos/{without.id}/content?variant=thumbnail"
    answers = [ada.get(path), ada.get(f"/v1/videos/{running.id}/content?variant=thumbnail")]
    sandbox.invoke("FinishFunction", {"action": "renew", "job_id": without.id})
    answers.append(ada.get(path))
    expected = [(409, "not_ready"), (409, "not_ready"), (404, "no_thumbnail")]
    assert expected == [(one.status, one.json["code"]) for one in answers]
