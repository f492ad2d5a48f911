"""The command ``fake-dashscope``: serves the fake until it is interrupted."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from fake_dashscope import __version__
from fake_dashscope.accounts import KEY, REGION, Account
from fake_dashscope.clock import ScaledClock
from fake_dashscope.core import FakeDashScope
from fake_dashscope.models import read_model
from fake_dashscope.server import Server, serve
from fake_dashscope.switches import BadParameters, EditInput, ExpiryFrom, Limits, Reach, Switches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fake_dashscope.models import Model


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    options = argparse.ArgumentParser(
        prog="fake-dashscope",
        description="Serve a fake DashScope over HTTP until Ctrl-C. Prints its base URL and keys as shell variables.",
    )
    add = options.add_argument
    add("--version", action="version", version=f"%(prog)s {__version__}")
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=0, help="port to listen on (%(default)s: any free port)")
    add("--speed", type=float, default=1.0, help="simulated seconds per real second (%(default)s)")
    add("--seed", type=int, default=0, help="seed of ids and running times (%(default)s)")
    add("--region", default=REGION, help="region of the fake's own address (%(default)s)")
    add(
        "--account",
        action="append",
        metavar="NAME=KEY[,KEY…][@REGION]",
        type=account,
        help=f"an account and its keys; repeat for more accounts (main={KEY})",
    )
    add(
        "--model",
        action="append",
        default=[],
        metavar="FILE",
        type=model,
        help="a JSON file with the row of one more model; repeat for more models",
    )
    add("--no-limits", action="store_true", help="lift all limits except 5 running tasks per account and model")
    _add_switches(options)
    return options


def _add_switches(options: argparse.ArgumentParser) -> None:
    """Describe the options that become ``Switches``."""
    add = options.add_argument
    known = Switches()
    add("--bad-parameters", choices=get_args(BadParameters), help="what fails on a bad parameter (%(default)s)")
    add(
        "--edit-input",
        choices=get_args(EditInput),
        help="input seconds that an edit bills of a video over 15 s (%(default)s)",
    )
    add("--expiry-from", choices=get_args(ExpiryFrom), help="when the 24 hours of a task id begin (%(default)s)")
    add("--fetch", choices=get_args(Reach), help="media URLs to download; others become placeholders (%(default)s)")
    add("--list-lag", type=float, metavar="SECONDS", help="seconds until the list API shows a new task (%(default)s)")
    add(
        "--list-hours",
        type=float,
        metavar="HOURS",
        help="time zone of the list API, in hours east of UTC (%(default)s)",
    )
    add("--task-seconds", type=float, metavar="SECONDS", help="running time of every task (random, as at DashScope)")
    names = ("bad_parameters", "edit_input", "expiry_from", "fetch", "list_lag", "list_hours", "task_seconds")
    options.set_defaults(**{name: getattr(known, name) for name in names})


def account(text: str) -> Account:
    """Read ``name=key[,key…][@region]``."""
    name, equals, rest = text.partition("=")
    keys, _, region = rest.partition("@")
    if not (name and equals and keys):
        raise argparse.ArgumentTypeError(f"invalid account {text!r}; write NAME=KEY[,KEY…][@REGION]")
    return Account(name, tuple(keys.split(",")), region or REGION)


def model(path: str) -> Model:
    """Read the row of a model from a file."""
    try:
        return read_model(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"invalid model {path}: {error}") from error


def build(options: argparse.Namespace) -> FakeDashScope:
    """Make the fake that the options ask for."""
    return FakeDashScope(
        ScaledClock(options.speed),
        options.account or [Account(region=options.region)],
        region=options.region,
        limits=Limits.none() if options.no_limits else Limits(),
        switches=Switches(
            bad_parameters=options.bad_parameters,
            edit_input=options.edit_input,
            expiry_from=options.expiry_from,
            fetch=options.fetch,
            list_lag=options.list_lag,
            list_hours=options.list_hours,
            task_seconds=options.task_seconds,
        ),
        models=options.model,
        seed=options.seed,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; ``arguments`` are those of the command line by default."""
    options = parser().parse_args(arguments)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    fake = build(options)
    try:
        with serve(fake, options.host, options.port) as server:
            announce(fake, server)
            stop.wait()
    except OSError as error:
        sys.exit(f"{options.host}:{options.port}: {error.strerror}")


def announce(fake: FakeDashScope, server: Server) -> None:
    """Print what a client needs, as shell variables."""
    print(f"DASHSCOPE_HTTP_BASE_URL={server.api_url}")  # noqa: T201
    for known in fake.vendor.keyring.accounts.values():
        print(f"DASHSCOPE_API_KEY={known.keys[0]}  # account {known.name}, {known.region}", flush=True)  # noqa: T201
