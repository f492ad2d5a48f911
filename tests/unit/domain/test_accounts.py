"""The list of accounts in the secret: a bare key as ever, or a strict list whose faults never quote a key."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from gallop.domain.accounts import Account, InvalidAccounts, read, written

URL = "https://llm-two.ap-southeast-1.maas.aliyuncs.com/api/v1"
SECRET = "sk-very-secret"
TWO = {"key": SECRET, "base_url": URL}


@pytest.mark.parametrize("text", ["sk-x", "", "-", '{"key": "sk-x"}', "{"])
def test_what_is_no_list_is_one_key(text: str) -> None:
    """However odd: DashScope answers for it, as it always did."""
    assert {"default": Account(key=text)} == read(text)


def test_a_list_is_read_and_written() -> None:
    """What was read is written again, and a default account without fields of its own is a bare key."""
    accounts = {
        "default": Account(key="sk-1"),
        "two": Account(
            "two",
            SECRET,
            URL,
            ("happyhorse-1.0-t2v",),
            7,
            2,
            True,
            {"region": "eu"},
            "International",
            Decimal("0.1"),
            Decimal(50),
        ),
    }
    assert accounts == read(written(accounts.values()))
    assert "sk-1" == written([accounts["default"]])
    assert SECRET not in repr(accounts["two"])


def account(**fields: object) -> str:
    """Return a secret with one account."""
    return json.dumps({"accounts": {"two": {**TWO, **fields}}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"accounts": ', "not valid JSON"),
        ('{"accounts": []}', "must be"),
        ('{"accounts": {}}', "1 to 50"),
        ('{"accounts": {}, "more": 1}', "nothing beside"),
        ('{"accounts": {"two": {}, "two": {}}}', "twice"),
        (json.dumps({"accounts": {"Two!": TWO}}), "name is invalid"),
        (json.dumps({"accounts": {"two": SECRET}}), "'two' must be an object"),
        (json.dumps({"accounts": {"two": {"key": SECRET}}}), "'two' has no `base_url`"),
        (json.dumps({"accounts": {"one": TWO, "two": TWO}}), "'one' and 'two' have the same key"),
        (account(key=""), "'two': `key`"),
        (account(key=f"{SECRET}\n"), "'two': `key`"),
        (account(base_url="http://evil.example/api/v1"), "'two': `base_url`"),
        (account(base_url=SECRET), "'two': `base_url`"),
        (account(models=[]), "'two': `models`"),
        (account(models=["wan"]), "'two': `models`"),
        (account(in_flight=True), "'two': `in_flight`"),
        (account(weight=0), "'two': `weight`"),
        (account(price_scope="Mars"), "'two': `price_scope` must be \"International\" or"),
        (account(day_cap=0), "'two': `day_cap` must be US dollars: a number above 0"),
        (account(day_cap=1.005), "'two': `day_cap`"),
        (account(day_cap=float("nan")), "'two': `day_cap`"),
        (account(day_cap=True), "'two': `day_cap`"),
        (account(month_cap="5"), "'two': `month_cap`"),
        (account(month_cap=10**400), "'two': `month_cap`"),
        (account(month_cap=1).replace("1}", "1e999999999}"), "'two': `month_cap`"),
        (account(paused="no"), "'two': `paused`"),
        (account(tags={"account": "one"}), "'two': `tags`"),
        (account(tags={"region": "Europe!"}), "'two': `tags`"),
        (account(**{SECRET: 1}), "'two' has 1 unknown fields"),
    ],
)
def test_a_fault_names_account_and_field_and_no_key(text: str, said: str) -> None:
    """So that it may be logged and shown."""
    with pytest.raises(InvalidAccounts) as caught:
        read(text)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
