"""``gallop keys``: the keys of the HTTPS door's clients. A key is shown once; the stack keeps its hash only."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gallop.adapters.table import client_keys
from gallop.cli import show
from gallop.cli.show import refuse
from gallop.cli.target import StackOption, Target, opened
from gallop.domain import times
from gallop.domain.clients import keys
from gallop.domain.clients.keys import Key, KeyState

app = typer.Typer(help="Mint, list and revoke the keys of the HTTPS door.", no_args_is_help=True)

ExpiresOption = Annotated[
    str, typer.Option(help="Let the key expire, after minutes, hours or days: 30m, 12h, 90d.", metavar="90d")
]
AdminOption = Annotated[bool, typer.Option("--admin", help="An operator's key: it shows the jobs of all clients.")]
ClientOption = Annotated[str, typer.Option(help="Only the keys of this client.")]


@app.command()
def create(
    client: Annotated[str, typer.Argument(help="Whose key it is; a client may have several.")],
    expires: ExpiresOption = "",
    admin: AdminOption = False,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """Mint a key: it alone stands on standard output, this once."""
    if not keys.is_client_name(client):
        refuse(f"{client!r} cannot be a client: use a-z, 0-9, dot, hyphen; `s3` is the S3 door's own name.")
    lifetime = keys.lifetime_seconds(expires) if expires else None
    if expires and lifetime is None:
        refuse(f"--expires {expires!r}: say it in minutes, hours or days, as in 30m, 12h or 90d.")
    secret = keys.generate()
    with opened(stack) as target:
        now = target.now()
        key = Key(keys.hash_of(secret), client, now, now + lifetime if lifetime else None, admin)
        client_keys.create(key)
    if json:
        show.as_json({"key": secret, **_public(key, target)})
        return
    until = f", valid until {times.day_and_time(key.valid_until)}" if key.valid_until else ""
    show.remark(f"The key of {client!r} at stack {target.stack!r} ({key.id}{until}), shown this once:")
    typer.echo(secret)


@app.command(name="list")
def list_keys(client: ClientOption = "", json: show.JsonOption = False, stack: StackOption = "") -> None:
    """List keys: whose they are, whether they open the door, and when they were last used."""
    with opened(stack) as target:
        found = client_keys.listed(client)
    if json:
        show.as_json([_public(key, target) for key in found])
    elif found:
        show.as_table(("KEY", "CLIENT", "STATE", "CREATED", "LAST USED", "ENDS"), [_row(key, target) for key in found])
    else:
        show.remark(f"There are no keys{f' of {client!r}' if client else ''} at stack {target.stack!r}.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `gallop keys list` shows it: key_...", metavar="KEY")],
    stack: StackOption = "",
) -> None:
    """Let a key open nothing from the next request on. Its client's other keys, and its jobs, go on."""
    with opened(stack) as target:
        key = next((key for key in client_keys.listed() if key.id == key_id), None)
        if key is None:
            # Not repeated: it may be the key itself.
            refuse(f"Stack {target.stack!r} has no key of that id; `gallop keys list` shows the ids.")
        is_news = client_keys.revoke(key, target.now())
    show.remark(f"{key.id} of {key.client!r} {'opens nothing any more' if is_news else 'was revoked before'}.")


def _public(key: Key, target: Target) -> dict[str, Any]:
    return {
        "id": key.id,
        "client": key.client,
        "state": key.state(target.now()).value,
        "is_admin": key.is_admin,
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
    return key.id, key.client, f"{state.value}{right}", times.day_and_time(key.created_at), used, ends
