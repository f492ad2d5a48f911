"""A client whose door answers as a test writes down, on a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import gallop.clock
import httpx
import pytest
from gallop.client import Gallop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL, KEY = "https://door.example", "glp_a-key-that-nobody-may-see"
Answer = httpx.Response | httpx.RequestError


@dataclass(slots=True)
class Script:
    """The answers of the door in their order; the last one is repeated. ``pauses`` are the seconds between tries."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Give the next answer."""
        request.read()
        self.requests.append(request)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, httpx.RequestError):
            raise found
        if "range" in request.headers:
            return httpx.Response(found.status_code, headers=found.headers, stream=httpx.ByteStream(found.content))
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    @property
    def keys(self) -> set[str | None]:
        """The Idempotency-Keys that were sent."""
        return {request.headers.get("idempotency-key") for request in self.requests}


@pytest.fixture
def script() -> Iterator[Script]:
    """Give a door without answers yet."""
    made = Script()
    with patch.object(gallop.clock, "sleep", made.pauses.append):
        yield made


@pytest.fixture
def client(script: Script) -> Iterator[Gallop]:
    """Give a client of this door."""
    with Gallop(URL, KEY, transport=httpx.MockTransport(script.answer)) as made:
        yield made


@pytest.fixture
def view() -> Callable[..., dict[str, Any]]:
    """Give the JSON of a job."""

    def made(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a job
        plain = dict.fromkeys(("completed_at", "queue_position", "estimated_start", "cost", "error"))
        known = {"id": "job_a", "state": "queued", "progress": 0, "model": "m", "prompt": "A girl smiles."}
        times = {"created_at": 1, "updated_at": 1, "estimated_cost": 0.7, "metadata": {}}
        return {**plain, **known, **times, **fields}

    return made
