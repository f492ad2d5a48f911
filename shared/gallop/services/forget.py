"""Deletes all data of a client of the HTTPS door: its keys, jobs, files, webhook endpoints and budgets; and proves it.

A run that is interrupted leaves the records of the jobs that are not finished, so that the next run finds the rest.
No run deletes the record of a job that has not ended, or whose files it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters.s3 import versions
from gallop.adapters.table import (
    client_keys,
    everything,
    job_index,
    jobs,
    slots,
    webhook_deliveries,
    webhook_endpoints,
)
from gallop.domain.clients.keys import KeyState
from gallop.domain.errors import JobNotFinished
from gallop.domain.frozen import frozen
from gallop.domain.job import is_terminal
from gallop.domain.request import uploads
from gallop.services import erase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gallop.adapters.s3.versions import Version
    from gallop.domain.clients.keys import Key
    from gallop.domain.clients.webhooks import Endpoint
    from gallop.domain.job import Job


@frozen
class Holdings:
    """What there is of a client. ``unreadable`` are the IDs of jobs whose records cannot be read."""

    client: str
    jobs: Sequence[Job]
    unreadable: Sequence[str]
    keys: Sequence[Key]
    endpoints: Sequence[Endpoint]
    uploads: Sequence[Version]

    @property
    def obstacle(self) -> str:
        """Why the client cannot be forgotten, and what to do about it; empty if it can."""
        if self.unreadable:
            left = f"The records of {len(self.unreadable)} of its jobs cannot be read: {_names(self.unreadable)}."
            return f"{left} If a newer version wrote them, use that version."
        if running := [job.id for job in self.jobs if not is_terminal(job.state)]:
            return f"{len(running)} of its jobs have not ended: {_names(running)}. Cancel them, or wait for their end."
        return ""


def holdings(client: str) -> Holdings:
    """Return what there is of a client."""
    listed = {entry.job_id for entry in job_index.entries(client, job_index.START, job_index.END, ascending=True)}
    # Of some jobs there is only the record: its entry in the list was deleted before.
    ids = sorted(_jobs_among(_items(client, listed)))
    found = jobs.get_all(ids)
    return Holdings(
        client,
        sorted(found, key=lambda job: job.created_at, reverse=True),
        sorted({*ids} - {job.id for job in found}),
        client_keys.listed(client),
        webhook_endpoints.of_client(client),
        _uploads(client),
    )


def forget(client: str) -> tuple[int, int]:
    """Delete what there is of a client; return the number of items, and of object versions, that are left after that.

    Raises:
        JobNotFinished: one of its jobs has not ended, its last receipts are being written, or its record is unreadable.

    """
    # First, so that nothing new is created. What there is is read after that: it may have changed since it was shown.
    for key in client_keys.listed(client):
        if key.state(clock.now()) is not KeyState.REVOKED:
            client_keys.revoke(key, clock.now())
    found = holdings(client)
    if found.obstacle:
        raise JobNotFinished(found.obstacle)
    _delete(found)
    ids = {job.id for job in found.jobs}
    log.info("client forgotten", jobs=len(ids))
    return len(_items(client, ids)), len(_versions(found))


def _delete(found: Holdings) -> None:
    for endpoint in found.endpoints:
        webhook_deliveries.remove_all(endpoint.id)
        webhook_endpoints.remove(endpoint)
    ids = {job.id for job in found.jobs}
    # The records of jobs are last: by them, another run finds what belongs to them.
    everything.delete(key for key in _items_of(found.client, ids) if not _is_found_by(key))
    for job in found.jobs:
        erase.erase(job)
    items = _items_of(found.client, ids)
    versions.remove(settings.inbox_bucket(), _uploads(found.client))
    everything.delete(items)
    slots.forget_client(found.client)


def _items_of(client: str, job_ids: set[str]) -> list[dict[str, Any]]:
    """Return the keys of a client's items, if its jobs are only these.

    Raises:
        JobNotFinished: a create that was under way has recorded another one since they were read.

    """
    items = _items(client, job_ids)
    if others := _jobs_among(items) - job_ids:
        raise JobNotFinished(f"Jobs have been recorded meanwhile: {_names(sorted(others))}.")
    return items


def _jobs_among(items: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the IDs of the jobs whose records are among these keys."""
    return {str(key["pk"]).removeprefix("JOB#") for key in items if key["sk"] == "JOB"}


def _names(job_ids: Sequence[str]) -> str:
    return ", ".join(job_ids[:5])


def _items(client: str, job_ids: set[str]) -> list[dict[str, Any]]:
    own = (f"CLIENT#{client}", f"BUDGET#CLIENT#{client}")
    beginnings = tuple(f"{kind}{job_id}" for job_id in job_ids for kind in ("JOB#", "COMPLETION#"))
    files = f"IMAGE#{uploads.PREFIX}{client}/"

    def belongs(item: Mapping[str, Any]) -> bool:
        pk, sk = str(item["pk"]), str(item["sk"])
        is_named = item.get("client") == client or item.get("job_id") in job_ids
        is_queued = pk.startswith(("QUEUE#", "KEYS", "WEBHOOKS")) and sk.startswith(f"{client}#")
        return is_named or is_queued or pk in own or pk in beginnings or pk.startswith(files)

    return everything.keys_of(belongs)


def _is_found_by(key: Mapping[str, Any]) -> bool:
    """Return whether another run needs an item to find a job, and with it all that belongs to it."""
    return str(key["pk"]).startswith(("JOB#", "CLIENT#", "IMAGE#")) or key["pk"] == "ALL"


def _uploads(client: str) -> list[Version]:
    return versions.under(settings.inbox_bucket(), f"{uploads.PREFIX}{client}/")


def _versions(found: Holdings) -> list[Version]:
    return _uploads(found.client) + [
        one for job in found.jobs for one in versions.under(settings.results_bucket(), f"{job.receipts}/")
    ]
