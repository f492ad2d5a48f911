"""A command uses the stack that it names, whatever the same process has worked with before."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from gallop.adapters import aws
from gallop.cli import target, testbed

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "http://127.0.0.1:1111", "http://127.0.0.1:2222"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the outputs of each stack as known, and start from an environment without AWS."""
    monkeypatch.setattr(target, "_described", lambda _: ({"JobTableName": "table"}, "CREATE_COMPLETE"))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def use(folder: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, key: str) -> tuple[Any, Any]:
    """Run a command on a testbed; return a client of the functions', and one of the commands'."""
    running = {"aws_endpoint_url": endpoint, "aws_access_key_id": key, "aws_secret_access_key": "s", "region": "x-1"}
    (folder / "testbed.json").write_text(json.dumps(running), encoding="utf-8")
    monkeypatch.setattr(testbed, "RUNNING", folder / "testbed.json")
    with target.opened("") as opened:
        assert "table" == opened.outputs["JobTableName"]
        return aws.dynamodb(), aws.complete("lambda")


def test_each_testbed_gets_clients_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither address nor credentials of an earlier testbed are used for the next one."""
    for endpoint, key in ((FIRST, "AKIDFIRST"), (SECOND, "AKIDSECOND")):
        for client in use(tmp_path, monkeypatch, endpoint, key):
            assert endpoint == client.meta.endpoint_url
            assert key == client._request_signer._credentials.access_key  # noqa: SLF001 - nothing else shows it


def test_nothing_of_a_testbed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command on a stack in AWS, in the same process, goes to AWS."""
    before = dict(os.environ)
    inside, _ = use(tmp_path, monkeypatch, FIRST, "AKIDFIRST")
    assert before == dict(os.environ)
    assert aws.dynamodb() is not inside
    assert "https://dynamodb.eu-central-1.amazonaws.com" == aws.dynamodb().meta.endpoint_url
    with target.opened("mine"):
        assert "https://lambda.eu-central-1.amazonaws.com" == aws.complete("lambda").meta.endpoint_url


def test_clients_that_were_made_before_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process did before a command is another stack's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEARLIER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    earlier = aws.dynamodb()
    inside, _ = use(tmp_path, monkeypatch, SECOND, "AKIDSECOND")
    assert earlier is not inside
    assert "AKIDSECOND" == inside._request_signer._credentials.access_key  # noqa: SLF001 - as above


@pytest.mark.parametrize(
    ("error", "is_here", "says"),
    [
        (EndpointConnectionError(endpoint_url=FIRST), True, "make up"),
        (EndpointConnectionError(endpoint_url=FIRST), False, FIRST),
        (NoRegionError(), False, "AWS_REGION"),
        (NoCredentialsError(), False, "AWS_PROFILE"),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Query"), False, "operations.md"),
        (ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "Query"), False, "slow"),
    ],
)
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_an_error_that_an_operator_can_fix_says_how(  # noqa: PLR0913, PLR0917 - fixtures and parameters
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    is_here: bool,
    says: str,
    is_wrapped: bool,
) -> None:
    """Whether it comes from boto3 or through an adapter; the exit code is 1, and there is no traceback."""
    running = {"aws_endpoint_url": FIRST, "aws_access_key_id": "a", "aws_secret_access_key": "s", "region": "x-1"}
    (tmp_path / "testbed.json").write_text(json.dumps(running), encoding="utf-8")
    monkeypatch.setattr(testbed, "RUNNING", tmp_path / "testbed.json")

    def call() -> None:
        raise error

    with pytest.raises(typer.Exit) as stopped, target.opened("" if is_here else "mine"):
        (aws.guarded(call) if is_wrapped else call)()
    assert 1 == stopped.value.exit_code
    assert says in capsys.readouterr().err
