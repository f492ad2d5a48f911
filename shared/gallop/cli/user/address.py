"""Which stack a command uses: from options, the shell, ``gallop login``, or the running testbed, in this order.

A key goes only to the address that it was kept with, or that the user names beside it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from gallop.cli import testbed
from gallop.cli.show import refuse
from gallop.cli.user import stored

UrlOption = Annotated[
    str, typer.Option("--url", help="The stack's ApiUrl. Default: GALLOP_URL, `gallop login`, or the running testbed.")
]
KeyFileOption = Annotated[
    str, typer.Option("--key-file", help="A file with the API key. Default: GALLOP_KEY, or `gallop login`.")
]
NO_STACK = """\
No stack is known. Do one of these:
  gallop login                            keep an address and a key for all commands
  export GALLOP_URL=... GALLOP_KEY=...    set them for this shell
  gallop ... --url ... --key-file ...     set them for one command
  make up                                 start a testbed on this machine, in a checkout of Gallop"""


@dataclass(frozen=True, slots=True)
class Address:
    """A stack's address and a key of it; ``source`` says where the key is from."""

    url: str
    key: str = field(repr=False)
    source: str


def find(url: str, key_file: str) -> Address:
    """Return the stack that a command uses; ``url`` and ``key_file`` are its options, or empty."""
    shell = Address(_clean(os.environ.get("GALLOP_URL", "")), os.environ.get("GALLOP_KEY", "").strip(), "GALLOP_KEY")
    named, key = _clean(url) or shell.url, _key_in(key_file) if key_file else ""
    if not named:
        if key or shell.key:
            source = "--key-file" if key else "GALLOP_KEY"
            refuse(f"{source} is set, and no address. Set GALLOP_URL to the stack's ApiUrl, or add --url.")
        return _kept()
    if key:
        return Address(named, key, key_file)
    if shell.key and shell.url.lower() in ("", named.lower()):
        return Address(named, shell.key, shell.source)
    for known in (_login(), _running()):
        if known.key and known.url.lower() == named.lower():
            return known
    refuse(f"There is no API key for {named}. Run `gallop login --url {named}`, or set GALLOP_KEY.")
    return None


def _kept() -> Address:
    for known in (_login(), _running()):
        if known.key:
            return known
    refuse(NO_STACK)
    return None


def _login() -> Address:
    url, key = stored.read()
    return Address(_clean(url), key, f"gallop login ({stored.path()})")


def _running() -> Address:
    running = testbed.running()
    return Address(_clean(running.get("api_url", "")), running.get("api_key", ""), "the running testbed")


def _clean(url: str) -> str:
    return url.strip().rstrip("/")


def _key_in(file: str) -> str:
    try:
        key = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        refuse(f"--key-file {file} cannot be read: {getattr(error, 'strerror', None) or 'it is not a text'}.")
    return key or refuse(f"--key-file {file} is empty.")
