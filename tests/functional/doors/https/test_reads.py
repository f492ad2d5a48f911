"""The read side of the HTTPS door: pages of jobs, one job and its changes, its files."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters.table import job_index, jobs
from gallop.domain.job import JobState
from gallop.doors.https import listing, long_poll

from tests.support.http import Client

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox


@pytest.fixture
def ada(sandbox: Sandbox) -> Client:
    """Give a client."""
    return Client(sandbox)


def ids(client: Client, query: str = "") -> list[str]:
    """List the ids of one page."""
    answer = client.get(f"/v1/videos?{query}")
    assert 200 == answer.status, answer.text
    return [job["id"] for job in answer.json["data"]]


def all_ids(client: Client, query: str = "", between: Any = None) -> list[str]:  # noqa: ANN401 - what to do meanwhile
    """Follow the pages to their end, as OpenAI's SDK does."""
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
    """Record jobs one after the other; the newest is the first."""
    made = []
    for _ in range(count):
        made.append(sandbox.put(**fields))
        sandbox.clock.advance(1)
    return made[::-1]


def test_a_job_is_listed_as_soon_as_it_is_accepted(sandbox: Sandbox, ada: Client) -> None:
    """Also by those who may see everything, and by no other client."""
    created = ada.post({"prompt": "She smiles.", "images": ["https://example.com/a.jpg"]}).json["id"]
    assert [[created], [created], []] == [
        ids(ada),
        ids(Client(sandbox, "ops", is_admin=True)),
        ids(Client(sandbox, "bob")),
    ]


def test_a_page_is_one_of_openais(sandbox: Sandbox, ada: Client) -> None:
    """The newest first, twenty of them, with the ids at which it begins and ends."""
    created = some(sandbox, 25)
    page = ada.get("/v1/videos").json
    assert ("list", True, created[0].id, created[19].id) == (
        page["object"],
        page["has_more"],
        page["first_id"],
        page["last_id"],
    )
    assert [job.id for job in created[:20]] == [job["id"] for job in page["data"]]
    rest = ada.get(f"/v1/videos?after={page['last_id']}").json
    assert ([job.id for job in created[20:]], False) == ([job["id"] for job in rest["data"]], rest["has_more"])


def test_a_page_reads_what_it_shows_and_one_more(sandbox: Sandbox, ada: Client) -> None:
    """By the one more it tells whether others follow; all at once."""
    some(sandbox, 8)
    with (
        patch.object(job_index, "page", wraps=job_index.page) as places,
        patch.object(jobs, "get_all", wraps=jobs.get_all) as records,
    ):
        assert 3 == len(ids(ada, "limit=3"))
    assert [4] == [call.kwargs["limit"] for call in places.call_args_list]
    assert [4] == [len(call.args[0]) for call in records.call_args_list]


def test_an_empty_page_has_no_ends(ada: Client) -> None:
    """Nothing is there, and nothing follows."""
    expected = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    assert expected == ada.get("/v1/videos").json


@pytest.mark.parametrize("limit", [1, 4, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_any_size_hold_every_job_once(sandbox: Sandbox, ada: Client, limit: int, order: str) -> None:
    """Jobs of the same millisecond, too."""
    created = [sandbox.put().id for _ in range(4)] + [job.id for job in some(sandbox, 5)]
    found = all_ids(ada, f"limit={limit}&order={order}")
    assert sorted(created) == sorted(found)
    assert all_ids(ada, "limit=100&order=asc") == (found if order == "asc" else found[::-1])


@pytest.mark.parametrize("seed", range(3))
def test_pages_are_stable_while_jobs_arrive_and_move_on(sandbox: Sandbox, ada: Client, seed: int) -> None:
    """What was there at the beginning comes exactly once, in its order, whatever is created between the pages."""
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
def test_a_status_is_openais_word_or_a_state(sandbox: Sandbox, ada: Client, status: str, states: set[JobState]) -> None:
    """A word that both know means what `status` in the answer says."""
    created = [sandbox.put(state) for _ in range(2) for state in JobState]
    found = all_ids(ada, f"status={status}&limit=1")
    assert sorted(job.id for job in created if job.state in states) == sorted(found)


def test_a_filter_that_few_pass_gives_short_pages_and_forgets_none(sandbox: Sandbox, ada: Client) -> None:
    """A request looks at a bounded number of jobs; an empty page may have a next one."""
    created = [*some(sandbox, 1, state=JobState.FAILED), *some(sandbox, 7), *some(sandbox, 1, state=JobState.FAILED)]
    with patch.object(listing, "MAX_LOOKS", 3):
        page = ada.get("/v1/videos?status=failed&limit=2").json
        assert (1, True) == (len(page["data"]), page["has_more"])
        assert {created[0].id, created[-1].id} == set(all_ids(ada, "status=failed&limit=2"))


def test_a_time_bounds_the_list_on_either_side(sandbox: Sandbox, ada: Client) -> None:
    """As seconds or in ISO 8601, without the moment itself."""
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
def test_a_parameter_that_is_not_understood_is_refused(ada: Client, query: str) -> None:
    """By name, and not passed over: a filter that is not heard would show what was not asked for."""
    assert [f"/{query.partition('=')[0]}"] == [*ada.get(f"/v1/videos?{query}").faults]


def test_another_clients_job_is_no_place_to_go_on_from(sandbox: Sandbox, ada: Client) -> None:
    """In the same words as for one that does not exist."""
    other = sandbox.put(client="bob")
    assert ["/after"] == [*ada.get(f"/v1/videos?after={other.id}").faults]


def test_jobs_of_the_s3_door_are_listed_for_operators(sandbox: Sandbox, ada: Client) -> None:
    """They belong to the client `s3`."""
    job = sandbox.put(client="s3")
    assert [[], [job.id]] == [ids(ada), ids(Client(sandbox, "ops", is_admin=True))]


def test_what_was_seen_is_not_sent_again(sandbox: Sandbox, ada: Client) -> None:
    """304 without a body as long as nothing has changed, and the new job once it has."""
    job = sandbox.put()
    tag = ada.get(f"/v1/videos/{job.id}").headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = ada.get(f"/v1/videos/{job.id}", if_none_match=known)
        assert (304, "", tag) == (again.status, again.text or "", again.headers["ETag"])
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
def test_a_wait_is_read_as_rfc_7240_has_it(prefer: str, seconds: int) -> None:
    """What is not understood is passed over, and what is too much is cut."""
    assert seconds == long_poll.wait_seconds(prefer)


def test_a_wait_ends_with_the_first_change(sandbox: Sandbox, ada: Client) -> None:
    """Asked of our own record only, and no longer than it takes."""
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


def test_a_wait_without_a_change_ends_in_time(sandbox: Sandbox, ada: Client) -> None:
    """After as many seconds as were asked for, and a bounded number of reads."""
    job, began = sandbox.put(), sandbox.clock.now()
    with patch.object(jobs, "get", wraps=jobs.get) as reads:
        assert "queued" == ada.get(f"/v1/videos/{job.id}", prefer="wait=25").json["state"]
    assert pytest.approx(25) == sandbox.clock.now() - began
    assert reads.call_count < 20


def test_a_job_that_has_ended_is_not_waited_for(sandbox: Sandbox, ada: Client) -> None:
    """Nothing will change."""
    job, began = sandbox.put(JobState.SUCCEEDED), sandbox.clock.now()
    ada.get(f"/v1/videos/{job.id}", prefer="wait=25")
    assert began == sandbox.clock.now()


def finished(sandbox: Sandbox, *, picture: bool = True) -> Job:
    """Give a job that has its video, and its picture."""
    job = sandbox.storing()
    for function in ("SaveResultFunction", *(["ThumbnailFunction"] if picture else []), "FinishFunction"):
        sandbox.invoke(function, {"job_id": job.id})
    return sandbox.job(job.id)


@pytest.mark.parametrize(
    ("query", "name"), [("", "video.mp4"), ("?variant=video", "video.mp4"), ("?variant=thumbnail", "thumbnail.jpg")]
)
def test_content_leads_to_the_video_or_its_thumbnail(sandbox: Sandbox, ada: Client, query: str, name: str) -> None:
    """A fresh address that names the version."""
    job = finished(sandbox)
    answer = ada.get(f"/v1/videos/{job.id}/content{query}")
    assert 302 == answer.status
    assert f"/{name}?" in answer.headers["Location"]
    assert "versionId=" in answer.headers["Location"]


@pytest.mark.parametrize("variant", ["spritesheet", "poster", ""])
def test_an_unknown_variant_is_refused(sandbox: Sandbox, ada: Client, variant: str) -> None:
    """OpenAI's spritesheet is not made here."""
    job = finished(sandbox)
    assert ["/variant"] == [*ada.get(f"/v1/videos/{job.id}/content?variant={variant}").faults]


def test_a_thumbnail_that_is_not_there_is_said_to_be_none(sandbox: Sandbox, ada: Client) -> None:
    """404 once the job has ended without one, 409 as long as it has no video."""
    without, running = finished(sandbox, picture=False), sandbox.put(JobState.RUNNING)
    answers = [ada.get(f"/v1/videos/{job.id}/content?variant=thumbnail") for job in (without, running)]
    assert [(404, "no_thumbnail"), (409, "not_ready")] == [(one.status, one.json["code"]) for one in answers]
