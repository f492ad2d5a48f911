"""Which jobs use a file that Gallop stores, an image or a video: one item per file and job, written with the job.

Many jobs may use one upload; it is deleted with the last of them. Creates and removals of the same file may run at the
same time: a create first announces its use, then looks for a removal; a removal is first claimed, and then looks for
uses. So at least one of the two sees the other. A create that sees none still has to look whether the image is there.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from gallop.adapters import aws
from gallop.adapters.table import dynamo
from gallop.domain.errors import AwsTrouble
from gallop.domain.request import uploads

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from gallop.domain.job import Job
    from gallop.domain.request.uploads import Input

USE_SECONDS = 600
"""How long an announced use keeps an image: longer than any function runs that creates jobs."""
REMOVAL_SECONDS = 86_400
MAX_TRIES = 8
REMOVAL = "REMOVAL"
# In the order of keys before those of jobs: a query that does not see this use any more sees the job's.
ANNOUNCED = "CREATE#"


def puts(job: Job, expires_at: int) -> list[TransactWriteItemTypeDef]:
    """Build the writes that record a new job with each of its images."""
    return [
        dynamo.put({"pk": _partition(found), "sk": job.id, "expires_at": expires_at})
        for found in uploads.inputs_of(job.request.sources, job.client)
    ]


def new_user() -> str:
    """Name a create whose job's id other creates may have, too."""
    return ANNOUNCED + secrets.token_hex(16)


@aws.guarded
def announce(found: Input, user: str, now: float) -> bool:
    """Announce that a create will use an image; return False if the image is being removed.

    ``user`` is the id of its job, or of ``new_user``.
    """
    dynamo.write(dynamo.put({"pk": _partition(found), "sk": user, "expires_at": int(now) + USE_SECONDS}))
    return not any(dynamo.query(_partition(found), REMOVAL))


@aws.guarded
def release(found: Input, user: str) -> None:
    """Record that a job or create no longer uses an image."""
    dynamo.write(dynamo.delete({"pk": _partition(found), "sk": user}))


@aws.guarded
def begin_removal(found: Input, now: float) -> bool:
    """Claim the removal of an image, unless a job or create uses it; none can any more.

    The caller removes the image, and calls ``end_removal``.
    """
    for _ in range(MAX_TRIES):
        claim = {
            "pk": _partition(found),
            "sk": REMOVAL,
            "claimed_by": secrets.token_hex(16),
            "is_certain": False,
            "expires_at": int(now) + REMOVAL_SECONDS,
        }
        is_mine, values = "claimed_by = :by", {":by": claim["claimed_by"]}
        if not dynamo.write(dynamo.put(claim, "attribute_not_exists(pk) OR is_certain = :no", {":no": False})):
            # Another run has decided it, and may have died before the removal.
            return True
        if _is_used(found, now):
            dynamo.write(dynamo.delete(_removal(found), is_mine, values))
            return False
        if dynamo.write(dynamo.put({**claim, "is_certain": True}, is_mine, values)):
            return True
    raise AwsTrouble("An image was claimed by several removals again and again.")


@aws.guarded
def end_removal(found: Input) -> None:
    """Record that an image has been removed."""
    dynamo.write(dynamo.delete(_removal(found), "is_certain = :yes", {":yes": True}))


def _is_used(found: Input, now: float) -> bool:
    users = (item for item in dynamo.query(_partition(found)) if item["sk"] != REMOVAL)
    # DynamoDB deletes what has expired some time later.
    return any(item["expires_at"] > now for item in users)


def _removal(found: Input) -> dict[str, str]:
    return {"pk": _partition(found), "sk": REMOVAL}


def _partition(found: Input) -> str:
    return f"IMAGE#{found.key}#{found.version_id}"
