"""Calls whose condition and write are atomic on AWS are never interleaved here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.test import EnvironBuilder

from tests.testbed.aws.iam.authority import Authority
from tests.testbed.aws.iam.gatekeeper import Gatekeeper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.functional.testbed.conftest import SmallStack

# Calls that should meet get as long as they need; to see that others do not, a moment must do.
PATIENCE_S, MOMENT_S = 60, 0.3


def met(stack: SmallStack, service: str, seconds: float) -> bool:
    """Send two calls of a service through a gatekeeper; return whether they were behind it at the same time."""
    barrier = Barrier(2, timeout=seconds)

    def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        del environ, start
        try:
            barrier.wait()
        except BrokenBarrierError:
            return [b"alone"]
        return [b"together"]

    gatekeeper = Gatekeeper(application, Authority(stack.aws.region), stack.aws.identities, age=lambda _: 0.0)
    scope = f"{stack.aws.driver.access_key_id}/20261122/{stack.aws.region}/{service}/aws4_request"
    headers = [("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, Signature=x"), ("X-Amz-Target", "x.ListThings")]

    def call(_: int) -> bytes:
        environ = EnvironBuilder(method="POST", headers=headers, data=b"{}").get_environ()
        environ["RAW_URI"] = "/"
        return b"".join(gatekeeper(environ, lambda *_: None))

    with ThreadPoolExecutor(2) as threads:
        return [b"together"] * 2 == list(threads.map(call, range(2)))


@pytest.mark.parametrize("service", ["dynamodb", "states"])
def test_conditional_calls_run_one_after_the_other(stack: SmallStack, service: str) -> None:
    """For conditional writes and names of executions moto checks first and writes then."""
    assert not met(stack, service, MOMENT_S)


def test_other_calls_run_concurrently(stack: SmallStack) -> None:
    """No call waits for the upload of another."""
    assert met(stack, "sqs", PATIENCE_S)
