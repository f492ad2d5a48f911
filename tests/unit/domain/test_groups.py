"""A request for several videos becomes jobs with seeds and ids of their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from gallop.domain import groups, job, models, timeline
from gallop.domain.doors import Door
from gallop.domain.errors import InvalidRequest
from gallop.domain.fields import FormText
from gallop.domain.job import GroupPlace, JobState
from gallop.domain.request import idempotency, reader
from gallop.domain.request.dialects import Dialect
from gallop.domain.request.request import RequestDefaults

from tests.support.jobs import START, a_job, a_request

LAST_SEED = 2_147_483_647
BODY = {"prompt": "A cat."}


def read(body: dict[str, Any], *, takes_n: bool = True) -> int:
    """Read a request; return its number of videos."""
    defaults = RequestDefaults("1.0", "inbox", "ada", dialect=Dialect.NATIVE, takes_n=takes_n)
    return reader.read(body, defaults, lambda _, source, _rules: source).n


def seeds_of(n: int, seed: int | None) -> list[Any]:
    """Split a request; return the seeds of its parts."""
    return [part.parameters["seed"] for part in groups.split(a_request(n=n, seed=seed))]


@pytest.mark.parametrize(("sent", "n"), [({}, 1), ({"n": None}, 1), ({"n": 4}, 4), ({"n": FormText("2")}, 2)])
def test_a_request_says_how_many_videos(sent: dict[str, Any], n: int) -> None:
    """One by default; a form has the number as text."""
    assert n == read({**BODY, **sent})


@pytest.mark.parametrize("n", [0, 5, 1.5, "2", True, -1])
def test_a_number_out_of_range_is_refused(n: object) -> None:
    """The fault says the range."""
    with pytest.raises(InvalidRequest) as refused:
        read({**BODY, "n": n})
    (fault,) = refused.value.faults
    assert "/n" == fault.pointer
    assert "must be a whole number from 1 to 4" in fault.detail


def test_a_door_without_groups_takes_one_video() -> None:
    """It says where several are possible; 1 is what it means anyway."""
    assert 1 == read({**BODY, "n": 1}, takes_n=False)
    with pytest.raises(InvalidRequest) as refused:
        read({**BODY, "n": 2}, takes_n=False)
    assert ["/n: must be 1 here"] == [fault.message for fault in refused.value.faults]


def test_seeds_follow_the_given_one() -> None:
    """After the last seed of the range comes the first."""
    assert [7, 8, 9] == seeds_of(3, 7)
    assert [LAST_SEED - 1, LAST_SEED, 0, 1] == seeds_of(4, LAST_SEED - 1)


def test_seeds_are_drawn_if_none_is_given() -> None:
    """All of a group are different, and those of another group are others."""
    drawn = [seed for _ in range(5) for seed in seeds_of(4, None)]
    assert 20 == len(set(drawn))
    assert all(0 <= seed <= LAST_SEED for seed in drawn)


def test_parts_differ_in_nothing_but_the_seed() -> None:
    """Each is a request for one video."""
    request = a_request(n=2, seed=1, priority=3, metadata={"order": "17"})
    first, second = groups.split(request)
    assert a_request(seed=1, priority=3, metadata={"order": "17"}) == first
    assert a_request(seed=2, priority=3, metadata={"order": "17"}) == second


def test_a_model_without_seeds_makes_several_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its videos differ by chance."""
    monkeypatch.setattr(models.Model, "parameter", lambda *_: None)
    first, second = groups.split(a_request(n=2))
    assert first == second


def test_the_ids_of_jobs_follow_from_that_of_their_group() -> None:
    """They are of the group's millisecond, all different, and in the order of their places as texts, too."""
    places = groups.places(groups.new_group_id(START), 4)
    group_id = places[0].id
    ids = groups.job_ids(group_id)
    assert groups.is_group_id(group_id)
    assert [1, 2, 3, 4] == [place.place for place in places]
    assert sorted(set(ids)) == ids
    assert all(job.is_job_id(job_id) for job_id in ids)
    assert {START * 1000} == {job.created_in(job_id, START) for job_id in ids}
    assert group_id.removeprefix("grp_") not in {job_id.removeprefix("job_") for job_id in ids}


@pytest.mark.parametrize("text", ["", "grp_", "grp_" + "a" * 25, "job_" + "a" * 26, "grp_" + "a" * 25 + "e"])
def test_other_texts_are_not_ids_of_groups(text: str) -> None:
    """Neither is the id of a job."""
    assert not groups.is_group_id(text)


def test_the_create_of_a_job_is_named_after_the_first_of_its_group() -> None:
    """A job that is alone is its own first."""
    place, other = groups.places(groups.new_group_id(START), 2)
    assert groups.job_id(place.id, 1) == groups.first_id(a_job(group=other))
    assert "job_1" == groups.first_id(a_job(id="job_1"))


def test_a_drop_knows_its_jobs_by_their_group() -> None:
    """A job that is alone by its own id; a job of the HTTPS door always, because it has no place in a drop."""
    place = groups.places(groups.group_of("job_" + "x" * 26), 2)[1]
    of_drop = a_job(id=groups.job_id(place.id, 2), door=Door.S3, group=place, receipts="spring/ad/2")
    assert [place.id, "spring/ad"] == [groups.owner_of(of_drop), groups.drop_of(of_drop)]
    assert place.id == groups.group_of(of_drop.id)
    for alone in (replace(of_drop, group=None), replace(of_drop, door=Door.HTTPS)):
        assert [of_drop.id, "spring/ad/2"] == [groups.owner_of(alone), groups.drop_of(alone)]


def test_the_record_of_a_job_says_which_of_a_group_it_is() -> None:
    """In its timeline, and nothing for a job that is alone."""
    place = groups.places(groups.new_group_id(START), 3)[1]
    told = [next(one.what for one in timeline.of_record(job)) for job in (a_job(group=place), a_job())]
    assert [f"{told[1]}, video 2 of 3 of group {place.id}", told[1]] == told


def test_the_number_is_part_of_the_content() -> None:
    """A request for one video has the fingerprint that it had before there were groups."""
    assert '"n": 2' in a_request(n=2).canonical_json()
    assert '"n":' not in a_request().canonical_json()
    prints = Counter(idempotency.fingerprint_of(a_request(n=n)) for n in (1, 2, 3, 2))
    assert [1, 1, 2] == sorted(prints.values())


@pytest.mark.parametrize(
    ("states", "state", "status"),
    [
        ((JobState.QUEUED, JobState.QUEUED), JobState.QUEUED, "queued"),
        ((JobState.QUEUED, JobState.RUNNING), JobState.RUNNING, "in_progress"),
        ((JobState.QUEUED, JobState.FAILED), JobState.RUNNING, "in_progress"),
        ((JobState.STORING, JobState.STORING), JobState.RUNNING, "in_progress"),
        ((JobState.SUCCEEDED, JobState.FAILED), JobState.SUCCEEDED, "completed"),
        ((JobState.CANCELLED, JobState.FAILED), JobState.FAILED, "failed"),
        ((JobState.CANCELLED, JobState.CANCELLED), JobState.CANCELLED, "failed"),
    ],
)
def test_the_status_of_a_group(states: tuple[JobState, ...], state: JobState, status: str) -> None:
    """It is completed with the last job, if one has a video."""
    members = [a_job(one, group=GroupPlace("grp_1", place, 2)) for place, one in enumerate(states, start=1)]
    assert status == groups.view(members, [])["status"]
    assert state is groups.state(members)


@pytest.mark.parametrize(
    ("states", "cost"),
    [
        ((JobState.SUCCEEDED, JobState.SUCCEEDED), 1.4),
        ((JobState.SUCCEEDED, JobState.CANCELLED), 0.7),
        ((JobState.SUCCEEDED, JobState.RUNNING), None),
    ],
)
def test_the_cost_of_a_group(states: tuple[JobState, ...], cost: float | None) -> None:
    """It is known once all have ended; one that ended without a charge adds nothing."""
    cancelled: dict[str, Any] = {"attempt": None, "failure": job.cancelled("It was cancelled.")}
    members = [
        a_job(
            state,
            group=GroupPlace("grp_1", place, 2),
            cost=Decimal("0.7") if state is JobState.SUCCEEDED else None,
            **(cancelled if state is JobState.CANCELLED else {}),
        )
        for place, state in enumerate(states, start=1)
    ]
    assert cost == groups.view(members, [])["cost"]
