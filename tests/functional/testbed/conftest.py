"""The small stack of these tests, running."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fake_dashscope.clock import ScaledClock
from tests.testbed.aws.account import REGION
from tests.testbed.aws.embedded import EmbeddedAws
from tests.testbed.aws.template import parsed, read, translate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.aws.functions import Result

STACK = Path(__file__).parent / "stack"
SPEED = 100.0


class SmallStack:
    """The small stack on an embedded AWS, and short ways to what tests look at."""

    def __init__(self, aws: EmbeddedAws) -> None:
        """Take a running AWS with the stack deployed."""
        self.aws = aws
        self.outputs = aws.outputs()

    def invoke(self, function: str, event: object) -> Result:
        """Run a function."""
        return self.aws.runtime.invoke(function, json.dumps(event).encode())

    def ask(self, event: object, function: str = "Probe") -> Any:  # noqa: ANN401
        """Run a function that is not expected to fail, and read its answer."""
        result = self.invoke(function, event)
        assert not result.error, result.payload
        return json.loads(result.payload)


@contextmanager
def small_stack() -> Iterator[SmallStack]:
    """Run the small stack."""
    aws = EmbeddedAws(ScaledClock(SPEED))
    aws.start()
    try:
        aws.deploy(read(STACK / "template.yaml", REGION), {}, "small")
        yield SmallStack(aws)
    finally:
        aws.stop()


@pytest.fixture(scope="module")
def stack() -> Iterator[SmallStack]:
    """Run the small stack as it is."""
    with small_stack() as running:
        yield running


def source() -> dict[str, Any]:
    """Read the small stack's template, to be changed by a test."""
    return parsed((STACK / "template.yaml").read_text(encoding="utf-8"))


def deploy(changed: dict[str, Any]) -> None:
    """Deploy a changed template and stop again."""
    aws = EmbeddedAws(ScaledClock(SPEED))
    aws.start()
    try:
        aws.deploy(translate(changed, STACK, REGION), {}, "changed")
    finally:
        aws.stop()
