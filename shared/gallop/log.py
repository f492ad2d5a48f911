"""Logging: one JSON line per event, with IDs, and never with a prompt, a key or an address."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


def info(message: str, **fields: object) -> None:
    """Log what happened."""
    _logger().info(message, extra=fields)


def warning(message: str, **fields: object) -> None:
    """Log what an operator may want to know."""
    _logger().warning(message, extra=fields)


def exception(message: str, **fields: object) -> None:
    """Log an error with its stack trace; only for use in an exception handler."""
    _logger().exception(message, extra=fields)


@cache
def _logger() -> Logger:
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - a function that logs nothing starts sooner

    return Logger()
