"""Webhooks: the receivers of a job's end, the message, its signature and the schedule of delivery.

The format is that of Standard Webhooks (https://www.standardwebhooks.com), for which receivers have libraries.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gallop.domain import groups, views
from gallop.domain.frozen import frozen
from gallop.domain.job import Job, JobState, is_terminal
from gallop.domain.request import urls
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SECRET_BYTES = 24
OLD_SECRET_SECONDS = 24 * 3600
JITTER = 0.2
# The seconds to wait before each delivery attempt.
SCHEDULE_SECONDS = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
LOG_SECONDS = 30 * 86_400
GONE = 410


class Event(StrEnum):
    """The type of an event. ``PING`` is a test that an operator requests.

    An endpoint that gets ``COMPLETED`` gets ``GROUP_COMPLETED`` as well: once all videos of a request have ended.
    """

    COMPLETED = "video.completed"
    FAILED = "video.failed"
    CANCELLED = "video.cancelled"
    GROUP_COMPLETED = "video.group.completed"
    PING = "ping"


JOB_EVENTS = (Event.COMPLETED, Event.FAILED, Event.CANCELLED)


@frozen
class Secret:
    """A signing secret; one that was replaced is valid until ``valid_until``, in seconds since the epoch."""

    value: str
    valid_until: float | None = None

    def __repr__(self) -> str:
        """Hide the value."""
        return f"Secret(valid_until={self.valid_until})"


@frozen(kw_only=True)
class Endpoint:
    """A client's address that is notified of its jobs. ``disabled_why`` says why it was disabled.

    Times are in seconds since the epoch.
    """

    id: str
    client: str
    url: str
    secrets: tuple[Secret, ...]
    created_at: float
    events: tuple[Event, ...] = JOB_EVENTS
    disabled_at: float | None = None
    disabled_why: str = ""


@frozen
class Message:
    """A message: its id and body are the same in every delivery attempt and every replay."""

    id: str
    event: Event
    body: str


@frozen(kw_only=True)
class Try:
    """One delivery attempt: the HTTP status, or the error in ``trouble``; ``next_at`` is the time of the next, if any.

    Times are in seconds since the epoch.
    """

    endpoint_id: str
    event_id: str
    event: Event
    number: int
    at: float
    status: int | None
    trouble: str
    milliseconds: int
    next_at: float | None


def endpoint(client: str, url: str, events: Iterable[Event], now: float) -> Endpoint:
    """Create an endpoint with its own secret; without ``events`` it receives all events of jobs."""
    entropy = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    chosen = tuple(events) or JOB_EVENTS
    return Endpoint(id=f"whe_{entropy}", client=client, url=url, secrets=(new_secret(),), events=chosen, created_at=now)


def new_secret() -> Secret:
    """Create a secret in the format that every Standard Webhooks library accepts: base64 without padding."""
    return Secret("whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def rotated(endpoint: Endpoint, now: float) -> Endpoint:
    """Add a new secret to an endpoint; the old ones stay valid for a day, so that the receiver can switch."""
    old = tuple(
        replace(secret, valid_until=min(secret.valid_until or now + OLD_SECRET_SECONDS, now + OLD_SECRET_SECONDS))
        for secret in secrets_at(endpoint, now)
    )
    return replace(endpoint, secrets=(new_secret(), *old))


def secrets_at(endpoint: Endpoint, now: float) -> tuple[Secret, ...]:
    """Return the secrets that are valid at ``now``, the newest first."""
    return tuple(secret for secret in endpoint.secrets if secret.valid_until is None or now < secret.valid_until)


def event_of(state: JobState) -> Event:
    """Return the event of a terminal state."""
    match state:
        case JobState.SUCCEEDED:
            return Event.COMPLETED
        case JobState.CANCELLED:
            return Event.CANCELLED
        case _:
            return Event.FAILED


def event_id(job_id: str) -> str:
    """Return the id of the event of a job's end, or of a group's; there is one each."""
    return f"evt_{job_id.removeprefix('job_')}"


def job_id_of(event: str) -> str:
    """Return the id of the job of an event, or of its group."""
    of_what = event.removeprefix("evt_")
    return of_what if of_what.startswith("grp_") else f"job_{of_what}"


def end_of(job: Job, api_url: str) -> dict[str, Any]:
    """Return the data of a message about a job's end: the job's view, without prompt and presigned addresses."""
    view = views.job_view(job, job.ended_at or job.updated_at, api_url)
    return {name: value for name, value in view.items() if name != "prompt"}


def message(job: Job, api_url: str) -> Message:
    """Return the message about a job's end, in the format of OpenAI's webhooks and of Standard Webhooks."""
    return _message(event_id(job.id), event_of(job.state), end_of(job, api_url), job.ended_at or job.updated_at)


def end_of_group(jobs: Sequence[Job], api_url: str) -> dict[str, Any]:
    """Return the data of a message about a group's end: the group's view, with its jobs as in their own messages."""
    return groups.view(jobs, [end_of(job, api_url) for job in jobs])


def group_message(group_id: str, jobs: Sequence[Job], api_url: str) -> Message:
    """Return the message about a group's end, which is that of its last job."""
    data = end_of_group(jobs, api_url)
    return _message(event_id(group_id), Event.GROUP_COMPLETED, data, groups.ended_at(jobs))


def ping(endpoint: Endpoint, ping_id: str, now: float) -> Message:
    """Return a test message."""
    return _message(ping_id, Event.PING, {"id": endpoint.id, "object": "webhook_endpoint"}, now)


def _message(name: str, event: Event, data: dict[str, Any], at: float) -> Message:
    body = {
        "id": name,
        "object": "event",
        "type": event.value,
        "timestamp": timestamp(at),
        "created_at": int(at),
        "data": data,
    }
    return Message(name, event, json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def headers(sent: Message, signed_with: Iterable[Secret], at: float) -> dict[str, str]:
    """Return the headers of one delivery attempt, with a signature for each valid secret."""
    from standardwebhooks.webhooks import Webhook  # noqa: PLC0415 - of those who import this module, few send

    time = datetime.fromtimestamp(int(at), UTC)
    signatures = [Webhook(secret.value).sign(sent.id, time, sent.body) for secret in signed_with]
    return {
        "content-type": "application/json",
        "user-agent": "Gallop-Webhooks/1",
        "webhook-id": sent.id,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": " ".join(signatures),
    }


def receivers(endpoints: Iterable[Endpoint], job: Job) -> list[Endpoint]:
    """Return the endpoints to notify of a job's end: all subscribed ones, or the first at the origin in the job."""
    return _receivers(endpoints, job, event_of(job.state)) if is_terminal(job.state) else []


def receivers_of_group(endpoints: Iterable[Endpoint], jobs: Sequence[Job]) -> list[Endpoint]:
    """Return the endpoints to notify of the end of a group: those that are notified of its completed jobs."""
    return _receivers(endpoints, jobs[0], Event.COMPLETED) if groups.have_ended(jobs) else []


def _receivers(endpoints: Iterable[Endpoint], job: Job, event: Event) -> list[Endpoint]:
    subscribed = [endpoint for endpoint in endpoints if endpoint.disabled_at is None and event in endpoint.events]
    oldest_first = sorted(subscribed, key=lambda endpoint: (endpoint.created_at, endpoint.id))
    if not job.request.webhook:
        return oldest_first
    return [endpoint for endpoint in oldest_first if urls.origin(endpoint.url) == urls.origin(job.request.webhook)][:1]


def url_for(endpoint: Endpoint, job: Job) -> str:
    """Return the address to call: the job's own, if it is at the origin of the endpoint, or else the endpoint's."""
    is_same_origin = job.request.webhook and urls.origin(job.request.webhook) == urls.origin(endpoint.url)
    return job.request.webhook if is_same_origin else endpoint.url


def is_delivered(status: int | None) -> bool:
    """Return whether a receiver accepted a message: with any 2xx status; a redirect is a failure."""
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - RFC 9110's class of successes


def wait_before(attempt: int, chance: float) -> int | None:
    """Return the whole seconds to wait before a delivery attempt (the first is 1), or None after the last.

    ``chance`` (0 to 1) shifts them by up to a fifth, so that a recovered receiver does not get all messages at once.
    """
    if not 1 <= attempt <= len(SCHEDULE_SECONDS):
        return None
    return round(SCHEDULE_SECONDS[attempt - 1] * (1 - JITTER + 2 * JITTER * chance))
