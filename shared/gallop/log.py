"""Logging: one JSON line per event, with IDs, and never with a prompt, a key or an address."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aws_lambda_powertools import Logger

_NONE: Mapping[str, str] = MappingProxyType({})
_ids: ContextVar[Mapping[str, str]] = ContextVar("ids", default=_NONE)


@contextmanager
def having(**ids: str) -> Iterator[None]:
    """Give IDs to all lines within the context, besides those that they have; empty ones are left out."""
    before = _ids.get()
    _ids.set(dict(before))
    also(**ids)
    try:
        yield
    finally:
        _ids.set(before)


def also(**ids: str) -> None:
    """Give IDs to all further lines of the context; outside of one, which would never end, to none."""
    known = _ids.get()
    if known is not _NONE:
        _ids.set({**known, **{name: value for name, value in ids.items() if value}})


def ids() -> Mapping[str, str]:
    """Return the IDs that a line has now."""
    return _ids.get()


def info(message: str, **fields: object) -> None:
    """Log what happened."""
    _logger().info(message, extra=_with_ids(fields))


def warning(message: str, **fields: object) -> None:
    """Log what an operator may want to know."""
    _logger().warning(message, extra=_with_ids(fields))


def exception(message: str, **fields: object) -> None:
    """Log an error with its stack trace; only for use in an exception handler."""
    _logger().exception(message, extra=_with_ids(fields))


def _with_ids(fields: Mapping[str, object]) -> dict[str, object]:
    return {**_ids.get(), **{name: value for name, value in fields.items() if value != ""}}


@cache
def _logger() -> Logger:
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - a function that logs nothing starts sooner

    return Logger()
