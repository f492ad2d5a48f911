"""The webhook endpoints in the table: few, and all in one partition, so that each can be found by its ID alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop.adapters import aws
from gallop.adapters.table import codec, dynamo
from gallop.domain.clients.webhooks import Endpoint, Event, Secret
from gallop.domain.request import urls

if TYPE_CHECKING:
    from collections.abc import Mapping

_PARTITION = "WEBHOOKS"
_ENDPOINT = codec.of(Endpoint, {"Secret": codec.of(Secret), "Event": codec.enum(Event)})


@aws.guarded
def put(endpoint: Endpoint) -> None:
    """Record an endpoint."""
    dynamo.write(dynamo.put({**_key(endpoint), **_ENDPOINT.write(endpoint)}))


@aws.guarded
def of_client(client: str) -> list[Endpoint]:
    """Return a client's endpoints."""
    found = map(_endpoint, dynamo.query(_PARTITION, f"{client}#"))
    return [endpoint for endpoint in found if endpoint.client == client]


def origins(client: str) -> tuple[str, ...]:
    """Return the origins of a client's enabled endpoints, without duplicates."""
    enabled = [endpoint for endpoint in of_client(client) if endpoint.disabled_at is None]
    return tuple(dict.fromkeys(urls.origin(endpoint.url) for endpoint in enabled))


@aws.guarded
def everyones() -> list[Endpoint]:
    """Return all endpoints."""
    return [_endpoint(item) for item in dynamo.query(_PARTITION)]


@aws.guarded
def disable(endpoint: Endpoint, why: str, now: float) -> None:
    """Stop notifying an endpoint; one that was removed meanwhile stays removed."""
    change = "SET disabled_at = :now, disabled_why = :why"
    dynamo.write(
        dynamo.update(_key(endpoint), change, "attribute_exists(pk)", {":now": dynamo.time(now), ":why": why}),
    )


@aws.guarded
def remove(endpoint: Endpoint) -> None:
    """Remove an endpoint."""
    dynamo.write(dynamo.delete(_key(endpoint)))


def _key(endpoint: Endpoint) -> dict[str, str]:
    return {"pk": _PARTITION, "sk": f"{endpoint.client}#{endpoint.id}"}


def _endpoint(item: Mapping[str, Any]) -> Endpoint:
    endpoint: Endpoint = _ENDPOINT.read(item)
    return endpoint
