"""The command ``gallop``. Not deployed: no function imports it."""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Run the command; say what to install if only the client was installed, without what the command needs."""
    for name in ("stdin", "stdout", "stderr"):
        # A closed stream is like one that nobody reads.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: PTH123, SIM115 - as long as the process
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may have bytes that are not valid UTF-8: it is printed as it is.
        is_utf_8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if is_utf_8 else "backslashreplace")
    try:
        from gallop.cli.app import app  # noqa: PLC0415 - needs what may be missing
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit('The command needs two more packages. Run: pip install "gallop-client[cli]"')
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        app()
    except OSError as error:
        # Such as a full disk that standard output goes to: what is left for it is not written at the exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"{error.filename or 'The output'}: {error.strerror}")
