"""Tells of the end of a job: an event on EventBridge, and webhooks, of which each try is one run of this step."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from gallop import clock, log
from gallop.adapters import event_bus, safe_http
from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import jobs, webhook_deliveries, webhook_endpoints
from gallop.domain.clients import webhooks
from gallop.domain.clients.webhooks import Endpoint, Message, Try
from gallop.domain.errors import CallFailed, JobNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gallop.domain.job import Job

GONE = "its receiver answered 410 Gone"


def announce(job_id: str) -> dict[str, int]:
    """Put the event of an ended job on the bus and start a delivery to each endpoint that wants it; counts them."""
    job = _job(job_id)
    if job is None:
        return {"deliveries": 0}
    detail = {"event_id": webhooks.event_id(job.id), "client": job.client, "door": job.door, **webhooks.end_of(job)}
    event_bus.put(webhooks.event_of(job.state), detail, job.ended_at or job.updated_at)
    receivers = webhooks.receivers(webhook_endpoints.of_client(job.client), job)
    for endpoint in receivers:
        webhook_workflow.deliver(job.id, endpoint.id)
    return {"deliveries": len(receivers)}


def attempt(event: Mapping[str, Any]) -> dict[str, Any]:
    """Make one try of a delivery; tells whether, and after how many seconds, another follows."""
    job_id, endpoint_id, number = event["job_id"], event["endpoint_id"], int(event["number"])
    job = _job(job_id)
    endpoint = None if job is None else _endpoint(job.client, endpoint_id)
    seconds = None
    # A job that was deleted, or an endpoint that was removed or disabled meanwhile, has nothing to be told any more.
    if job is not None and endpoint is not None and endpoint.disabled_at is None:
        seconds = webhooks.wait_before(number + 1, random.random())  # noqa: S311 - jitter, not a secret
        made = _send(endpoint, webhooks.url_for(endpoint, job), webhooks.message(job), number, seconds)
        seconds = seconds if made.next_at else None
    return {
        "job_id": job_id,
        "endpoint_id": endpoint_id,
        "number": number + 1,
        "next": "settled" if seconds is None else "wait",
        "wait_seconds": seconds or 0,
    }


def ping(client: str, endpoint_id: str, ping_id: str) -> dict[str, Any]:
    """Send a test to an endpoint, once; gives what came of it."""
    endpoint = _endpoint(client, endpoint_id)
    if endpoint is None:
        return {"status": None, "trouble": "There is no such endpoint.", "milliseconds": 0}
    made = _send(endpoint, endpoint.url, webhooks.ping(endpoint, ping_id, clock.now()), 1, None)
    return {"status": made.status, "trouble": made.trouble, "milliseconds": made.milliseconds}


def _send(endpoint: Endpoint, url: str, sent: Message, number: int, again_in: int | None) -> Try:
    now = clock.now()
    status, trouble, seconds = None, "", 0.0
    headers = webhooks.headers(sent, webhooks.secrets_at(endpoint, now), clock.wall())
    try:
        answer = safe_http.post(url, headers, sent.body.encode())
        status, seconds = answer.status, answer.seconds
    except CallFailed as failed:
        trouble = str(failed)
    is_final = webhooks.is_delivered(status) or status == webhooks.GONE
    made = Try(
        endpoint_id=endpoint.id,
        event_id=sent.id,
        event=sent.event,
        number=number,
        at=now,
        status=status,
        trouble=trouble,
        milliseconds=round(seconds * 1000),
        next_at=None if is_final or again_in is None else now + again_in,
    )
    if status == webhooks.GONE:
        webhook_endpoints.disable(endpoint, GONE, now)
    webhook_deliveries.note(made)
    _log(made)
    return made


def _log(made: Try) -> None:
    fields = {"endpoint_id": made.endpoint_id, "event_id": made.event_id, "number": made.number}
    if webhooks.is_delivered(made.status):
        log.info("webhook delivered", **fields, milliseconds=made.milliseconds)
    else:
        message = "webhook given up" if made.next_at is None else "webhook not delivered"
        log.warning(message, **fields, status=made.status, trouble=made.trouble)


def _job(job_id: str) -> Job | None:
    try:
        return jobs.get(job_id)
    except JobNotFound:
        return None


def _endpoint(client: str, endpoint_id: str) -> Endpoint | None:
    return next((found for found in webhook_endpoints.of_client(client) if found.id == endpoint_id), None)
