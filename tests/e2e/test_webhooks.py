"""Webhooks end to end: the command adds an endpoint, a job ends, and a receiver on this machine is told, once."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.cli import target
from gallop.cli.app import app
from gallop.edges import aws
from standardwebhooks.webhooks import Webhook
from typer.testing import CliRunner

from tests.support.pictures import data_uri, picture
from tests.support.receivers import Receiver, receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.caller import Caller

    Gallop = Callable[..., str]


@pytest.fixture
def gallop(caller: Caller, tmp_path: Path) -> Iterator[Gallop]:
    """Give the command, turned to the running testbed; what it answers is what stands on standard output."""
    file = tmp_path / "testbed.json"
    file.write_text(caller.at.to_json(), encoding="utf-8")

    def run(*words: str) -> str:
        for client in (aws.dynamodb, aws.stepfunctions):
            client.cache_clear()
        result = CliRunner().invoke(app, words)
        assert 0 == result.exit_code, result.output
        return result.stdout.strip()

    with patch.object(target, "RUNNING", file), patch.dict(os.environ):
        yield run
    for client in (aws.dynamodb, aws.stepfunctions):
        client.cache_clear()


@pytest.fixture
def shop() -> Iterator[Receiver]:
    """Give a receiver."""
    with receiver() as here:
        yield here


def test_a_client_is_told_of_its_video(caller: Caller, gallop: Gallop, shop: Receiver) -> None:
    """Once, at the path that the job names, under a signature that Standard Webhooks' library takes."""
    secret = gallop("webhooks", "add", "testbed", shop.url)
    body = {"prompt": "Tell me.", "images": [data_uri(picture())], "duration": 3, "webhook": "/hook?order=7"}
    created = caller.create(body)
    assert 202 == created.status_code, created.text
    (request,) = shop.wait_for(1)
    read = Webhook(secret).verify(request.body, request.headers)
    assert ("video.completed", created.json()["id"]) == (read["type"], read["data"]["id"])
    assert "/hook?order=7" == request.path
    (endpoint,) = json.loads(gallop("webhooks", "list", "--json", "--client", "testbed"))
    (made,) = json.loads(gallop("webhooks", "log", endpoint["id"], "--json"))
    assert (1, 204, read["id"]) == (made["try"], made["status"], made["id"])
    gallop("webhooks", "ping", endpoint["id"])
    gallop("webhooks", "replay", read["id"])
    requests = shop.wait_for(3)
    assert ["ping", "video.completed"] == [json.loads(one.body)["type"] for one in requests[1:]]
    assert request.body == requests[2].body
    fresh = gallop("webhooks", "rotate", endpoint["id"])
    gallop("webhooks", "ping", endpoint["id"])
    for one in (secret, fresh):
        Webhook(one).verify(shop.received[-1].body, shop.received[-1].headers)
    gallop("webhooks", "remove", endpoint["id"])
    assert "[]" == gallop("webhooks", "list", "--json", "--client", "testbed")
    assert 4 == len(shop.received)


def test_a_foreign_host_is_refused_at_the_door(caller: Caller) -> None:
    """Only an operator chooses hosts."""
    body = {"prompt": "Tell them.", "images": [data_uri(picture())], "webhook": "https://evil.example.com/"}
    refused = caller.create(body)
    assert (400, ["/webhook"]) == (refused.status_code, [one["pointer"] for one in refused.json()["errors"]])
