"""The command ``gallop keys``, in a separate AWS account."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from gallop.adapters import aws
from gallop.cli import target, testbed
from gallop.cli.app import app
from gallop.doors.https import authorize
from moto import mock_aws
from typer.testing import CliRunner, Result

from tests.support.stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    },
}
DAY = 86_400


SHELL = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDTESTS",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "JOB_TABLE": "",
    "REQUESTS_PER_SECOND": "10",
    "GALLOP_STACK": "mine",
}


@pytest.fixture(scope="module")
def account() -> Iterator[None]:
    """Yield an account with a stack that has a table, and one that has none."""
    with mock_aws(), patch.dict(os.environ, SHELL):
        cloudformation = boto3.client("cloudformation")
        outputs = {"JobTableName": {"Value": {"Ref": "JobTable"}}}
        with_table: dict[str, Any] = {"Resources": {"JobTable": TABLE}, "Outputs": outputs}
        cloudformation.create_stack(StackName="mine", TemplateBody=json.dumps(with_table))
        cloudformation.create_stack(StackName="other", TemplateBody=json.dumps({"Resources": {"Table": TABLE}}))
        yield


@pytest.fixture(autouse=True)
def shell(account: None) -> Iterator[None]:
    """Yield an unused shell, and a table without keys."""
    del account
    aws.dynamodb.cache_clear()
    with patch.dict(os.environ, SHELL):
        yield
    aws.dynamodb.cache_clear()
    for item in items():
        boto3.client("dynamodb").delete_item(TableName=table(), Key={"pk": item["pk"], "sk": item["sk"]})


def table() -> str:
    """Return the name of the stack's table."""
    return next(name for name in boto3.client("dynamodb").list_tables()["TableNames"] if name.startswith("mine"))


def items() -> list[dict[str, Any]]:
    """Return all items of the table."""
    found: list[dict[str, Any]] = boto3.client("dynamodb").scan(TableName=table())["Items"]
    return found


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which a test can change."""
    time = [1_795_352_400.0]
    monkeypatch.setattr("gallop.clock.now", lambda: time[0])
    return time


def gallop(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, words)


def create(*words: str) -> str:
    """Create a key; return the one line of standard output."""
    result = gallop("keys", "create", *words)
    assert 0 == result.exit_code, result.stderr
    (key,) = result.stdout.splitlines()
    return key


def listed(*words: str) -> list[dict[str, Any]]:
    """List keys as JSON."""
    found: list[dict[str, Any]] = json.loads(gallop("keys", "list", "--json", *words).stdout)
    return found


def context_of(bearer: str) -> dict[str, Any]:
    """Return what the authorizer knows about a key."""
    event = {"headers": {"authorization": f"Bearer {bearer}"}}
    with patch.dict(os.environ, {"JOB_TABLE": table()}):
        context: dict[str, Any] = authorize.authorize(event)["context"]
    return context


def test_a_key_grants_access() -> None:
    """The one line of standard output is a key by which the authorizer identifies the client."""
    key = create("acme")
    assert ("acme", False) == (context_of(key)["client"], context_of(key)["is_admin"])
    assert "problem" in context_of(key + "x")


def test_an_operators_key_needs_the_option() -> None:
    """Only ``--admin`` creates one."""
    assert context_of(create("ops", "--admin"))["is_admin"]


def test_the_stack_does_not_store_the_key() -> None:
    """Neither the table nor the list contains it."""
    key = create("acme")
    assert items()
    assert key.removeprefix("gallop_") not in f"{items()}{gallop('keys', 'list').output}{listed()}"


def test_json_output_is_complete() -> None:
    """It has the key and what the list shows of it."""
    made = json.loads(gallop("keys", "create", "acme", "--json").stdout)
    assert "acme" == context_of(made.pop("key"))["client"]
    (shown,) = listed()
    assert made == {**shown, "last_used_at": None}


@pytest.mark.parametrize(("expires", "seconds"), [("30m", 1800), ("12h", 43_200), ("90d", 90 * DAY)])
def test_a_key_expires_at_the_second(now: list[float], expires: str, seconds: int) -> None:
    """The time counts from its creation; after that the list shows that it has expired."""
    key = create("acme", "--expires", expires)
    now[0] += seconds - 1
    assert "acme" == context_of(key)["client"]
    now[0] += 1
    assert "expired on" in context_of(key)["problem"]
    assert ["expired"] == [key["state"] for key in listed()]


def test_keys_are_rotated_without_a_gap(now: list[float]) -> None:
    """Create a second key, then revoke the first by its id: it stops immediately, and the list shows both."""
    old = create("acme")
    now[0] += DAY
    new = create("acme")
    revoked = gallop("keys", "revoke", context_of(old)["key_id"])
    assert (0, "") == (revoked.exit_code, revoked.stdout)
    assert "problem" in context_of(old)
    assert "acme" == context_of(new)["client"]
    assert ["revoked", "active"] == [key["state"] for key in listed("--client", "acme")]
    assert "already revoked" in gallop("keys", "revoke", listed()[0]["id"]).stderr
    assert [] == listed("--client", "acm")


def test_the_list_is_readable(now: list[float]) -> None:
    """It has one unwrapped line per key: the client, the state, the last use and the expiry."""
    create("acme", "--expires", "90d", "--tag", "region=eu", "--account", "two")
    key = create("ops", "--admin")
    now[0] += 90
    context_of(key)
    head, first, second = gallop("keys", "list").stdout.splitlines()
    assert ["KEY", "CLIENT", "STATE", "CREATED", "LAST USED", "ENDS", "RUNS ON"] == re.split(r"\s{2,}", head.strip())
    of_acme = ["acme", "active", "2026-11-22 13:00 UTC", "never", "2027-02-20 13:00 UTC", "account=two,region=eu"]
    assert of_acme == re.split(r"\s{2,}", first.strip())[1:]
    of_ops = ["ops", "active (operator)", "2026-11-22 13:00 UTC", "2026-11-22 13:01 UTC", "never", "any account"]
    assert of_ops == re.split(r"\s{2,}", second.strip())[1:]


def test_a_key_is_bound_to_accounts() -> None:
    """Its jobs run only there, also those of operators; a key without an option is as those of earlier versions."""
    options = ("--tag", "region=eu", "--tag", "tier=1", "--account", "two")
    assert "account=two,region=eu,tier=1" == context_of(create("acme", *options))["bound"]
    assert context_of(create("ops", "--admin", "--tag", "region=eu"))["is_admin"]
    assert "bound" not in context_of(create("bob"))
    assert [None] == [key["placement"] for key in listed("--client", "bob")]
    of_acme = {"account": "two", "tags": {"region": "eu", "tier": "1"}}
    assert [of_acme] == [key["placement"] for key in listed("--client", "acme")]
    assert 1 == sum("bound" not in item for item in items() if item["pk"]["S"].startswith("KEY#"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tag", "region"), "--tag 'region' is not a name and a value"),
        (("--tag", "region=EU"), "--tag has the tag"),
        (("--tag", "region=eu", "--tag", "region=us"), "--tag region occurs twice"),
        (("--tag", "account=two"), "--tag cannot have a tag account"),
        (("--account", "Two"), "--account must be the name of an account"),
    ],
)
def test_a_key_is_not_created_with_an_invalid_binding(words: tuple[str, ...], said: str) -> None:
    """A key that is bound to nothing by mistake would let jobs run anywhere."""
    result = gallop("keys", "create", "acme", *words)
    assert result.exit_code
    assert said in result.stderr
    assert [] == items()


def test_an_empty_list_is_reported() -> None:
    """The output is a sentence, or an empty list in JSON."""
    assert "has no keys of client 'acme'" in gallop("keys", "list", "--client", "acme").stderr
    assert [] == listed()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create", "ACME Inc."], "not a valid client name"),
        (["create", "s3"], "S3 door"),
        (["create", "acme", "--expires", "90"], "30m, 12h or 90d"),
        (["create", "acme", "--expires", "0d"], "30m, 12h or 90d"),
        (["create", "acme", "--stack", "nowhere"], "nowhere"),
        (["create", "acme", "--stack", "other"], "not a Gallop"),
        (["list", "--stack", "other"], "not a Gallop"),
        (["revoke", "key_aaaaaaaaaa"], "no key with that ID"),
    ],
)
def test_a_refusal_is_explained(words: list[str], says: str) -> None:
    """An invalid client name, a missing stack or one of another kind gives one sentence, no key, and exit code 2."""
    result = gallop("keys", *words)
    assert (2, "") == (result.exit_code, result.stdout)
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_key_given_instead_of_its_id_is_not_repeated() -> None:
    """The argument may be the key itself, and others may see the screen."""
    key = create("acme")
    assert key not in gallop("keys", "revoke", key).output


def test_a_missing_stack_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a running testbed and without a stack, both options are named."""
    monkeypatch.setattr(testbed, "RUNNING", tmp_path / "absent.json")
    result = gallop("keys", "create", "acme", "--stack", "")
    assert 2 == result.exit_code
    assert "make up" in result.stderr
    assert "--stack" in result.stderr


def test_the_testbeds_clock_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, now: list[float]) -> None:
    """A key for the running testbed uses the testbed's clock, which is ahead of the real one."""
    running = {"anchor": now[0], "speed": 20.0, "region": "eu-central-1", "aws_endpoint_url": ""}
    running |= {"aws_access_key_id": "AKIDTESTS", "aws_secret_access_key": "secret-of-the-tests"}
    file = tmp_path / "testbed.json"
    file.write_text(json.dumps(running))
    monkeypatch.setattr(testbed, "RUNNING", file)
    monkeypatch.setattr(target, "TESTBED_STACK", "mine")
    now[0] += DAY
    create("acme", "--expires", "1d", "--stack", "")
    assert ["2026-12-13T13:00:00+00:00"] == [key["valid_until"] for key in listed("--stack", "mine")]


def test_the_command_is_installed(tmp_path: Path) -> None:
    """The script that ``make`` installs runs the code of this repository, from any folder."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    code = "import sys, pathlib, venv; venv.add_commands(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT / ".ci", check=True)
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    shown = subprocess.run(
        [tmp_path / "bin" / "gallop", "keys"], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert "revoke" in shown.stdout + shown.stderr
