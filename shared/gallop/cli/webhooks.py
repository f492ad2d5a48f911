"""``gallop webhooks``: endpoints that are notified when jobs end, and their log. A secret is shown once."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop.adapters.stepfunctions import webhook_workflow
from gallop.adapters.table import jobs, webhook_deliveries, webhook_endpoints
from gallop.cli import show
from gallop.cli.show import refuse
from gallop.cli.target import StackOption, Target, opened
from gallop.domain import times
from gallop.domain.clients import keys, webhooks
from gallop.domain.doors import Door
from gallop.domain.groups import is_group_id
from gallop.domain.request import urls
from gallop.services.groups import members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.clients.webhooks import Endpoint, Event, Try

app = typer.Typer(
    help="Notify clients when their jobs end, by signed requests to their endpoints.", no_args_is_help=True
)

EndpointArgument = Annotated[
    str, typer.Argument(help="An endpoint's ID, whe_..., from `gallop webhooks list`.", metavar="ENDPOINT")
]
EventsOption = Annotated[
    str, typer.Option(help="Send only these events, separated by commas.", metavar="video.completed,...")
]
ClientOption = Annotated[str, typer.Option(help="Show only this client's endpoints.")]


@app.command()
def add(
    client: Annotated[
        str, typer.Argument(help="The client whose jobs it is notified of, or `s3` for jobs of the S3 door.")
    ],
    url: Annotated[str, typer.Argument(help="An https URL of a public host.")],
    events: EventsOption = "",
    stack: StackOption = "",
) -> None:
    """Add an endpoint. Its signing secret is printed once and cannot be shown again."""
    if client != Door.S3 and not keys.is_client_name(client):
        refuse(f"{client!r} is not a valid client name. Use a-z, 0-9, dots and hyphens, or `s3` for the S3 door.")
    chosen = _events(events)
    with opened(stack) as target:
        problem = urls.what_is_wrong_with(url)
        if problem and not (target.is_here and urls.names_loopback(url)):
            refuse(f"The URL {problem}.")
        endpoint = webhooks.endpoint(client, url, chosen, target.now())
        webhook_endpoints.put(endpoint)
    notified = f"{endpoint.id} is notified of the jobs of {client!r} at stack {target.stack!r}."
    show.remark(f"{notified} Its signing secret, which cannot be shown again:")
    typer.echo(endpoint.secrets[0].value)


@app.command(name="list")
def list_endpoints(client: ClientOption = "", json: show.JsonOption = False, stack: StackOption = "") -> None:
    """List endpoints, and why an endpoint is disabled."""
    with opened(stack) as target:
        found = webhook_endpoints.of_client(client) if client else webhook_endpoints.everyones()
    if json:
        show.as_json([_public(endpoint) for endpoint in found])
    elif found:
        show.as_table(("ENDPOINT", "CLIENT", "STATE", "EVENTS", "URL"), map(_row, found))
    else:
        show.remark(f"Stack {target.stack!r} has no endpoints{f' of client {client!r}' if client else ''}.")


@app.command()
def remove(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Remove an endpoint. Deliveries in progress end; its log is kept for 30 days."""
    with opened(stack) as target:
        webhook_endpoints.remove(_endpoint(target, endpoint_id))
    show.remark(f"{endpoint_id} is removed.")


@app.command()
def enable(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Enable an endpoint again that was disabled because it answered 410 Gone."""
    with opened(stack) as target:
        webhook_endpoints.put(replace(_endpoint(target, endpoint_id), disabled_at=None, disabled_why=""))
    show.remark(f"{endpoint_id} is enabled. It is notified of jobs that end after this; use `replay` for earlier ones.")


@app.command()
def rotate(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Create a new signing secret for an endpoint, printed once. The old one stays valid for 24 hours."""
    with opened(stack) as target:
        endpoint = webhooks.rotated(_endpoint(target, endpoint_id), target.now())
        webhook_endpoints.put(endpoint)
    show.remark(f"New secret of {endpoint_id}, which cannot be shown again; the old one stays valid for 24 hours:")
    typer.echo(endpoint.secrets[0].value)


@app.command()
def log(
    endpoint_id: Annotated[str, typer.Argument(help="One endpoint. Default: all.", metavar="[ENDPOINT]")] = "",
    client: ClientOption = "",
    limit: Annotated[int, typer.Option(help="Maximum number of tries per endpoint.", min=1, max=1000)] = 20,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show the tries of the last 30 days, newest first, with the responses and the time of the next try."""
    with opened(stack) as target:
        endpoints = webhook_endpoints.of_client(client) if client else webhook_endpoints.everyones()
        chosen = [_endpoint(target, endpoint_id)] if endpoint_id else endpoints
        tries = [entry for endpoint in chosen for entry in webhook_deliveries.newest(endpoint.id, limit)]
    tries.sort(key=lambda entry: entry.at, reverse=True)
    if json:
        show.as_json([_try_view(entry) for entry in tries])
    else:
        show.as_table(("TIME", "ENDPOINT", "EVENT", "ID", "TRY", "RESPONSE", "MS", "NEXT"), map(_try_row, tries))


@app.command()
def replay(
    event_id: Annotated[str, typer.Argument(help="An event's ID, evt_..., from the log.", metavar="EVENT")],
    endpoint: Annotated[str, typer.Option(help="Send it only to this endpoint.", metavar="whe_...")] = "",
    stack: StackOption = "",
) -> None:
    """Send the event of a job or group again, with the same webhook-id, to all endpoints that subscribe or to one."""
    with opened(stack) as target:
        ended_id = webhooks.job_id_of(event_id)
        ended = (is_group_id(ended_id) and members(ended_id)) or (jobs.get(ended_id),)
        job, endpoints = ended[0], webhook_endpoints.of_client(ended[0].client)
        is_of_one = job.id == ended_id
        receivers = webhooks.receivers(endpoints, job) if is_of_one else webhooks.receivers_of_group(endpoints, ended)
        chosen = [found for found in receivers if endpoint in ("", found.id)]
        if not chosen:
            refuse(f"No endpoint of {job.client!r} at stack {target.stack!r} subscribes to {event_id}.")
        for found in chosen:
            webhook_workflow.replay(ended_id, found.id)
    show.remark(f"{event_id} is being sent to {', '.join(found.id for found in chosen)}.")


@app.command()
def ping(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Send a signed test event of type `ping`, once, and show the response; exit code 1 if it is not 2xx."""
    with opened(stack) as target:
        endpoint = _endpoint(target, endpoint_id)
        ping_id = f"evt_{secrets.token_hex(13)}"
        event = {"action": "ping", "client": endpoint.client, "endpoint_id": endpoint.id, "ping_id": ping_id}
        result = target.run("DeliverFunction", event)
    show.remark(f"{_response(result['status'], result['trouble'])} in {result['milliseconds']} ms")
    if not webhooks.is_delivered(result["status"]):
        raise typer.Exit(1)


def _events(text: str) -> Sequence[Event]:
    known = {event.value: event for event in webhooks.JOB_EVENTS}
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        refuse(f"--events {unknown[0]!r} is not a valid event. Use {', '.join(known)}.")
    return [known[name] for name in names]


def _endpoint(target: Target, endpoint_id: str) -> Endpoint:
    found = next((endpoint for endpoint in webhook_endpoints.everyones() if endpoint.id == endpoint_id), None)
    return found or refuse(
        f"Stack {target.stack!r} has no endpoint with that ID. Run `gallop webhooks list` to see the IDs."
    )


def _public(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "client": endpoint.client,
        "url": endpoint.url,
        "events": [event.value for event in endpoint.events],
        "created_at": show.iso(endpoint.created_at),
        "disabled_at": show.iso(endpoint.disabled_at),
        "disabled_why": endpoint.disabled_why or None,
    }


def _row(endpoint: Endpoint) -> tuple[str, ...]:
    state = f"disabled: {endpoint.disabled_why}" if endpoint.disabled_at else "enabled"
    return endpoint.id, endpoint.client, state, ", ".join(endpoint.events), endpoint.url


def _try_view(entry: Try) -> dict[str, Any]:
    return {
        "at": show.iso(entry.at),
        "endpoint": entry.endpoint_id,
        "event": entry.event.value,
        "id": entry.event_id,
        "try": entry.number,
        "status": entry.status,
        "trouble": entry.trouble or None,
        "milliseconds": entry.milliseconds,
        "next_at": show.iso(entry.next_at),
    }


def _try_row(entry: Try) -> tuple[str, ...]:
    after = times.day_and_time(entry.next_at) if entry.next_at else ""
    tried = (times.day_and_time(entry.at), str(entry.number), str(entry.milliseconds))
    response = _response(entry.status, entry.trouble)
    return tried[0], entry.endpoint_id, entry.event.value, entry.event_id, tried[1], response, tried[2], after


def _response(status: int | None, error: str) -> str:
    return error if status is None else f"HTTP {status}"
