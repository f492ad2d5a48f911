"""The log: one JSON line an event, with ids and never a prompt, a key or an address."""

from __future__ import annotations

from functools import cache

from aws_lambda_powertools import Logger


def info(message: str, **fields: object) -> None:
    """Note what happened."""
    _logger().info(message, extra=fields)


def warning(message: str, **fields: object) -> None:
    """Note what an operator may want to know."""
    _logger().warning(message, extra=fields)


def exception(message: str, **fields: object) -> None:
    """Note what broke, with the stack: to be called while an exception is handled."""
    _logger().exception(message, extra=fields)


@cache
def _logger() -> Logger:
    return Logger()
