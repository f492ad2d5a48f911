"""``gallop webhooks``: who is told of the end of jobs, and what became of it. A secret is shown once."""

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
from gallop.domain.request import urls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gallop.domain.clients.webhooks import Endpoint, Event, Try

app = typer.Typer(
    help="Tell clients of the end of their jobs, by signed requests to their endpoints.", no_args_is_help=True
)

EndpointArgument = Annotated[
    str, typer.Argument(help="As `gallop webhooks list` shows it: whe_...", metavar="ENDPOINT")
]
EventsOption = Annotated[str, typer.Option(help="Only these, with commas between.", metavar="video.completed,...")]
ClientOption = Annotated[str, typer.Option(help="Only the endpoints of this client.")]


@app.command()
def add(
    client: Annotated[
        str, typer.Argument(help="Whose jobs it is told of: a client, or `s3` for those of the S3 door.")
    ],
    url: Annotated[str, typer.Argument(help="An https address of a public host.")],
    events: EventsOption = "",
    stack: StackOption = "",
) -> None:
    """Add an endpoint: its signing secret alone stands on standard output, this once."""
    if client != Door.S3 and not keys.is_client_name(client):
        refuse(f"{client!r} cannot be a client: use a-z, 0-9, dot, hyphen, or `s3` for the S3 door.")
    chosen = _events(events)
    with opened(stack) as target:
        problem = urls.what_is_wrong_with(url)
        if problem and not (target.is_here and urls.names_loopback(url)):
            refuse(f"The address {problem}.")
        endpoint = webhooks.endpoint(client, url, chosen, target.now())
        webhook_endpoints.put(endpoint)
    show.remark(
        f"{endpoint.id} is told of the jobs of {client!r} at stack {target.stack!r}. Its secret, shown this once:"
    )
    typer.echo(endpoint.secrets[0].value)


@app.command(name="list")
def list_endpoints(client: ClientOption = "", json: show.JsonOption = False, stack: StackOption = "") -> None:
    """List endpoints, and why those that are told nothing are not."""
    with opened(stack) as target:
        found = webhook_endpoints.of_client(client) if client else webhook_endpoints.everyones()
    if json:
        show.as_json([_public(endpoint) for endpoint in found])
    elif found:
        show.as_table(("ENDPOINT", "CLIENT", "STATE", "EVENTS", "URL"), map(_row, found))
    else:
        show.remark(f"There are no endpoints{f' of {client!r}' if client else ''} at stack {target.stack!r}.")


@app.command()
def remove(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Forget an endpoint. What is under way to it ends; its log stays for thirty days."""
    with opened(stack) as target:
        webhook_endpoints.remove(_endpoint(target, endpoint_id))
    show.remark(f"{endpoint_id} is told nothing any more.")


@app.command()
def enable(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Tell an endpoint again that was disabled for its answer 410 Gone."""
    with opened(stack) as target:
        webhook_endpoints.put(replace(_endpoint(target, endpoint_id), disabled_at=None, disabled_why=""))
    show.remark(f"{endpoint_id} is told of jobs that end from now on. Replay what it missed.")


@app.command()
def rotate(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Give an endpoint a new secret, shown this once. The old one signs beside it for 24 hours."""
    with opened(stack) as target:
        endpoint = webhooks.rotated(_endpoint(target, endpoint_id), target.now())
        webhook_endpoints.put(endpoint)
    show.remark(f"The new secret of {endpoint_id}, shown this once; the old one holds for 24 hours:")
    typer.echo(endpoint.secrets[0].value)


@app.command()
def log(
    endpoint_id: Annotated[str, typer.Argument(help="One endpoint, or all.", metavar="[ENDPOINT]")] = "",
    client: ClientOption = "",
    limit: Annotated[int, typer.Option(help="The last so many tries at each endpoint.", min=1, max=1000)] = 20,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Show the tries of the last thirty days, the newest first: answers, and when the next one follows."""
    with opened(stack) as target:
        endpoints = webhook_endpoints.of_client(client) if client else webhook_endpoints.everyones()
        chosen = [_endpoint(target, endpoint_id)] if endpoint_id else endpoints
        tries = [made for endpoint in chosen for made in webhook_deliveries.newest(endpoint.id, limit)]
    tries.sort(key=lambda made: made.at, reverse=True)
    if json:
        show.as_json([_try_view(made) for made in tries])
    else:
        show.as_table(("TIME", "ENDPOINT", "EVENT", "ID", "TRY", "ANSWER", "MS", "NEXT"), map(_try_row, tries))


@app.command()
def replay(
    event_id: Annotated[str, typer.Argument(help="As the log and the webhook-id show it: evt_...", metavar="EVENT")],
    endpoint: Annotated[str, typer.Option(help="Only this endpoint.", metavar="whe_...")] = "",
    stack: StackOption = "",
) -> None:
    """Tell of a job's end once more, under the same webhook-id: to all endpoints that want it, or to one."""
    with opened(stack) as target:
        job = jobs.get(webhooks.job_id_of(event_id))
        receivers = webhooks.receivers(webhook_endpoints.of_client(job.client), job)
        chosen = [found for found in receivers if endpoint in ("", found.id)]
        if not chosen:
            refuse(f"No endpoint of {job.client!r} at stack {target.stack!r} is to be told of {event_id}.")
        for found in chosen:
            webhook_workflow.replay(job.id, found.id)
    show.remark(f"{event_id} is on its way to {', '.join(found.id for found in chosen)}.")


@app.command()
def ping(endpoint_id: EndpointArgument, stack: StackOption = "") -> None:
    """Send a signed test of the type `ping`, once, and show what was answered; exit code 1 if it was not 2xx."""
    with opened(stack) as target:
        endpoint = _endpoint(target, endpoint_id)
        ping_id = f"evt_{secrets.token_hex(13)}"
        event = {"action": "ping", "client": endpoint.client, "endpoint_id": endpoint.id, "ping_id": ping_id}
        answer = target.run("DeliverFunctionName", event)
    show.remark(f"{_answer(answer['status'], answer['trouble'])} in {answer['milliseconds']} ms")
    if not webhooks.is_delivered(answer["status"]):
        raise typer.Exit(1)


def _events(text: str) -> Sequence[Event]:
    known = {event.value: event for event in webhooks.JOB_EVENTS}
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        refuse(f"--events {unknown[0]!r}: there are {', '.join(known)}.")
    return [known[name] for name in names]


def _endpoint(target: Target, endpoint_id: str) -> Endpoint:
    found = next((endpoint for endpoint in webhook_endpoints.everyones() if endpoint.id == endpoint_id), None)
    return found or refuse(f"Stack {target.stack!r} has no endpoint of that id; `gallop webhooks list` shows the ids.")


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
    state = f"disabled: {endpoint.disabled_why}" if endpoint.disabled_at else "told"
    return endpoint.id, endpoint.client, state, ", ".join(endpoint.events), endpoint.url


def _try_view(made: Try) -> dict[str, Any]:
    return {
        "at": show.iso(made.at),
        "endpoint": made.endpoint_id,
        "event": made.event.value,
        "id": made.event_id,
        "try": made.number,
        "status": made.status,
        "trouble": made.trouble or None,
        "milliseconds": made.milliseconds,
        "next_at": show.iso(made.next_at),
    }


def _try_row(made: Try) -> tuple[str, ...]:
    after = times.day_and_time(made.next_at) if made.next_at else ""
    tried = (times.day_and_time(made.at), str(made.number), str(made.milliseconds))
    answer = _answer(made.status, made.trouble)
    return tried[0], made.endpoint_id, made.event.value, made.event_id, tried[1], answer, tried[2], after


def _answer(status: int | None, trouble: str) -> str:
    return trouble if status is None else f"HTTP {status}"
