"""Each command needs the rights that docs/operations.md names, and no others."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient
from gallop import settings
from gallop.adapters.table import client_keys, drains

from tests.docs import operations_page
from tests.functional.cli.test_forget import lived
from tests.functional.cli.test_jobs import dropped, finished
from tests.functional.cli.test_overview import arrived
from tests.functional.cli.test_redrive import given_up
from tests.support.drops import Door
from tests.support.pictures import picture
from tests.testbed.aws.inprocess import InProcessRunner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gallop.domain.clients.keys import Key

    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

# Calls whose right has another name. What a transaction needs depends on its writes.
_NAMES = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketCors": "s3:GetBucketCORS",
}
_WRITES = {"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem"}
TWO = "https://llm-two.ap-southeast-1.maas.aliyuncs.com/api/v1"
_PREFIXES = {"sfn": "states", "stepfunctions": "states"}


@dataclass(slots=True)
class Rights:
    """The rights that an operator's own calls need, without those of the functions that they run."""

    used: set[str] = field(default_factory=set)
    _inside: int = 0

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record the calls of the block."""
        call, invoke = BaseClient._make_api_call, InProcessRunner.invoke  # type: ignore[attr-defined] # noqa: SLF001

        def recording(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - any answer
            if not self._inside:
                self.used |= set(_rights(client.meta.service_model.service_name, operation, parameters))
            return call(client, operation, parameters)

        def invoking(runner: InProcessRunner, function: str, payload: bytes) -> Any:  # noqa: ANN401 - a result
            self._inside += 1
            try:
                return invoke(runner, function, payload)
            finally:
                self._inside -= 1

        with patch.object(BaseClient, "_make_api_call", recording), patch.object(InProcessRunner, "invoke", invoking):
            yield


def _rights(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    if operation == "TransactWriteItems":
        yield from (_WRITES[kind] for write in parameters["TransactItems"] for kind in write)
    elif service == "s3" and "VersionId" in parameters:
        yield {"DeleteObject": "s3:DeleteObjectVersion", "HeadObject": "s3:GetObjectVersion"}[operation]
    else:
        name = f"{_PREFIXES.get(service, service)}:{operation}"
        yield _NAMES.get(name, name)


def used_by(gallop: Gallop, *runs: tuple[str, ...]) -> set[str]:
    """Run commands; return the rights that they used."""
    rights, create = Rights(), client_keys.create

    def during_a_drain(key: Key) -> None:
        create(key)
        drains.begin(gallop.sandbox.clock.now())

    caps = patch.object(settings, "day_cap", lambda: Decimal(99))
    with rights.recorded(), caps, patch.object(client_keys, "create", during_a_drain):
        for words in runs:
            gallop.ok(*words, answer="sk-two\n")
    return rights.used


def rights_of(command: str) -> set[str]:
    """Return the rights of a command that the page names."""
    return {*operations_page.RIGHTS[command], *operations_page.EVERY_COMMAND}


def replaced(sandbox: Sandbox) -> str:
    """Drop a folder, finish its job, and replace its picture; return the ID of the first job."""
    first = finished(sandbox, dropped(sandbox))
    sandbox.drop("drop/spring/1.jpg", picture(shade=7))
    Door(sandbox).run(60)
    return first


def cancelled(sandbox: Sandbox, gallop: Gallop) -> str:
    """Drop an image of its own, and cancel its job; return the job's ID."""
    before = {job.id for job in sandbox.jobs()}
    sandbox.drop("drop/cat.jpg", picture())
    Door(sandbox).run(60)
    (job_id,) = {job.id for job in sandbox.jobs()} - before
    gallop.ok("jobs", "cancel", job_id)
    return job_id


def test_each_command_needs_the_rights_that_the_page_names(sandbox: Sandbox, gallop: Gallop) -> None:
    """Run each of them on jobs of both doors, and compare."""
    lived(sandbox, gallop, "zelda")
    # One more than there are slots.
    https, s3 = arrived(sandbox, 7)[-1], replaced(sandbox)
    gone = lived(sandbox, gallop, "link")
    lone = cancelled(sandbox, gallop)
    (key,) = gallop.json("keys", "list", "--client", "link")
    letter, other, _ = given_up(sandbox, "strange", "stranger", "strangest")
    sandbox.drop("drop/other/1.jpg", picture())
    runs: dict[str, list[tuple[str, ...]]] = {
        "accounts add": [("accounts", "add", "two", "--base-url", TWO)],
        "accounts list": [("accounts", "list")],
        "accounts pause": [("accounts", "pause", "two")],
        "accounts resume": [("accounts", "resume", "two")],
        "accounts remove": [("accounts", "pause", "two"), ("accounts", "remove", "two")],
        "keys create": [("keys", "create", "me")],
        "keys list": [("keys", "list")],
        "keys revoke": [("keys", "revoke", key["id"])],
        "jobs": [("jobs",), ("jobs", "--state", "open"), ("jobs", "list", "--client", "ada")],
        "jobs show": [("jobs", "show", https.id)],
        "jobs resume": [("jobs", "resume", https.id)],
        "queue": [("queue",)],
        "slots": [("slots",)],
        "spend": [("spend",)],
        "trace": [("trace", https.id)],
        "jobs cancel": [("jobs", "cancel", https.id)],
        "jobs delete": [("jobs", "delete", gone, "--yes"), *(("jobs", "delete", one, "--yes") for one in (s3, lone))],
        "redrive": [
            *(("redrive",), ("redrive", letter), ("redrive", "drop/other/")),
            ("redrive", "--discard", other, "--yes"),
        ],
        "drain": [("drain",)],
        "undrain": [("undrain",)],
        "forget": [("forget", "zelda", "--yes")],
    }
    found = {command: used_by(gallop, *words) for command, words in runs.items()}
    # The doctor's are compared where it has a door to call.
    named = {command: rights_of(command) for command in operations_page.RIGHTS if not command.startswith("doctor")}
    missing = {f"{command}: {right}" for command, rights in found.items() for right in rights - named[command]}
    unused = {f"{command}: {right}" for command, rights in found.items() for right in named[command] - rights}
    assert found.keys() == named.keys()
    assert set() == missing
    assert set() == unused
