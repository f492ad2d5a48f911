"""The command ``gallop redrive``, on the deployed template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from gallop.adapters import aws as services
from gallop.adapters import drop_queue
from gallop.adapters.s3 import buckets
from gallop.domain.drops import messages
from gallop.domain.errors import AwsTrouble

from tests.support.drops import Door
from tests.support.pictures import picture
from tests.support.stack import aws

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

HOUR = 3600
STRANGE = ("not JSON", "[]", "7", '{"x": 1}', '{"look": 5}', '{"Records": [{}]}', '{"batch": null}')


def given_up(sandbox: Sandbox, *bodies: str) -> list[str]:
    """Put messages into the dead-letter queue; return their IDs."""
    url = sandbox.stack.resource("DropDeadLetterQueue")
    return [aws("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"] for body in bodies]


def failed(sandbox: Sandbox, name: str = "spring") -> str:
    """Drop a folder while the bucket cannot be listed at all, until its message is given up; return its ID."""
    sandbox.drop(f"drop/{name}/1.jpg", picture())
    sandbox.drop(f"drop/{name}/prompt.txt", b"The woman of [Image 1] smiles.")
    bodies = [json.dumps(body) for body in Door(sandbox).waiting()]
    with patch.object(buckets, "read", side_effect=AwsTrouble("no")):
        Door(sandbox).run(HOUR)
    if not Door(sandbox).dead():
        given_up(sandbox, *bodies)
    Door(sandbox).forget()
    assert [] == sandbox.jobs()
    return name


def test_dead_letters_are_shown_and_stay(sandbox: Sandbox, gallop: Gallop) -> None:
    """Each with what it is about, as often as one looks."""
    failed(sandbox)
    before = Door(sandbox).dead()
    for _ in range(2):
        assert {"drop/spring/"} == {name for letter in gallop.json("redrive") for name in letter["drops"]}
        head, first, *_ = gallop.ok("redrive").stdout.splitlines()
        assert ["ID", "SENT", "WHAT"] == head.split()
        assert first.endswith("drop/spring/")
    assert before == Door(sandbox).dead()


def test_all_dead_letters_are_put_back(sandbox: Sandbox, gallop: Gallop) -> None:
    """The drop then becomes a job, although the message that failed had claimed it."""
    failed(sandbox)
    assert "put back: drop/spring/" in gallop.ok("redrive", "--all").stderr
    assert [] == Door(sandbox).dead()
    Door(sandbox).run(HOUR)
    assert ["spring"] == [job.receipts for job in sandbox.jobs()]
    assert "no dead letters" in gallop.ok("redrive", "--all").stderr


@pytest.mark.parametrize("body", STRANGE)
def test_what_cannot_be_understood_is_said_and_kept(sandbox: Sandbox, gallop: Gallop, body: str) -> None:
    """It stays a dead letter, and the exit code says that something is left; its ID puts it back anyway."""
    (letter,) = given_up(sandbox, body)
    assert "names no drop" in gallop.ok("redrive").stdout
    assert [body] == [one["body"] for one in gallop.json("redrive")]
    result = gallop("redrive", "--all")
    assert 1 == result.exit_code
    assert f"{letter} stays a dead letter" in result.stderr
    assert [body] == Door(sandbox).dead()
    gallop.ok("redrive", letter)
    assert [] == Door(sandbox).dead()


def test_one_dead_letter_is_put_back_by_its_id(sandbox: Sandbox, gallop: Gallop) -> None:
    """The others stay."""
    events = [json.dumps({"Records": [{"s3": {"object": {"key": f"drop/{name}/1.jpg"}}}]}) for name in ("a", "b")]
    first, _ = given_up(sandbox, *events)
    gallop.ok("redrive", first)
    assert [events[1]] == Door(sandbox).dead()
    assert 1 == gallop("redrive", first).exit_code


def test_a_drop_that_the_sweep_has_reported_starts_by_its_path(sandbox: Sandbox, gallop: Gallop) -> None:
    """Nobody has to upload its files again. The log of the sweep has the path."""
    failed(sandbox)
    sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert [] == Door(sandbox).dead()
    assert sandbox.receipt("spring/error.json")
    assert '"drops":["drop/spring/"' in sandbox.log_lines.getvalue()
    gallop.ok("redrive", "drop/spring")
    Door(sandbox).run(HOUR)
    assert ["spring"] == [job.receipts for job in sandbox.jobs()]
    assert "spring/error.json" not in sandbox.results_there()


def test_nothing_happens_twice(sandbox: Sandbox, gallop: Gallop) -> None:
    """A drop that has a job keeps it, however often it is looked at."""
    failed(sandbox)
    for _ in range(2):
        gallop.ok("redrive", "drop/spring/", "drop/spring/1.jpg")
        Door(sandbox).run(HOUR)
    assert 1 == len(sandbox.jobs())


@pytest.mark.parametrize("words", [["drop/nowhere/"], ["drop/nowhere.jpg"], ["no-such-id"]])
def test_what_is_not_there_is_named(gallop: Gallop, words: list[str]) -> None:
    """The exit code says that nothing was put back."""
    result = gallop("redrive", *words)
    assert 1 == result.exit_code
    assert f"Not found: {words[0]}" in result.stderr


def test_an_event_whose_work_was_claimed_is_put_back(sandbox: Sandbox, gallop: Gallop) -> None:
    """The copy has an ID of its own: the claim of the original must not keep it from the drop for a day."""
    sandbox.drop("drop/spring/1.jpg", picture())
    sandbox.drop("drop/spring/prompt.txt", b"The woman of [Image 1] smiles.")
    bodies = [json.dumps(body) for body in Door(sandbox).waiting()]
    Door(sandbox).run(1.5)
    Door(sandbox).forget()
    given_up(sandbox, *bodies)
    gallop.ok("redrive", "--all")
    Door(sandbox).run(HOUR)
    assert ["spring"] == [job.receipts for job in sandbox.jobs()]


@pytest.mark.parametrize(
    "error", ["MessageNotInflight", "InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"]
)
def test_many_dead_letters_may_come_back_while_they_are_listed(sandbox: Sandbox, gallop: Gallop, error: str) -> None:
    """Those that others see again already need not be shown to them."""
    given_up(sandbox, *(messages.arrival_of(f"drop/{number}/batch.jsonl") for number in range(3)))
    client = services.sqs()
    refused = client.exceptions.ClientError({"Error": {"Code": error}}, "ChangeMessageVisibility")
    with (
        patch.object(client, "change_message_visibility", side_effect=refused),
        patch.object(services, "sqs", lambda: client),
    ):
        assert 3 == len(gallop.json("redrive"))


def test_dead_letters_are_listed_up_to_a_limit(sandbox: Sandbox, gallop: Gallop) -> None:
    """More would come back before all have been read; another run continues."""
    given_up(sandbox, *(messages.arrival_of(f"drop/{number}/batch.jsonl") for number in range(25)))
    with patch.object(drop_queue, "MAX_LISTED", 10):
        assert 10 == len(gallop.json("redrive"))
        assert "There may be more" in gallop.ok("redrive").stderr
        assert "There may be more" in gallop.ok("redrive", "--all").stderr
    assert 15 == len(gallop.json("redrive"))


def test_a_foreign_dead_letter_is_discarded(sandbox: Sandbox, gallop: Gallop) -> None:
    """Putting it back only makes it fail again. It is shown first, and others stay."""
    first, second, _ = given_up(sandbox, "what is this", "and this", "not this")
    result = gallop.ok("redrive", "--discard", first, second, "--yes")
    assert f'{first}: names no drop (12 bytes): "what is this"' in result.stderr
    assert f"{first} is discarded." in result.stderr
    assert ["not this"] == Door(sandbox).dead()
    assert [] == Door(sandbox).waiting()


def test_nothing_is_discarded_without_a_yes(sandbox: Sandbox, gallop: Gallop) -> None:
    """The letter is visible to others at once."""
    (letter,) = given_up(sandbox, "what is this")
    result = gallop("redrive", "--discard", letter)
    assert 2 == result.exit_code
    assert "Nothing was changed" in result.stderr
    assert [letter] == [one["id"] for one in gallop.json("redrive")]


def test_a_discarded_letter_that_names_a_drop_says_how_its_job_is_made(sandbox: Sandbox, gallop: Gallop) -> None:
    """The drop is still there, and starts by its path."""
    failed(sandbox)
    ids = [letter["id"] for letter in gallop.json("redrive")]
    result = gallop.ok("redrive", "--discard", *ids, "--yes", "--json")
    assert ids == json.loads(result.stdout)["discarded"]
    assert "drop/spring/ has no job" in result.stderr
    gallop.ok("redrive", "drop/spring/")
    Door(sandbox).run(HOUR)
    assert ["spring"] == [job.receipts for job in sandbox.jobs()]


@pytest.mark.parametrize("words", [(), ("--all",), ("drop/spring/",)])
def test_what_is_discarded_is_named_by_its_id(gallop: Gallop, words: tuple[str, ...]) -> None:
    """Neither all at once nor a drop, whose files stay."""
    result = gallop("redrive", "--discard", *words)
    assert 2 == result.exit_code
    assert "by their IDs" in result.stderr


@pytest.mark.parametrize("words", [(), ("--all",)])
def test_a_dead_letter_that_somebody_is_reading_is_not_denied(
    sandbox: Sandbox, gallop: Gallop, words: tuple[str, ...]
) -> None:
    """SQS hides it for a while from everybody else."""
    given_up(sandbox, "what is this")
    aws("sqs").receive_message(QueueUrl=sandbox.stack.resource("DropDeadLetterQueue"))
    result = gallop.ok("redrive", *words)
    assert "1 dead letter is being read at the moment" in result.stderr
    assert "no dead letters" not in result.stderr


def test_a_letter_to_discard_that_is_not_there_is_named(gallop: Gallop) -> None:
    """Nobody is asked about nothing."""
    result = gallop("redrive", "--discard", "no-such-id")
    assert 1 == result.exit_code
    assert "Not found: no-such-id" in result.stderr


def test_the_sweep_hides_no_dead_letter_from_the_operator(sandbox: Sandbox, gallop: Gallop) -> None:
    """It reads them every minute, and shows what it leaves at once; one line of its log says how to see them."""
    given_up(sandbox, "what is this", '{"x": 1}')
    sandbox.invoke("ReconcileFunction", {"action": "sweep"})
    assert 2 == len(gallop.json("redrive"))
    (line,) = (
        json.loads(one) for one in sandbox.log_lines.getvalue().splitlines() if one[:1] == "{" and "dead letter" in one
    )
    assert "WARNING" == line["level"]
    assert "`gallop redrive`" in line["message"]
    assert "exception" not in line
