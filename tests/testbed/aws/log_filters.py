"""Filters of log events: moto takes every event for a pattern with optional terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.logs import models as logs_models
from moto.logs.utils import EventMessageFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTIONAL = "?"


class OptionalTerms(EventMessageFilter):
    """A filter that also knows ``?ERROR ?WARNING``: an event has at least one of the terms.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """

    def __init__(self, pattern: str) -> None:
        """Read a pattern."""
        super().__init__(pattern)
        terms = (pattern or "").split()
        is_optional = all(term.startswith(_OPTIONAL) for term in terms)
        self._terms = [term.removeprefix(_OPTIONAL) for term in terms] if is_optional else []

    def matches(self, message: str) -> bool:
        """Say whether an event passes."""
        return any(term in message for term in self._terms) if self._terms else super().matches(message)


def changes() -> Iterator[tuple[object, str, Any]]:
    """Name what to replace in moto."""
    yield logs_models, "EventMessageFilter", OptionalTerms
