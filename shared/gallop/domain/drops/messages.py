"""What a message of the S3 door's queue is about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from gallop.domain.drops import drop as drops
from gallop.domain.drops import events
from gallop.domain.drops.drop import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.drops.drop import Scope


def subjects(message: Mapping[str, Any]) -> Iterator[Scope | str]:
    """Yield what a message is about: the scopes of drops, and the keys of batches.

    Raises:
        KeyError, TypeError, ValueError: the message is not one of this queue.

    """
    if "look" in message:
        yield drops.scope_in(message["look"])
    elif "batch" in message:
        yield str(message["batch"]["key"])
    else:
        for key in events.keys_in(message):
            scope, batch = drops.scope_of(key), drops.batch_cancelled_by(key) or key
            if scope or (drops.is_batch(batch) and drops.path_of(batch)):
                yield scope or batch


def subjects_in(body: str) -> list[Scope | str]:
    """Return what a message of any kind is about; nothing if it cannot be understood."""
    try:
        return list(subjects(json.loads(body)))
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def name_of(subject: Scope | str) -> str:
    """Name what a message is about by its place in the inbox."""
    if isinstance(subject, str):
        return subject
    return f"{drops.PREFIX}{subject.path}/" if isinstance(subject, Folder) else f"{drops.PREFIX}{subject.stem}.*"


def arrival_of(key: str) -> str:
    """Return a message like the one with which S3 reports a new object."""
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": quote_plus(key)}}}]})
