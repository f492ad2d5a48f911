"""The HTTPS door: show, cancel and delete a group, which is the videos of one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.domain import groups
from gallop.domain.errors import JobNotFinished, JobNotFound
from gallop.doors.https import videos
from gallop.services import closing
from gallop.services.erase import erase
from gallop.services.groups import members

if TYPE_CHECKING:
    from gallop.domain.job import Job
    from gallop.doors.https.identity import Caller


def group(caller: Caller, group_id: str) -> tuple[Job, ...]:
    """Return the jobs of a group that this caller may see.

    Raises:
        JobNotFound: there is no such group, none of its jobs exists any more, or it is another client's.

    """
    found = members(group_id)
    if not found or not caller.may_see(found[0].client):
        raise JobNotFound(f"Group {group_id[:40]!r} not found.")
    return found


def view(found: tuple[Job, ...], api_url: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Show a group as its client sees it; return the view, and the headers that say when to request it again."""
    shown = [videos.view(job, api_url) for job in found]
    return groups.view(found, shown), videos.group_poll_headers(found, shown)


def cancel_group(caller: Caller, group_id: str, api_url: str) -> dict[str, Any]:
    """Cancel each job of a group for which that is still possible; each has its own outcome under ``cancel``.

    Raises:
        JobNotFound: there is no such group.
        WrongState: the record of a job kept changing.

    """
    shown = [videos.cancel_video(caller, job.id, api_url) for job in group(caller, group_id)]
    return groups.view(group(caller, group_id), shown)


def delete_group(caller: Caller, group_id: str) -> dict[str, Any]:
    """Delete the jobs of a group that has ended, and everything that belongs to them.

    Raises:
        JobNotFound: there is no such group.
        JobNotFinished: a job has not ended, or its last receipts are being written; nothing was deleted.

    """
    found = group(caller, group_id)
    unfinished = [job for job in found if not closing.is_closed(job)]
    if unfinished:
        remain = f"{len(unfinished)} of its {len(found)} jobs have not ended, or their last receipts are being written"
        raise JobNotFinished(f"The group is not finished: {remain}.")
    for job in found:
        erase(job)
    return {"id": group_id, "object": "video.group.deleted", "deleted": True}
