"""A job's item in the table contains the complete job."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from gallop import __version__
from gallop.adapters.table import job_items
from gallop.domain import models, provenance
from gallop.domain.budget import Parked, Reservation
from gallop.domain.doors import Door
from gallop.domain.failure_codes import FailureCode
from gallop.domain.fields import Choice, Field, Whole
from gallop.domain.job import (
    Attempt,
    AttemptEnd,
    CancelAnswer,
    Failure,
    GroupPlace,
    Interruption,
    Job,
    JobState,
    Result,
)
from gallop.domain.marks import Marks
from gallop.domain.media_rules import ImageRules
from gallop.domain.placement import Placement
from gallop.domain.request.clips import ClipFacts, LinkedClip, StoredClip
from gallop.domain.request.estimate import Estimate
from gallop.domain.request.images import LinkedImage, Original, StoredImage
from gallop.domain.request.media import Medium
from gallop.domain.request.request import VideoRequest
from gallop.domain.scheduling import queue
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import a_job

if TYPE_CHECKING:
    from gallop.domain.models import Model

pytestmark = pytest.mark.promise("P8")

RECORDS = Path(__file__).parent / "records"
VERSIONS = sorted(path.stem for path in RECORDS.glob("*.json"))

times = st.integers(0, 4_000_000_000_000).map(lambda milliseconds: milliseconds / 1000)
texts = st.text(max_size=30)
counts = st.integers(0, 10**6)
money = st.decimals(0, 10**6, places=4, allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=4)
originals = st.none() | st.builds(Original, texts, texts, texts, texts)
images = st.builds(LinkedImage, texts) | st.builds(StoredImage, texts, texts, texts, texts, originals)
facts = st.builds(ClipFacts, times, counts, counts, times, texts, texts, counts, st.booleans())
linked_clips = st.builds(LinkedClip, texts, st.none() | facts)
clips = linked_clips | st.builds(StoredClip, texts, texts, texts, texts, st.none() | facts)


def media_of(model: Model) -> st.SearchStrategy[tuple[Medium, ...]]:
    """Draw files for each media field of a model."""
    of_fields = [
        st.lists(
            st.builds(Medium, st.just(field.name), images if isinstance(field.rules, ImageRules) else clips),
            min_size=field.least,
            max_size=field.most,
        )
        for field in model.media
    ]
    return st.tuples(*of_fields).map(lambda lists: tuple(medium for found in lists for medium in found))


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Draw a value of a parameter."""
    if isinstance(field, Choice):
        return st.sampled_from(field.choices)
    return st.integers(field.within.start, field.within.stop - 1) if isinstance(field, Whole) else st.booleans()


words = st.from_regex("[b-z0-9][a-z0-9-]{0,31}", fullmatch=True)


def requests_of(model: Model) -> st.SearchStrategy[VideoRequest]:
    """Draw requests for a model."""
    return st.builds(
        VideoRequest,
        prompt=texts,
        model=st.just(model.id),
        media=media_of(model),
        parameters=st.fixed_dictionaries({field.name: values_of(field) for field in model.parameters}),
        metadata=objects,
        webhook=texts,
        priority=st.sampled_from(queue.PRIORITIES),
        placement=st.builds(Placement, words, st.dictionaries(words, words, max_size=2)),
    )


requests = st.sampled_from(list(models.MODELS.values())).flatmap(requests_of)
results = st.builds(Result, bucket=texts, key=texts, version_id=texts, size=counts, sha256=texts, content_type=texts)
reservations = st.builds(
    Reservation, day=texts, amount=money, owners=st.lists(texts, max_size=2).map(tuple), charged=st.none() | money
)
known = st.none() | st.booleans()
failures = st.builds(Failure, st.sampled_from(FailureCode), texts, texts, texts)
FIELDS: dict[str, st.SearchStrategy[Any]] = dict(  # noqa: C408 - named as the fields are
    id=texts,
    client=texts,
    door=st.sampled_from(Door),
    state=st.sampled_from(JobState),
    request=requests,
    base_url=texts,
    key_name=texts,
    receipts=texts,
    estimated_cost=money,
    created_at=times,
    updated_at=times,
    deadline=times,
    submits=counts,
    polls=counts,
    attempt=st.none() | st.builds(Attempt, texts, times, st.sampled_from(AttemptEnd), st.none() | times),
    task_id=texts,
    is_adopted=st.booleans(),
    resumes=counts,
    lost=counts,
    notes=st.lists(texts, max_size=3).map(tuple),
    dropped_at=st.none() | times,
    dropped_again_at=st.none() | times,
    slot_since=st.none() | times,
    position=st.none() | counts,
    starts_at=st.none() | times,
    reserved=st.none() | reservations,
    parked=st.none() | st.builds(Parked, texts, times),
    cancel=st.none() | st.builds(CancelAnswer, texts, texts, times),
    thumbnail=st.none() | results,
    signed=st.none() | results,
    unsigned=st.none() | texts,
    account=texts,
    price_scope=texts,
    account_reserved=st.none() | reservations,
    unlisted_since=st.none() | times,
    unknown_since=st.none() | times,
    vendor_request_id=texts,
    running_since=st.none() | times,
    began_at=st.none() | times,
    task_ended_at=st.none() | times,
    noticed_at=st.none() | times,
    ended_at=st.none() | times,
    usage=st.none() | objects,
    cost=st.none() | money,
    result=st.none() | results,
    content_name=texts,
    failure=st.none() | failures,
    interruption=st.none() | st.builds(Interruption, failures, times),
    estimate=st.none() | st.builds(Estimate, times, times, money, texts, texts),
    group=st.none() | st.builds(GroupPlace, texts, counts, counts),
    marks=st.none() | st.builds(Marks, c2pa=known, xmp=known, aigc=known),
)
jobs = st.builds(Job, **FIELDS)


def through_the_table(record: dict[str, Any]) -> dict[str, Any]:
    """Write a record as DynamoDB's client sends it, and read it again."""
    sent = {name: TypeSerializer().serialize(value) for name, value in record.items()}
    return {name: TypeDeserializer().deserialize(value) for name, value in sent.items()}


@given(jobs)
def test_a_job_survives_a_round_trip(job: Job) -> None:
    """Every field survives the table, to the millisecond and the hundredth of a cent."""
    assert job == job_items.job_from(through_the_table(job_items.job_record(job)))


def test_every_field_is_tested() -> None:
    """A field that is added to jobs is tested here, too."""
    assert set(Job.__dataclass_fields__) == FIELDS.keys()


@given(jobs)
def test_a_record_always_has_every_attribute(job: Job) -> None:
    """A condition on a record never meets an attribute that is not there."""
    assert {*Job.__dataclass_fields__, "format"} == job_items.job_record(job).keys()


def test_extreme_numbers_of_the_vendor_are_stored() -> None:
    """Usage is stored exactly as reported, although DynamoDB's number type could not hold it."""
    odd = {"duration": 13.24, "tokens": 10**50, "rate": 1e-300}
    job = a_job(JobState.STORING, usage=odd)
    assert odd == job_items.job_from(through_the_table(job_items.job_record(job))).usage


def frozen(version: str) -> dict[str, Any]:
    """Read the record of a job that a released version wrote; such files never change."""
    item = json.loads((RECORDS / f"{version}.json").read_text(encoding="utf-8"))
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_records_of_released_versions_stay_readable(version: str) -> None:
    """Nothing that a released version wrote is lost: today's record has all of it."""
    item = frozen(version)
    assert item == {name: job_items.job_record(job_items.job_from(item))[name] for name in item}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_marks_of_videos_of_released_versions_are_not_known(version: str) -> None:
    """They were not looked for, which is not the same as none; everything else is said of such a video as well."""
    said = provenance.view(job_items.job_from(frozen(version)))
    assert said
    assert [] == sorted(name for name, value in said.items() if value is None and name != "marks")
    assert said["marks"] is None


def test_the_present_version_has_a_frozen_record() -> None:
    """A release adds the record that it writes."""
    assert __version__ in VERSIONS


def test_a_record_of_a_later_version_is_readable() -> None:
    """After a rollback: attributes that nobody here knows are left out, at every depth."""
    item = frozen(__version__)
    later = {**item, "format": 2, "provenance": {"a": 1}, "request": {**item["request"], "audio": "auto"}}
    later["attempt"] = {**item["attempt"], "host": "x"}
    later["request"]["images"] = [{**image, "depth": 1} for image in item["request"]["images"]]
    assert job_items.job_from(item) == job_items.job_from(later)


@pytest.mark.parametrize("name", sorted(field.name for field in fields(Job) if field.default is not MISSING))
def test_an_attribute_that_an_earlier_version_did_not_write_has_its_default(name: str) -> None:
    """The update of a stack changes one function after the other, while records of both versions are read."""
    item = frozen(__version__)
    item.pop(name, None)
    assert Job.__dataclass_fields__[name].default == getattr(job_items.job_from(item), name)
