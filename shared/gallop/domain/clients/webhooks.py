"""Webhooks: who is told of the end of a job, in which words, how often, and under which signature.

The form is that of Standard Webhooks (https://www.standardwebhooks.com), for which receivers have libraries.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from standardwebhooks.webhooks import Webhook

from gallop.domain import views
from gallop.domain.job import Job, JobState, is_terminal
from gallop.domain.request import urls
from gallop.domain.times import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRET_BYTES = 24
OLD_SECRET_SECONDS = 24 * 3600
JITTER = 0.2
# Before each try: the seconds since the one before.
SCHEDULE_SECONDS = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
LOG_SECONDS = 30 * 86_400
GONE = 410


class Event(StrEnum):
    """What a webhook is about. ``PING`` is a test that an operator asks for."""

    COMPLETED = "video.completed"
    FAILED = "video.failed"
    CANCELLED = "video.cancelled"
    PING = "ping"


JOB_EVENTS = (Event.COMPLETED, Event.FAILED, Event.CANCELLED)


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret; one that was replaced holds until ``valid_until``."""

    value: str
    valid_until: float | None = None

    def __repr__(self) -> str:
        """Show that there is one, and not what it is."""
        return f"Secret(valid_until={self.valid_until})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of a client that is told of its jobs. ``disabled_why`` says why it is told no more."""

    id: str
    client: str
    url: str
    secrets: tuple[Secret, ...]
    created_at: float
    events: tuple[Event, ...] = JOB_EVENTS
    disabled_at: float | None = None
    disabled_why: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: the same id and body at every try and every replay."""

    id: str
    event: Event
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try of a delivery: the HTTP status, or what kept it from coming; and when the next follows, if one does."""

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
    """Make an endpoint with a secret of its own."""
    entropy = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    chosen = tuple(events) or JOB_EVENTS
    return Endpoint(id=f"whe_{entropy}", client=client, url=url, secrets=(new_secret(),), events=chosen, created_at=now)


def new_secret() -> Secret:
    """Make a secret in the form that every library of Standard Webhooks reads: base64 without padding."""
    return Secret("whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def rotated(endpoint: Endpoint, now: float) -> Endpoint:
    """Give the endpoint a new secret; those it has still hold for a day, so that a receiver can change over."""
    old = tuple(
        replace(secret, valid_until=min(secret.valid_until or now + OLD_SECRET_SECONDS, now + OLD_SECRET_SECONDS))
        for secret in secrets_at(endpoint, now)
    )
    return replace(endpoint, secrets=(new_secret(), *old))


def secrets_at(endpoint: Endpoint, now: float) -> tuple[Secret, ...]:
    """Give the secrets that hold now, the newest first."""
    return tuple(secret for secret in endpoint.secrets if secret.valid_until is None or now < secret.valid_until)


def event_of(state: JobState) -> Event:
    """Name the event of a job's end."""
    match state:
        case JobState.SUCCEEDED:
            return Event.COMPLETED
        case JobState.CANCELLED:
            return Event.CANCELLED
        case _:
            return Event.FAILED


def event_id(job_id: str) -> str:
    """Name the event of a job's end; it has one only."""
    return f"evt_{job_id.removeprefix('job_')}"


def job_id_of(event: str) -> str:
    """Name the job of an event."""
    return f"job_{event.removeprefix('evt_')}"


def end_of(job: Job) -> dict[str, Any]:
    """Tell the end of a job: what its client sees of it, but for the prompt, and without any address that opens it."""
    view = views.job_view(job, job.ended_at or job.updated_at)
    return {name: value for name, value in view.items() if name != "prompt"}


def message(job: Job) -> Message:
    """Write the message about a job's end, in the words of OpenAI's webhooks and of Standard Webhooks."""
    return _message(event_id(job.id), event_of(job.state), end_of(job), job.ended_at or job.updated_at)


def ping(endpoint: Endpoint, ping_id: str, now: float) -> Message:
    """Write a test message."""
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
    """Sign a message for one try: one signature for each secret that holds."""
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
    """Choose who is told of a job's end: all that want the event, or the first at the origin that the job names."""
    if not is_terminal(job.state):
        return []
    event = event_of(job.state)
    willing = [endpoint for endpoint in endpoints if endpoint.disabled_at is None and event in endpoint.events]
    oldest_first = sorted(willing, key=lambda endpoint: (endpoint.created_at, endpoint.id))
    if not job.request.webhook:
        return oldest_first
    return [endpoint for endpoint in oldest_first if urls.origin(endpoint.url) == urls.origin(job.request.webhook)][:1]


def url_for(endpoint: Endpoint, job: Job) -> str:
    """Give the address that is called: the endpoint's, or the path and query that the job names at its origin."""
    names_it = job.request.webhook and urls.origin(job.request.webhook) == urls.origin(endpoint.url)
    return job.request.webhook if names_it else endpoint.url


def is_delivered(status: int | None) -> bool:
    """Tell whether a receiver took a message: any 2xx says so, and nothing else, a redirect least of all."""
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - RFC 9110's class of successes


def wait_before(attempt: int, chance: float) -> int | None:
    """Give the whole seconds to wait before a try (the first is 1), or None after the last.

    ``chance`` (0 to 1) shifts them by up to a fifth, so that a receiver that comes back is not met by all at once.
    """
    if not 1 <= attempt <= len(SCHEDULE_SECONDS):
        return None
    return round(SCHEDULE_SECONDS[attempt - 1] * (1 - JITTER + 2 * JITTER * chance))
