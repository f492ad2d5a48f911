"""Sends notifications of an ended job or group: an event on EventBridge, and webhooks, one run of it per attempt.

The announcement of a group is started by that of the job that is its last: of jobs that end at once, each looks for the
others after its own end is recorded, so that at least one sees all. An execution's name makes it one.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from gallop import clock, log, settings
from gallop.adapters import event_bus
from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import jobs, webhook_deliveries, webhook_endpoints
from gallop.domain.clients import webhooks
from gallop.domain.clients.webhooks import Endpoint, Event, Message, Try
from gallop.domain.doors import Door
from gallop.domain.errors import CallFailed, JobNotFound
from gallop.domain.groups import have_ended, is_group_id
from gallop.services.groups import members
from gallop.services.isolation import left_to_next_sweep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gallop.domain.job import Job

GONE = "its receiver answered 410 Gone"


def announce(ended_id: str) -> dict[str, int]:
    """Put the event of an ended job or group on EventBridge and start its webhook deliveries; return their number."""
    if is_group_id(ended_id):
        jobs_of_it = members(ended_id)
        return _announce_group(ended_id, jobs_of_it) if jobs_of_it else {"deliveries": 0}
    job = _job(ended_id)
    if job is None:
        return {"deliveries": 0}
    _put(job, webhooks.event_id(job.id), webhooks.event_of(job.state), webhooks.end_of(job, settings.api_url()))
    receivers = webhooks.receivers(webhook_endpoints.of_client(job.client), job)
    for endpoint in receivers:
        webhook_workflow.deliver(job.id, endpoint.id)
    if job.group and have_ended(members(job.group.id)):
        webhook_workflow.announce(job.group.id)
    if not job.group:
        _notify([job])
    return {"deliveries": len(receivers)}


def _announce_group(group_id: str, ended: Sequence[Job]) -> dict[str, int]:
    last, data = max(ended, key=lambda job: job.ended_at or 0), webhooks.end_of_group(ended, settings.api_url())
    _put(last, webhooks.event_id(group_id), Event.GROUP_COMPLETED, data)
    receivers = webhooks.receivers_of_group(webhook_endpoints.of_client(last.client), ended)
    for endpoint in receivers:
        webhook_workflow.deliver(group_id, endpoint.id)
    _notify(ended)
    return {"deliveries": len(receivers)}


def _put(job: Job, event_id: str, event: Event, data: Mapping[str, Any]) -> None:
    detail = {"event_id": event_id, "client": job.client, "door": job.door, **data}
    event_bus.put(event, detail, job.ended_at or job.updated_at)


def _notify(ended: Sequence[Job]) -> None:
    """Notify a person of a job, or of a whole group, if that is wanted; when the mail fails, the sweep sends it."""
    if not settings.notice_topic_arn():
        return
    from gallop.services import notices  # noqa: PLC0415 - few stacks send any

    # Jobs of drops belong to no key, and so to nobody on the page.
    if notices.add(ended, settings.page_url() if ended[0].door is Door.HTTPS else ""):
        with left_to_next_sweep("notice not sent", ended[0].id):
            notices.send()


def attempt(event: Mapping[str, Any]) -> dict[str, Any]:
    """Make one attempt of a delivery; return whether, and after how many seconds, another follows."""
    job_id, endpoint_id, number = event["job_id"], event["endpoint_id"], int(event["number"])
    job, message = _message(job_id)
    endpoint = None if job is None else _endpoint(job.client, endpoint_id)
    seconds = None
    # Nothing to send if the job was deleted, or the endpoint removed or disabled, meanwhile.
    if job and message and endpoint is not None and endpoint.disabled_at is None:
        seconds = webhooks.wait_before(number + 1, random.random())  # noqa: S311 - jitter, not a secret
        result = _send(endpoint, webhooks.url_for(endpoint, job), message, number, seconds)
        seconds = seconds if result.next_at else None
    return {
        "job_id": job_id,
        "endpoint_id": endpoint_id,
        "number": number + 1,
        "next": "settled" if seconds is None else "wait",
        "wait_seconds": seconds or 0,
    }


def ping(client: str, endpoint_id: str, ping_id: str) -> dict[str, Any]:
    """Send one test event to an endpoint; return the HTTP status, the error if any, and the milliseconds it took."""
    endpoint = _endpoint(client, endpoint_id)
    if endpoint is None:
        return {"status": None, "trouble": "There is no such endpoint.", "milliseconds": 0}
    result = _send(endpoint, endpoint.url, webhooks.ping(endpoint, ping_id, clock.now()), 1, None)
    return {"status": result.status, "trouble": result.trouble, "milliseconds": result.milliseconds}


def _send(endpoint: Endpoint, url: str, message: Message, number: int, retry_in: int | None) -> Try:
    from gallop.adapters import safe_http  # noqa: PLC0415 - slow to import, and announcements need none of it

    now = clock.now()
    status, error, seconds = None, "", 0.0
    headers = webhooks.headers(message, webhooks.secrets_at(endpoint, now), clock.wall())
    try:
        answer = safe_http.post(url, headers, message.body.encode())
        status, seconds = answer.status, answer.seconds
    except CallFailed as failed:
        error = str(failed)
    is_final = webhooks.is_delivered(status) or status == webhooks.GONE
    result = Try(
        endpoint_id=endpoint.id,
        event_id=message.id,
        event=message.event,
        number=number,
        at=now,
        status=status,
        trouble=error,
        milliseconds=round(seconds * 1000),
        next_at=None if is_final or retry_in is None else now + retry_in,
    )
    # An address that a job has chosen, perhaps for one time only, says nothing about the endpoint.
    if status == webhooks.GONE and url == endpoint.url:
        webhook_endpoints.disable(endpoint, GONE, now)
    webhook_deliveries.note(result)
    _log(result)
    return result


def _log(result: Try) -> None:
    fields = {"endpoint_id": result.endpoint_id, "event_id": result.event_id, "number": result.number}
    if webhooks.is_delivered(result.status):
        log.info("webhook delivered", **fields, milliseconds=result.milliseconds)
    else:
        message = "webhook delivery abandoned" if result.next_at is None else "webhook attempt failed"
        log.warning(message, **fields, status=result.status, error=result.trouble)


def _message(ended_id: str) -> tuple[Job | None, Message | None]:
    """Return the message about a job or a group, and the job that says who gets it; None if it was deleted."""
    if is_group_id(ended_id):
        ended = members(ended_id)
        return (ended[0], webhooks.group_message(ended_id, ended, settings.api_url())) if ended else (None, None)
    job = _job(ended_id)
    return job, webhooks.message(job, settings.api_url()) if job else None


def _job(job_id: str) -> Job | None:
    try:
        return jobs.get(job_id)
    except JobNotFound:
        return None


def _endpoint(client: str, endpoint_id: str) -> Endpoint | None:
    return next((found for found in webhook_endpoints.of_client(client) if found.id == endpoint_id), None)
