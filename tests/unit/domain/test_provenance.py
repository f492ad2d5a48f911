"""The metadata of a video's object: what S3 accepts, whatever DashScope answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.handlers import validate_ascii_metadata
from gallop.domain import provenance
from gallop.domain.job import JobState

from tests.support.jobs import a_job

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
S3_BYTES = 2048
JOB = replace(a_job(JobState.STORING, 1.8e9), task_id="f728b4fa-4248", noticed_at=1.8e9)


@pytest.mark.parametrize("task_id", ["图" * 500, "a\r\nx-amz-acl: public-read", "\x00\x7f", "%" * 900, "é", "f728b4fa"])
def test_metadata_is_what_s3_accepts(task_id: str) -> None:
    """Short and in ASCII, so that nothing which DashScope sends can keep a video from being stored."""
    metadata = provenance.metadata(replace(JOB, task_id=task_id, id="job_" + "a" * 26))
    validate_ascii_metadata({"Metadata": metadata})
    assert all(text.isprintable() for text in metadata.values())
    assert S3_BYTES / 2 > sum(len(name) + len(text) for name, text in metadata.items())


def test_readable_values_stay_readable() -> None:
    """They are not encoded for URLs."""
    metadata = provenance.metadata(JOB)
    assert "f728b4fa-4248" == metadata["task-id"]
    assert "2027-01-15T08:00:00Z" == metadata["generated-at"]
    assert provenance.SOURCE_TYPE == metadata["digital-source-type"]
    assert provenance.GENERATOR == metadata["generator"]
