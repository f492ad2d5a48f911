"""Webhooks end to end: the command adds an endpoint, a job ends, and a local receiver is notified once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from standardwebhooks.webhooks import Webhook

from tests.support.pictures import data_uri, picture

if TYPE_CHECKING:
    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop
    from tests.support.receivers import Receiver


def test_a_client_is_notified_of_its_video(caller: Caller, gallop: Gallop, shop: Receiver) -> None:
    """There is one request, at the job's path, with a signature that Standard Webhooks' library accepts."""
    secret = gallop("webhooks", "add", "testbed", shop.url)
    body = {"prompt": "Notify me.", "images": [data_uri(picture())], "duration": 3, "webhook": "/hook?order=7"}
    created = caller.create(body)
    assert 202 == created.status_code, created.text
    (request,) = shop.wait_for(1)
    read = Webhook(secret).verify(request.body, request.headers)
    assert ("video.completed", created.json()["id"]) == (read["type"], read["data"]["id"])
    assert "/hook?order=7" == request.path
    (endpoint,) = json.loads(gallop("webhooks", "list", "--json", "--client", "testbed"))
    (made,) = json.loads(gallop("webhooks", "log", endpoint["id"], "--json"))
    assert 1 == made["try"]
    assert 204 == made["status"]
    assert read["id"] == made["id"]
    gallop("webhooks", "ping", endpoint["id"])
    gallop("webhooks", "replay", read["id"])
    requests = shop.wait_for(3)
    assert ["ping", "video.completed"] == [json.loads(one.body)["type"] for one in requests[1:]]
    first, replayed = (json.loads(one.body) for one in (request, requests[2]))
    # The thumbnail follows the end of the job: a replay may have it already.
    for message in (first, replayed):
        message["data"].pop("thumbnail", None)
    assert first == replayed
    fresh = gallop("webhooks", "rotate", endpoint["id"])
    gallop("webhooks", "ping", endpoint["id"])
    for one in (secret, fresh):
        Webhook(one).verify(shop.received[-1].body, shop.received[-1].headers)
    gallop("webhooks", "remove", endpoint["id"])
    assert "[]" == gallop("webhooks", "list", "--json", "--client", "testbed")
    assert 4 == len(shop.received)


def test_a_foreign_host_is_refused_at_the_door(caller: Caller) -> None:
    """Only operators choose hosts."""
    body = {"prompt": "Notify them.", "images": [data_uri(picture())], "webhook": "https://evil.example.com/"}
    refused = caller.create(body)
    assert (400, ["/webhook"]) == (refused.status_code, [one["pointer"] for one in refused.json()["errors"]])
