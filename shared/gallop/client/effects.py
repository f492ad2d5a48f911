"""What the client wants done, without doing it: each method is written once, and run with or without ``await``.

A flow is a generator. It yields a ``Call``, a ``Pause`` or several flows to run ``Together``, and gets their outcome:
a ``Reply``, None, or a list of results. What httpx raises is raised in the flow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import httpx

    from gallop.client.sources import Local

T = TypeVar("T")
Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Form:
    """A form that uploads a file; ``report`` gets the number of bytes that were read so far."""

    fields: Mapping[str, str] = field(repr=False)
    file: Local
    report: Callable[[int], object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request. ``sink_for`` returns what takes the body of an answer with these headers, or None to keep it."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    form: Form | None = None
    sink_for: Callable[[int, httpx.Headers], Sink | None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers, and its body unless a sink took it."""

    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Together:
    """Run flows side by side, a few at a time; the first error ends all."""

    flows: Sequence[Generator[Any, Any, Any]]


Effect = Call | Pause | Together
Flow = Generator[Effect, Any, T]
