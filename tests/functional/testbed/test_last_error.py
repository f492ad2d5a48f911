"""When the demo fails, it shows the last error of the functions itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.testbed.aws.execution import Invocation
from tests.testbed.demo import __main__ as demo
from tests.testbed.demo.display import display
from tests.testbed.demo.doors import DemoFailed
from tests.testbed.demo.last_error import last_error

if TYPE_CHECKING:
    from tests.functional.testbed.conftest import SmallStack

CAUGHT = {
    "level": "ERROR",
    "message": "unhandled exception",
    "exception": "Traceback (most recent call last):\n  File ...\nKeyError: 'prompt'",
}
UNCAUGHT = {"level": "ERROR", "errorType": "ValueError", "errorMessage": "first\nwrong colour", "stackTrace": []}
CRASH = "Traceback (most recent call last):\n  File ...\nAttributeError: 'NoneType' object has no attribute 'next'\n"


def ended(function: str, error: str | None, *lines: object) -> Invocation:
    """Make the record of an invocation that wrote lines."""
    written = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    log = f"START RequestId: 1 Version: $LATEST\n{written}END RequestId: 1\nREPORT RequestId: 1\tDuration: 1 ms\n"
    return Invocation(function, "1", True, 0.0, 1.0, 0.0, 0.0, error, None, None, "s", log)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ended("A", None, {"level": "INFO"}, CAUGHT), "Last error: logged, in A\nKeyError: 'prompt'"),
        (ended("A", "ValueError", UNCAUGHT), "Last error: ValueError, in A\nwrong colour"),
        (
            ended("A", "Runtime.ExitError", CRASH),
            "Last error: Runtime.ExitError, in A\nAttributeError: 'NoneType' object has no attribute 'next'",
        ),
        (ended("A", "Sandbox.Timedout"), "Last error: Sandbox.Timedout, in A\nIt wrote no log."),
        (ended("A", None, {"level": "WARNING", "message": "slow"}, "[1]", "text"), None),
    ],
)
def test_it_has_two_lines(record: Invocation, expected: str | None) -> None:
    """The function and its error, then what it says; frames of the log and milder entries are none."""
    fine = ended("B", None, {"level": "INFO", "message": "fine"})
    assert expected == last_error([fine, record, fine])


def test_the_last_one_is_taken() -> None:
    """Earlier ones are in the logs."""
    records = [ended("A", "E1", UNCAUGHT), ended("B", "E2", CAUGHT)]
    assert "Last error: E2, in B\nKeyError: 'prompt'" == last_error(records)
    assert last_error([]) is None


def test_a_function_that_broke_is_named(stack: SmallStack) -> None:
    """With the log that functions really write."""
    stack.invoke("Probe", {"do": "raise", "message": "wrong colour"})
    found = last_error(stack.aws.runtime.invocations("Probe"))
    assert found is not None
    assert "Last error: ValueError, in Probe" == found.splitlines()[0]
    assert 2 == len(found.splitlines())


def test_the_demo_shows_it_before_the_folder_of_logs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    """In the order of what helps most."""

    def broken(_: object) -> None:
        error = DemoFailed("POST /v1/videos returned HTTP 500: Internal Server Error")
        error.add_note("Last error: KeyError, in SubmitFunction\nKeyError: [prompt]")
        demo._keep("SubmitFunction.txt", "log")  # noqa: SLF001
        raise error

    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "OUT", tmp_path / "out" / "demo")  # type: ignore[operator]
    monkeypatch.setattr(demo, "run", broken)
    monkeypatch.setattr(demo, "display", display)
    assert 1 == demo.main()
    shown = capsys.readouterr().out.strip().splitlines()
    assert [
        "Last error: KeyError, in SubmitFunction",
        "KeyError: [prompt]",
        "See the logs in out/demo/logs/.",
    ] == shown[-3:]
