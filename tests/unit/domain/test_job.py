"""The states of a job and its id."""

from __future__ import annotations

import pytest
from gallop.domain import job as jobs
from gallop.domain.job import JobState
from gallop.domain.request import images
from gallop.domain.request.images import InlineImage
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.promise("P10")

EDGES = {(before, after) for after in JobState for before in jobs.states_before(after)}
TERMINAL = {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}
# The one way back: the reconciler has proved that a lost submit created no task, so another may be sent.
FREED = (JobState.OUTCOME_UNKNOWN, JobState.SUBMITTING)


def reachable(start: JobState, edges: set[tuple[JobState, JobState]]) -> set[JobState]:
    """Return the states that a job in ``start`` can reach."""
    found: set[JobState] = set()
    new = {start}
    while new:
        found |= new
        new = {after for before, after in edges if before in new} - found
    return found


def test_states_only_move_forward() -> None:
    """Except for a submit that certainly created no task, no job returns to a state that it has left."""
    forward = {(before, after) for before, after in EDGES if before is not after} - {FREED}
    assert [] == [(before, after) for before, after in forward if before in reachable(after, forward)]


def test_a_terminal_state_never_changes() -> None:
    """An end is final."""
    assert [] == [edge for edge in EDGES if edge[0] in TERMINAL]
    assert set(JobState) >= TERMINAL == {state for state in JobState if jobs.is_terminal(state)}


def test_every_job_can_end() -> None:
    """A job can fail in each state that is not terminal."""
    assert {JobState.FAILED} == {
        state for state in TERMINAL if all((before, state) in EDGES for before in set(JobState) - TERMINAL)
    }


def test_every_state_can_be_reached() -> None:
    """No state is unused."""
    assert set(JobState) == reachable(JobState.QUEUED, EDGES)


def test_success_requires_every_step() -> None:
    """No job succeeds without having submitted, run and stored."""
    for left_out in (JobState.SUBMITTING, JobState.RUNNING, JobState.STORING):
        without = {edge for edge in EDGES if left_out not in edge}
        assert JobState.SUCCEEDED not in reachable(JobState.QUEUED, without)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("queued", "queued"),
        ("submitting", "queued"),
        ("outcome_unknown", "queued"),
        ("running", "in_progress"),
        ("storing", "in_progress"),
        ("succeeded", "completed"),
        ("failed", "failed"),
        ("cancelled", "failed"),
    ],
)
def test_openais_clients_see_openais_statuses(state: str, status: str) -> None:
    """OpenAI's SDK supports exactly four."""
    assert status == jobs.openai_status(JobState(state))


def test_new_ids_are_unique_and_well_formed() -> None:
    """They have 83 random bits, in lower case letters and digits."""
    ids = {jobs.new_job_id(1_800_000_000.0) for _ in range(1000)}
    assert 1000 == len(ids)
    assert all(jobs.is_job_id(job_id) for job_id in ids)


@pytest.mark.parametrize(
    "text", ["", "job_", "video_" + "a" * 26, "job_" + "A" * 26, "job_" + "a" * 25, "job_" + "1" * 26]
)
def test_other_texts_are_not_ids(text: str) -> None:
    """A malformed id is not looked up."""
    assert not jobs.is_job_id(text)
    assert not jobs.is_job_id(jobs.new_job_id(1_800_000_000.0) + "\n")


@given(st.floats(1_577_836_800, 4_000_000_000), st.floats(0, 1000))
def test_an_id_contains_when_its_job_was_created(created: float, later: float) -> None:
    """To the millisecond, so that a list can continue after a deleted job."""
    assert round(created * 1000) == pytest.approx(jobs.created_in(jobs.new_job_id(created), created + later), abs=1)


@pytest.mark.parametrize("job_id", ["job_x", "job_" + "a" * 26, "job_" + "7" * 26, jobs.job_id_of("the content")])
def test_other_ids_contain_no_time(job_id: str) -> None:
    """Those that are derived from the content of a drop, and those that nobody made."""
    assert jobs.created_in(job_id, 1_800_000_000.0) is None


@given(st.lists(st.text(), max_size=5), st.lists(st.text(), max_size=5))
def test_an_id_depends_on_its_identity(one: list[str], other: list[str]) -> None:
    """Equal parts give equal ids, and parts that are equal only when joined do not."""
    assert jobs.is_job_id(jobs.job_id_of(*one))
    assert (one == other) is (jobs.job_id_of(*one) == jobs.job_id_of(*other))


def test_inline_images_are_not_recorded() -> None:
    """Image bytes belong in the bucket."""
    with pytest.raises(TypeError):
        images.image_record(InlineImage(b"bytes"))
