"""Makes the contact sheet of a group of a drop: the thumbnails that are there, each at the place of its job.

Each new thumbnail makes the sheet again: whether it is the last, nobody knows before the other jobs have ended, and one
that fails then has no step that could make the sheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop import log
from gallop.adapters.s3 import buckets
from gallop.domain.errors import NoSuchObject, ObjectTooLarge, WrongState
from gallop.media import mosaic
from gallop.services import publish
from gallop.services.groups import siblings

if TYPE_CHECKING:
    from gallop.domain.job import Job, Result

MAX_TRIES = 8
MAX_BYTES = 8 * 1024 * 1024


def renew(job: Job) -> None:
    """Store the contact sheet of a job's group, if it has a thumbnail.

    The others of the group, and its place, may change while it is being made: then it is made again.

    Raises:
        AwsTrouble: a bucket or the table returned an error.
        WrongState: the group kept changing.

    """
    made: tuple[str, dict[int, Result]] | None = None
    for _ in range(MAX_TRIES):
        prefix, thumbnails = publish.prefix_of_group(job), _thumbnails(job)
        if not (job.group and thumbnails) or made == (prefix, thumbnails):
            return
        pictures = [_read(thumbnails.get(place)) for place in range(1, job.group.size + 1)]
        publish.put_contact_sheet(job.group.id, prefix, mosaic.of(pictures))
        log.info("contact sheet stored", job_id=job.id, pictures=len(thumbnails))
        made = prefix, thumbnails
    raise WrongState(f"The thumbnails of group {job.group and job.group.id} kept changing.")


def _thumbnails(job: Job) -> dict[int, Result]:
    return {one.group.place: one.thumbnail for one in siblings(job) if one.group and one.thumbnail}


def _read(thumbnail: Result | None) -> bytes | None:
    if thumbnail is None:
        return None
    try:
        return buckets.read_result(thumbnail, MAX_BYTES)
    except (NoSuchObject, ObjectTooLarge):
        return None
