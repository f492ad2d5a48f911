"""Runs the fake vendor by itself: ``python -m fake_dashscope``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from typing import get_args

from fake_dashscope.accounts import KEY, REGION, Account
from fake_dashscope.clock import ScaledClock
from fake_dashscope.core import FakeDashScope
from fake_dashscope.server import Server, serve
from fake_dashscope.switches import BadParameters, ExpiryFrom, Limits, Reach, Switches


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    options = argparse.ArgumentParser(prog="python -m fake_dashscope", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument(
        "--port",
        type=int,
        default=os.environ.get("DASHSCOPE_PORT", "0"),
        help="0 (the default) is any free one; also DASHSCOPE_PORT=",
    )
    options.add_argument(
        "--speed",
        type=float,
        default=os.environ.get("SPEED", "1"),
        help="simulated seconds in a second, 1 (the default) is real time; also SPEED=",
    )
    options.add_argument("--seed", type=int, default=0, help="fixes ids and task durations")
    options.add_argument("--region", default=REGION, help="where the fake is taken to be")
    options.add_argument(
        "--account",
        action="append",
        metavar="NAME=KEY[,KEY…][@REGION]",
        type=account,
        help=f"an account and its keys; may be repeated; main={KEY} without any",
    )
    options.add_argument("--no-limits", action="store_true", help="lift all limits but 5 running tasks")
    options.add_argument("--bad-parameters", choices=get_args(BadParameters), default="submit")
    options.add_argument("--expiry-from", choices=get_args(ExpiryFrom), default="submit")
    options.add_argument("--fetch", choices=get_args(Reach), default="loopback", help="which media URLs are fetched")
    options.add_argument("--list-lag", type=float, default=0.0, help="seconds until the list shows a task")
    options.add_argument("--list-hours", type=float, default=8.0, help="zone of the list's times, hours east of UTC")
    options.add_argument("--task-seconds", type=float, help="running time of every task, instead of a drawn one")
    return options


def account(text: str) -> Account:
    """Read ``name=key[,key…][@region]``."""
    name, equals, rest = text.partition("=")
    keys, _, region = rest.partition("@")
    if not (name and equals and keys):
        raise ValueError(f"{text!r} is not NAME=KEY[,KEY…][@REGION]")
    return Account(name, tuple(keys.split(",")), region or REGION)


def build(options: argparse.Namespace) -> FakeDashScope:
    """Make the fake that the options ask for."""
    return FakeDashScope(
        ScaledClock(options.speed),
        options.account or [Account(region=options.region)],
        region=options.region,
        limits=Limits.none() if options.no_limits else Limits(),
        switches=Switches(
            bad_parameters=options.bad_parameters,
            expiry_from=options.expiry_from,
            fetch=options.fetch,
            list_lag=options.list_lag,
            list_hours=options.list_hours,
            task_seconds=options.task_seconds,
        ),
        seed=options.seed,
    )


def main(arguments: list[str]) -> None:
    """Serve until SIGINT or SIGTERM."""
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


if __name__ == "__main__":
    main(sys.argv[1:])
