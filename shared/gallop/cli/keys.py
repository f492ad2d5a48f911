"""``gallop keys``: API keys for the HTTPS door. A key is shown once; the stack stores only its hash."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gallop.adapters.table import client_keys
from gallop.cli import placing, show
from gallop.cli.show import refuse
from gallop.cli.target import StackOption, Target, opened
from gallop.domain import times
from gallop.domain.clients import keys
from gallop.domain.clients.keys import Key, KeyState
from gallop.services import api_keys

app = typer.Typer(help="Create, list and revoke API keys for the HTTPS door.", no_args_is_help=True)

ExpiresOption = Annotated[
    str, typer.Option(help="Let the key expire after minutes, hours or days: 30m, 12h, 90d.", metavar="90d")
]
AdminOption = Annotated[
    bool, typer.Option("--admin", help="Create an operator's key, which can see all clients' jobs.")
]
AccountOption = Annotated[
    str, typer.Option(help="The DashScope account on which the jobs of the key must run.", metavar="NAME")
]
TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", help="A tag of the accounts on which they may run: region=eu. Repeat it for more."),
]
ClientOption = Annotated[str, typer.Option(help="Show only this client's keys.")]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - one parameter per option
    client: Annotated[str, typer.Argument(help="The client that owns the key; a client may have several.")],
    expires: ExpiresOption = "",
    admin: AdminOption = False,
    account: AccountOption = "",
    tag: TagOption = None,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Create an API key. It is printed once and cannot be shown again."""
    if not keys.is_client_name(client):
        refuse(f"{client!r} is not a valid client name. Use a-z, 0-9, dots and hyphens; `s3` names the S3 door.")
    lifetime = keys.lifetime_seconds(expires) if expires else None
    if expires and lifetime is None:
        refuse(f"--expires {expires!r} is not a valid duration. Use minutes, hours or days: 30m, 12h or 90d.")
    bound = placing.placement_of(account, tag or ())
    with opened(stack) as target:
        now = target.now()
        secret, key = api_keys.issue(client, now, now + lifetime if lifetime else None, is_admin=admin, bound=bound)
    if json:
        show.as_json({"key": secret, **_public(key, target)})
        return
    until = f", valid until {times.day_and_time(key.valid_until)}" if key.valid_until else ""
    where = f", for {key.bound.text}" if key.bound else ""
    show.remark(f"Key of {client!r} at stack {target.stack!r} ({key.id}{where}{until}). It cannot be shown again:")
    typer.echo(secret)


@app.command(name="list")
def list_keys(client: ClientOption = "", json: show.JsonOption = False, stack: StackOption = "") -> None:
    """List API keys: client, state, and when each was last used."""
    with opened(stack) as target:
        found = client_keys.listed(client)
    if json:
        show.as_json([_public(key, target) for key in found])
    elif found:
        head = ("KEY", "CLIENT", "STATE", "CREATED", "LAST USED", "ENDS", "RUNS ON")
        show.as_table(head, [_row(key, target) for key in found])
    else:
        show.remark(f"Stack {target.stack!r} has no keys{f' of client {client!r}' if client else ''}.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="A key's ID, key_..., from `gallop keys list`.", metavar="KEY")],
    stack: StackOption = "",
) -> None:
    """Revoke an API key, effective immediately. The client's other keys and its jobs are not affected."""
    with opened(stack) as target:
        key = next((key for key in client_keys.listed() if key.id == key_id), None)
        if key is None:
            # Not repeated in the message: it may be the key itself.
            refuse(f"Stack {target.stack!r} has no key with that ID. Run `gallop keys list` to see the IDs.")
        is_new = client_keys.revoke(key, target.now())
    show.remark(f"{key.id} of {key.client!r} {'is revoked' if is_new else 'was already revoked'}.")


def _public(key: Key, target: Target) -> dict[str, Any]:
    return {
        "id": key.id,
        "client": key.client,
        "state": key.state(target.now()).value,
        "is_admin": key.is_admin,
        "placement": key.bound.view(),
        "created_at": show.iso(key.created_at),
        "last_used_at": show.iso(key.last_used_at),
        "valid_until": show.iso(key.valid_until),
        "revoked_at": show.iso(key.revoked_at),
    }


def _row(key: Key, target: Target) -> tuple[str, ...]:
    state = key.state(target.now())
    right = " (operator)" if key.is_admin and state is KeyState.ACTIVE else ""
    used = times.day_and_time(key.last_used_at) if key.last_used_at else "never"
    ends = times.day_and_time(key.ends_at) if key.ends_at else "never"
    created, runs_on = times.day_and_time(key.created_at), key.bound.text or "any account"
    return key.id, key.client, f"{state.value}{right}", created, used, ends, runs_on
