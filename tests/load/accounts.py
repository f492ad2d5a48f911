"""The accounts of a run: each is a lane, with a key and limits of its own at the fake DashScope."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fake_dashscope import KEY
from fake_dashscope.accounts import Account

if TYPE_CHECKING:
    from tests.testbed.stack import Testbed

DEFAULT = "default"


def name(number: int) -> str:
    """Return the name of an account, counted from 0."""
    return f"lane-{number + 1}" if number else DEFAULT


def key(number: int) -> str:
    """Return the key of an account."""
    return f"sk-lane-{number + 1}" if number else KEY


def tags(number: int) -> dict[str, str]:
    """Return the tags of an account: every other one is in another region."""
    return {"region": "eu" if number % 2 else "sg"}


def of_vendor(lanes: int) -> list[Account]:
    """Return the accounts that the fake DashScope knows."""
    return [Account(name(number), (key(number),)) for number in range(lanes)]


def in_secret(lanes: int, base_url: str, model: str = "") -> str:
    """Return the stack's secret: a bare key for one lane, and a list of accounts for several, of one model or all."""
    if lanes == 1:
        return KEY
    models = {"models": [model]} if model else {}
    fields = [{"key": key(one), "base_url": base_url, "tags": tags(one), **models} for one in range(lanes)]
    return json.dumps({"accounts": {name(number): account for number, account in enumerate(fields)}})


def secret_of(testbed: Testbed) -> str:
    """Return the name of the secret that holds a testbed's accounts."""
    found = testbed.aws.deployment.of_type("AWS::SecretsManager::Secret")
    return next(one.physical_id for one in found if one.logical_id == "DashScopeSecret")
