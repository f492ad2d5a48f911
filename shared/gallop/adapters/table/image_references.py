"""Which jobs use an image that Gallop stores: one item per image and job, written with the job itself.

Many jobs may use one upload; it is deleted with the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.request import uploads

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job
    from gallop.domain.request.uploads import Input


def puts(job: Job, expires_at: int) -> list[TransactWriteItemTypeDef]:
    """Build the writes that record a new job with each of its images."""
    return [
        dynamo.put({"pk": _partition(found), "sk": job.id, "expires_at": expires_at})
        for found in uploads.inputs_of(job.request.sources, job.client)
    ]


@aws.guarded
def release(found: Input, job_id: str) -> bool:
    """Record that a job no longer uses an image; return whether no other job does."""
    dynamo.write(dynamo.delete({"pk": _partition(found), "sk": job_id}))
    return not is_used(found)


@aws.guarded
def is_used(found: Input) -> bool:
    """Return whether a job uses an image."""
    return any(dynamo.query(_partition(found)))


def _partition(found: Input) -> str:
    return f"IMAGE#{found.key}#{found.version_id}"
