"""Signals of a program that runs until it is stopped."""

from __future__ import annotations

import signal


def stop_on_interrupt() -> None:
    """Let SIGINT stop a program that was started in the background: a shell without job control has it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
