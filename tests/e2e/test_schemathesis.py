"""Unexpected requests, generated from the OpenAPI document by schemathesis, over real HTTP."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from gallop import __version__
from gallop.doors.https.openapi import document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.stack import Testbed

EXAMPLES = 24
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def described(testbed: Testbed) -> Any:  # noqa: ANN401 - a schema of schemathesis'
    """Return the document that the door serves."""
    return schemathesis.openapi.from_url(f"{testbed.coordinates.api_url}/openapi.json")


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    """Disable the garbage collector: CPython 3.11 miscounts when two threads parse concurrently (gh-106905)."""
    gc.disable()
    yield
    gc.enable()


OPERATIONS = [(path, method) for path, methods in document(__version__)["paths"].items() for method in methods]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_request_is_answered_as_described(
    path: str,
    method: str,
    described: Any,  # noqa: ANN401 - a schema of schemathesis'
    testbed: Testbed,
) -> None:
    """There is no 5xx, no undocumented status and no answer of another shape."""
    headers = {"Authorization": f"Bearer {testbed.coordinates.api_key}"}
    modes = list(GenerationMode)

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of([described[path][method].as_strategy(generation_mode=mode) for mode in modes]))
    def try_out(case: Any) -> None:  # noqa: ANN401 - a case of schemathesis'
        case.call_and_validate(headers=headers, checks=CHECKS)

    try_out()
