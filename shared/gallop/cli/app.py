"""The command ``gallop``: the commands of users, and those of operators, which are loaded when they are asked for.

The latter need boto3 and half of this repository; the package ``gallop-client`` does not contain them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from gallop.cli import show
from gallop.cli.user import account, listing, making, viewing


class Commands(TyperGroup):
    """The commands of users, then those of operators."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer's own class differs between its versions
        """Return the names of all commands."""
        return [*super().list_commands(ctx), *_operators()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """Return a command; None if there is none of this name."""
        found = super().get_command(ctx, cmd_name) or _operators().get(cmd_name)
        if found is None and not _operators():
            show.refuse(
                f"Unknown command {cmd_name!r}. Run `gallop --help` to see the commands. Those for operators of a "
                "stack are not part of this package: run them in a checkout of Gallop."
            )
        return found


app = typer.Typer(
    cls=Commands,
    help="Make videos, and operate a Gallop stack: one of your own in AWS, or the testbed that `make up` started.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (making.make, making.price, viewing.watch, viewing.get):
    app.command()(command)
app.command(name="list")(listing.list_jobs)
for command in (listing.cancel, account.login, account.logout):
    app.command()(command)


def _operators() -> dict[str, Any]:
    if not find_spec("gallop.cli.operators"):
        return {}
    from gallop.cli import operators  # noqa: PLC0415 - only when asked for

    group: Any = typer.main.get_command(operators.app)
    commands: dict[str, Any] = group.commands
    return commands
