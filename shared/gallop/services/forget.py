"""Deletes all data of a client of the HTTPS door: its keys, jobs, files, webhook endpoints and budgets; and proves it.

A run that is interrupted leaves the records of the jobs that are not finished, so that the next run finds the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters.s3 import versions
from gallop.adapters.table import client_keys, everything, slots, webhook_deliveries, webhook_endpoints
from gallop.domain.clients.keys import KeyState
from gallop.domain.frozen import frozen
from gallop.domain.job import is_terminal
from gallop.domain.request import uploads
from gallop.services import erase, find_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.adapters.s3.versions import Version
    from gallop.domain.clients.keys import Key
    from gallop.domain.clients.webhooks import Endpoint
    from gallop.domain.job import Job


@frozen
class Holdings:
    """What there is of a client."""

    client: str
    jobs: Sequence[Job]
    keys: Sequence[Key]
    endpoints: Sequence[Endpoint]
    uploads: Sequence[Version]

    @property
    def open_jobs(self) -> list[Job]:
        """Its jobs that have not ended, with which it cannot be forgotten."""
        return [job for job in self.jobs if not is_terminal(job.state)]


def holdings(client: str) -> Holdings:
    """Return what there is of a client."""
    return Holdings(
        client,
        list(find_jobs.found(find_jobs.Filter(client=client))),
        client_keys.listed(client),
        webhook_endpoints.of_client(client),
        versions.under(settings.inbox_bucket(), f"{uploads.PREFIX}{client}/"),
    )


def forget(found: Holdings) -> tuple[int, int]:
    """Delete what there is of a client; return the number of items, and of object versions, that are left after that.

    Raises:
        JobNotFinished: one of its jobs has not ended, or its last receipts are being written.

    """
    # First, so that nothing new is created.
    for key in found.keys:
        if key.state(clock.now()) is not KeyState.REVOKED:
            client_keys.revoke(key, clock.now())
    for endpoint in found.endpoints:
        webhook_deliveries.remove_all(endpoint.id)
        webhook_endpoints.remove(endpoint)
    ids = {job.id for job in found.jobs}
    # The records of jobs are last: by them, another run finds what belongs to them.
    everything.delete(key for key in _items(found.client, ids) if not _is_found_by(key))
    for job in found.jobs:
        erase.erase(job)
    versions.remove(
        settings.inbox_bucket(), versions.under(settings.inbox_bucket(), f"{uploads.PREFIX}{found.client}/")
    )
    everything.delete(_items(found.client, ids))
    slots.forget_client(found.client)
    log.info("client forgotten", jobs=len(ids))
    return len(_items(found.client, ids)), len(_versions(found))


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


def _versions(found: Holdings) -> list[Version]:
    left = versions.under(settings.inbox_bucket(), f"{uploads.PREFIX}{found.client}/")
    return left + [one for job in found.jobs for one in versions.under(settings.results_bucket(), f"{job.receipts}/")]
