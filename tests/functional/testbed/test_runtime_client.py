"""Where AWS's runtime client has no native part, the testbed's own makes the same calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fake_dashscope.clock import ScaledClock
from tests.functional.testbed.conftest import SPEED, STACK, SmallStack
from tests.support.other_systems import without_native_client
from tests.support.waiting import eventually
from tests.testbed.aws.account import REGION
from tests.testbed.aws.embedded import EmbeddedAws
from tests.testbed.aws.template import read

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def stack() -> Iterator[SmallStack]:
    """Run the small stack without the native client."""
    aws = EmbeddedAws(ScaledClock(SPEED))
    aws.start()
    try:
        with without_native_client():
            aws.deploy(read(STACK / "template.yaml", REGION), {}, "small")
        yield SmallStack(aws)
    finally:
        aws.stop()


def test_functions_run_on_the_stand_in(stack: SmallStack) -> None:
    """It is the one that is imported; a process is used again, and every event arrives whole."""
    assert "runtime_client" == stack.ask({"do": "import", "module": "runtime_client"})
    first, second = stack.ask({"text": "ä 図 😀"}), stack.ask({})
    assert {"text": "ä 図 😀"} == first["event"]
    assert (first["process"], first["calls"] + 1) == (second["process"], second["calls"])
    assert first["remaining_ms"] > 0
    assert stack.aws.deployment.function("Probe").arn == first["arn"]
    assert 6_000_000 == len(stack.ask({"do": "reply", "bytes": 6_000_000}))


@pytest.mark.parametrize("message", ["wrong colour", "falsche Farbe: ü", "色が違う", "two\nlines"])
def test_an_exception_is_reported_by_its_class(stack: SmallStack, message: str) -> None:
    """With its message in any script, as by the native client; the process serves on."""
    result = stack.invoke("Probe", {"do": "raise", "message": message})
    error = json.loads(result.payload)
    assert result.error
    assert "ValueError" == error["errorType"]
    assert message == error["errorMessage"]
    assert {} == stack.ask({})["event"]


def test_what_ends_a_process_ends_it(stack: SmallStack) -> None:
    """Time-out, exit and kill are Lambda's errors, and the next call is a cold start."""
    assert "Sandbox.Timedout" == error_type(stack, "Brief", {"do": "sleep", "sleep": 30})
    assert "Runtime.ExitError" == error_type(stack, "Probe", {"do": "exit", "status": 7})
    stack.ask({})
    assert eventually(lambda: stack.aws.runtime.kill("Probe"))
    assert 1 == stack.ask({})["calls"]


def error_type(stack: SmallStack, function: str, event: object) -> str:
    """Run a function that fails, and give its error."""
    return str(json.loads(stack.invoke(function, event).payload)["errorType"])
