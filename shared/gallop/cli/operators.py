"""The operator's commands: one group of commands per module."""

from __future__ import annotations

import typer

from gallop.cli import accounts, jobs, keys, overview, webhooks
from gallop.cli.doctor import doctor
from gallop.cli.maintenance import drain, forget, undrain
from gallop.cli.redrive import redrive
from gallop.cli.trace import trace

app = typer.Typer()
app.add_typer(accounts.app, name="accounts")
app.add_typer(jobs.app, name="jobs")
app.add_typer(keys.app, name="keys")
app.add_typer(webhooks.app, name="webhooks")
for command in (overview.queue, overview.slots, overview.spend, redrive, trace, drain, undrain, forget, doctor):
    app.command()(command)
