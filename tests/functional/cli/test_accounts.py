"""The command ``gallop accounts``: it changes the secret, and the change takes effect at once."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from gallop.adapters.table import slots
from gallop.domain.accounts import Account, read

from fake_dashscope import KEY
from tests.support.stack import aws

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Gallop

URL = "https://llm-two.ap-southeast-1.maas.aliyuncs.com/api/v1"
ADD_TWO = ("accounts", "add", "two", "--base-url", URL)


def secret(gallop: Gallop) -> str:
    """Read the stack's secret."""
    name = gallop.sandbox.stack.resource("DashScopeSecret")
    return str(aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"])


@pytest.fixture(autouse=True)
def restored(gallop: Gallop) -> object:
    """Give the secret back to the other tests as it was."""
    before = secret(gallop)
    yield
    name = gallop.sandbox.stack.resource("DashScopeSecret")
    aws("secretsmanager").put_secret_value(SecretId=name, SecretString=before)


def test_an_account_is_added_paused_resumed_and_removed(gallop: Gallop) -> None:
    """The bare key becomes the account `default`, and is a bare key again when it is alone."""
    tags = ("--tag", "region=eu", "--tag", "tier=1")
    assert 0 == gallop(*ADD_TWO, *tags, "--in-flight", "7", answer="sk-two\n").exit_code
    assert ["default", "two"] == [*read(secret(gallop))]
    rows = {row["account"]: row for row in gallop.json("accounts", "list")}
    tags_of_two = {"region": "eu", "tier": "1"}
    expected = {"base_url": URL, "tags": tags_of_two, "in_flight": 7, "state": "open", "jobs": 0}
    assert "region=eu,tier=1" in gallop("accounts", "list").stdout
    assert expected == {name: rows["two"][name] for name in expected}
    with gallop.sandbox.stack.acting_as("ReconcileFunction"):
        assert {"default", "two"} == {lane.account for pool in slots.pools() for lane in pool.lanes or ()}
    assert "takes jobs" in gallop("accounts", "remove", "two").output
    gallop.ok("accounts", "pause", "two")
    with gallop.sandbox.stack.acting_as("ReconcileFunction"):
        listed = {(lane.account, lane.paused) for pool in slots.pools() for lane in pool.lanes or ()}
    assert {("default", False), ("two", True)} == listed
    gallop.ok("accounts", "resume", "two")
    gallop.ok("accounts", "pause", "two")
    gallop.ok("accounts", "remove", "two")
    assert KEY == secret(gallop)
    with gallop.sandbox.stack.acting_as("ReconcileFunction"):
        assert {None} == {pool.lanes for pool in slots.pools()}


def test_the_sweep_does_not_undo_a_change(gallop: Gallop) -> None:
    """It runs in a process that may have read the secret before a pause: it reads it again."""
    gallop(*ADD_TWO, answer="sk-two\n")
    gallop.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    changed = json.loads(secret(gallop))
    changed["accounts"]["two"]["paused"] = True
    name = gallop.sandbox.stack.resource("DashScopeSecret")
    aws("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(changed))
    gallop.sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    with gallop.sandbox.stack.acting_as("ReconcileFunction"):
        listed = {lane.account for pool in slots.pools() for lane in pool.lanes or () if not lane.paused}
    assert {"default"} == listed


def test_an_account_with_jobs_is_not_removed(gallop: Gallop) -> None:
    """Its key is needed until the last of them has ended."""
    gallop(*ADD_TWO, answer="sk-two\n")
    gallop.sandbox.put(account="two", slot_since=gallop.sandbox.clock.now())
    assert "1 jobs still belong" in gallop.ok("accounts", "pause", "two").output
    assert "need its key" in gallop("accounts", "remove", "two").output
    assert "two" in read(secret(gallop))


def test_a_key_is_never_shown_and_rotates(gallop: Gallop) -> None:
    """A replaced key changes nothing else of the account."""
    gallop(*ADD_TWO, "--weight", "3", answer="sk-two\n")
    shown = gallop(*ADD_TWO[:3], "--replace", answer="sk-new\n").output + gallop("accounts", "list").output
    assert "sk-" not in shown
    two = read(secret(gallop))["two"]
    assert Account("two", "sk-new", URL, weight=3) == two


def test_caps_and_prices_are_set_shown_and_removed(gallop: Gallop) -> None:
    """With what is used of each cap."""
    options = ("--day-cap", "12.5", "--month-cap", "50", "--price-scope", "mainland China, Global")
    gallop.ok(*ADD_TWO, *options, answer="sk-two\n")
    default, two = gallop.json("accounts", "list")
    assert [{"cap": 12.5, "used": 0.0}, {"cap": 50.0, "used": 0.0}] == [two["day"], two["month"]]
    assert [None, "International"] == [default["day"], default["price_scope"]]
    assert "$0.00 of $12.50" in gallop.ok("accounts", "list").output
    gallop.ok(*ADD_TWO[:3], "--replace", "--day-cap", "0", "--price-scope", "", answer="sk-two\n")
    assert Account("two", "sk-two", URL, month_cap=Decimal(50)) == read(secret(gallop))["two"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "Two", "--base-url", URL), "name is invalid"),
        (("add", "two", "--base-url", "http://example.com"), "https URL"),
        (("add", "two"), "no `base_url`"),
        (("add", "two", "--base-url", URL, "--tag", "region"), "not a name and a value"),
        (("add", "two", "--base-url", URL, "--tag", "region=EU"), "`tags` must be"),
        (("add", "two", "--base-url", URL, "--day-cap", "-1"), "`day_cap` must be US dollars"),
        (("add", "two", "--base-url", URL, "--month-cap", "nan"), "`month_cap` must be US dollars"),
        (("add", "default"), "already an account"),
        (("add", "two", "--replace"), "no account"),
        (("pause", "two"), "no account"),
        (("remove", "default"), "takes jobs"),
    ],
)
def test_a_mistake_changes_nothing(gallop: Gallop, words: tuple[str, ...], said: str) -> None:
    """It is named, and the secret stays as it was."""
    result = gallop("accounts", *words, answer="sk-two\n")
    assert (2, True) == (result.exit_code, said in result.output)
    assert KEY == secret(gallop)


def test_a_broken_list_is_named_without_its_keys(gallop: Gallop) -> None:
    """The operator learns account and field, from the command and from the doctor."""
    broken = json.dumps({"accounts": {"two": {"key": "sk-two", "base_url": URL, "in_flight": 0}}})
    name = gallop.sandbox.stack.resource("DashScopeSecret")
    aws("secretsmanager").put_secret_value(SecretId=name, SecretString=broken)
    result = gallop("accounts", "list")
    assert "'two'" in result.output
    assert "`in_flight` must be a whole number from 1 to 100" in result.output
    assert "sk-two" not in result.output
