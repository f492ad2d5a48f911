"""``gallop login`` and ``gallop logout``: keep an address and a key for all later commands."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gallop.cli import show
from gallop.cli.user import stored
from gallop.cli.user.address import Address
from gallop.cli.user.running import INTERRUPTED, Session, run

LoginUrlOption = Annotated[str, typer.Option("--url", help="The stack's ApiUrl. Default: GALLOP_URL, or a question.")]


def login(url: LoginUrlOption = "") -> None:
    """Keep a stack's address and an API key for you alone, after a check with the stack.

    The key is asked for, or read from standard input: gallop login --url https://... < key.txt
    """
    try:
        at = Address(_url(url), _key(), "your input")
    except typer.Abort:
        raise typer.Exit(INTERRUPTED) from None

    async def check(session: Session) -> None:
        session.if_stopped = "Stopped. Nothing was stored."
        async for _ in session.client.list():
            return

    run(at, check, json=False)
    try:
        file = stored.write(at.url, at.key)
    except OSError as error:
        show.fail(f"{stored.path()} cannot be written: {error.strerror}. Nothing was stored.")
    show.remark(f"{at.url} accepts the key. Both are stored in {file}, which only you can read.")
    if os.environ.get("GALLOP_URL") or os.environ.get("GALLOP_KEY"):
        show.remark("This shell has GALLOP_URL or GALLOP_KEY, which are used first. Unset them to use the login.")


def logout() -> None:
    """Remove the address and the key that `gallop login` has stored. The key stays valid until it is revoked."""
    was_there = stored.remove()
    show.remark(f"{stored.path()} is removed. The key is still valid." if was_there else "You were not logged in.")


def _url(given: str) -> str:
    url = given or os.environ.get("GALLOP_URL", "")
    if not url and not sys.stdin.isatty():
        show.refuse("Address missing. Add --url, the stack's ApiUrl.")
    url = (url or typer.prompt("Address of the stack (ApiUrl)", err=True)).strip().rstrip("/")
    return url if "://" in url else f"https://{url}"


def _key() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("API key (it is not shown)", hide_input=True, err=True)).strip()
    key = sys.stdin.readline().strip()
    if not key:
        show.refuse("API key missing on standard input. Write: gallop login --url https://... < key.txt")
    return key
