"""Answers of the door: JSON, or a refusal with its code, faults and remedy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

from gallop.client.errors import Refused, Unknown, Unreachable
from gallop.domain.faults import fault_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from gallop.client.effects import Reply

T = TypeVar("T")
TOO_MANY, SERVER_ERROR = 429, 500
_S3_CODE = re.compile(rb"<Code>(\w{1,80})</Code>")


def document(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of an answer; an empty one if it is not one."""
    try:
        found = json.loads(reply.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read(reply: Reply, reader: Callable[[dict[str, Any]], T], *, is_change: bool = False) -> T:
    """Read the JSON of an accepted request.

    Raises:
        Unreachable: it is something else, such as a page of a proxy.
        Unknown: the same, of a request that ``is_change``.

    """
    try:
        return reader(document(reply))
    except (KeyError, TypeError, ValueError, AttributeError):
        problem = "The answer is not one of Gallop, or of a later version. Check the address, and update this client."
        raise (Unknown if is_change else Unreachable)(problem) from None


def retry_after(reply: Reply) -> float | None:
    """Return the seconds of ``Retry-After``; None without it."""
    sent = reply.headers.get("retry-after", "")
    return float(sent) if re.fullmatch(r"\d{1,9}", sent) else None


def refusal(reply: Reply) -> Refused:
    """Return the refusal that an answer is: of Gallop, of API Gateway in front of it, or of S3."""
    problem = document(reply)
    if "code" not in problem:
        found = _S3_CODE.search(reply.content)
        code = found[1].decode() if found else f"http_{reply.status}"
        detail = str(problem.get("message") or f"The server answered with status {reply.status} ({code}).")
        return Refused(reply.status, code, detail, retry_after=retry_after(reply))
    faults = tuple(fault_from(fault) for fault in problem.get("errors", ()))
    detail, remedy = str(problem.get("detail", "")), str(problem.get("remedy", ""))
    return Refused(reply.status, str(problem["code"]), detail, remedy, faults, retry_after(reply))


def is_draining(reply: Reply) -> bool:
    """Return whether the operator accepts no new jobs: the request was refused, and not lost."""
    return document(reply).get("code") == "draining"
