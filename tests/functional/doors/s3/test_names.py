"""Names of dropped folders and files, from anywhere: each drop is taken or refused, and nothing is paid in vain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.drops import Door
from tests.support.faults import details
from tests.support.pictures import picture
from tests.template.stack import parameter

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox

PROMPT = b"The woman of [Image 1] smiles."
QUIET = int(parameter("QuietSeconds"))


@pytest.fixture
def door(sandbox: Sandbox) -> Door:
    """Return the door of a sandbox."""
    return Door(sandbox)


def only_receipt(sandbox: Sandbox, ending: str) -> str:
    """Return the key of the only receipt with this ending; there must be no job."""
    assert [] == sandbox.jobs()
    (key,) = (key for key in sandbox.results_there() if key.endswith(ending))
    return key


@pytest.mark.parametrize(
    ("folder", "safe"), [("Title\x0bpage", "Title_page~"), ("..", "_~"), ("a//b", "a/_/b~"), ("\uffff/x", "_/x~")]
)
def test_a_folder_with_an_unsafe_name_is_refused(sandbox: Sandbox, door: Door, folder: str, safe: str) -> None:
    """Before its files are read; the receipt is under a safe name, once however many files there are."""
    sandbox.drop(f"drop/{folder}/1.jpg", picture())
    sandbox.drop(f"drop/{folder}/prompt.txt", PROMPT)
    door.run(QUIET + 1)
    key = only_receipt(sandbox, "/error.json")
    assert key.startswith(safe)
    (problem,) = details(sandbox.receipt(key)["faults"]).values()
    assert problem.startswith("has a")
    assert [] == door.waiting()


def test_a_lone_image_with_an_unsafe_name_is_refused(sandbox: Sandbox, door: Door) -> None:
    """Its receipts would be in a folder of that name."""
    sandbox.drop("drop/cat\n.jpg", picture())
    door.run(QUIET + 1)
    assert only_receipt(sandbox, "/error.json").startswith("cat_.jpg~")


def test_a_batch_in_a_folder_with_an_unsafe_name_is_refused(sandbox: Sandbox, door: Door) -> None:
    """The results of its lines would be in that folder."""
    sandbox.drop("drop/a\x0bb/batch.jsonl", b'{"prompt": "x", "images": ["https://example.com/1.jpg"]}')
    door.run(QUIET + 1)
    assert only_receipt(sandbox, "/error.json").startswith("a_b~")
    assert [] == sandbox.executions("BatchWorkflow")


def test_an_image_with_an_unsafe_name_is_refused(sandbox: Sandbox, door: Door) -> None:
    """DashScope could not fetch it; files that are not used may have any name."""
    sandbox.drop("drop/ad/1\x0b.jpg", picture())
    sandbox.drop("drop/ad/Icon\r", b"x")
    sandbox.drop("drop/ad/prompt.txt", PROMPT)
    door.run(QUIET + 1)
    faults = sandbox.receipt(only_receipt(sandbox, "ad/error.json"))["faults"]
    assert {r"1\u000b.jpg": "has an invalid character (U+000B) in its name"} == details(faults)


@pytest.mark.parametrize("encoded", ["drop/%ED%A0%80/1.jpg", "drop/%FF%FE/1.jpg", "drop/a/%C0%AF/1.jpg"])
def test_an_event_whose_key_is_not_utf_8_is_answered(sandbox: Sandbox, door: Door, encoded: str) -> None:
    """No object can be asked for by such a name."""
    door.send(json.dumps({"Records": [{"s3": {"object": {"key": encoded}}}]}))
    door.run(QUIET + 1)
    assert only_receipt(sandbox, "/error.json")
    assert ([], []) == (door.waiting(), door.dead())


@pytest.mark.parametrize("folder", [" spring ad ", "%0b", "%2e%2e", "..."])
def test_unusual_names_are_taken(sandbox: Sandbox, door: Door, folder: str) -> None:
    """As they are."""
    sandbox.drop(f"drop/{folder}/ 1 .jpg", picture())
    sandbox.drop(f"drop/{folder}/prompt.txt", PROMPT)
    door.run(QUIET + 1)
    assert [folder] == [job.receipts for job in sandbox.jobs()]
