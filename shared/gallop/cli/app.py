"""The command ``gallop``: one group of commands per module."""

from __future__ import annotations

import typer

from gallop.cli import jobs, keys, overview, webhooks
from gallop.cli.doctor import doctor
from gallop.cli.maintenance import drain, forget, undrain
from gallop.cli.redrive import redrive
from gallop.cli.trace import trace

app = typer.Typer(
    help="Operate a Gallop stack: the testbed that `make up` started, or, with --stack, one in your AWS account.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
for command in (overview.queue, overview.slots, overview.spend, redrive, trace, drain, undrain, forget, doctor):
    app.command()(command)
