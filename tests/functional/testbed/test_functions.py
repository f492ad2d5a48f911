"""Functions run as on Lambda: their environment, their start, their failures and their logs."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.testbed.conftest import STACK, SmallStack
from tests.support.waiting import eventually
from tests.testbed.aws import worker
from tests.testbed.aws.functions import Throttled
from tests.testbed.aws.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SET_BY_LAMBDA = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "HOME",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "PATH",
    "PYTHONPATH",
    "TZ",
}
SET_BY_PYTHON = {"LC_CTYPE"}


def at_once(stack: SmallStack, events: Iterable[Any]) -> list[Any]:
    """Invoke the probe with all events concurrently."""
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(stack.ask, events))


def test_a_function_sees_the_variables_of_the_template_and_of_lambda_and_no_other(
    stack: SmallStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The developer's environment does not reach a function; references in the template are resolved."""
    monkeypatch.setenv("DEVELOPERS_OWN", "secret")
    stack.aws.runtime.kill("Probe")
    environment = stack.ask({})["environment"]
    own = {"GREETING", "BUCKET", "TABLE", "API"}
    assert SET_BY_LAMBDA | own == set(environment) - SET_BY_PYTHON
    assert ("hello", stack.outputs["BoxName"]) == (environment["GREETING"], environment["BUCKET"])
    assert stack.outputs["ApiUrl"] == environment["API"]
    assert "160" == environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]


def test_a_function_runs_in_its_own_folder_with_its_own_imports(stack: SmallStack) -> None:
    """The working folder is CodeUri; the layer with its locked packages is importable, other packages are not."""
    assert str(STACK / "functions/probe") == stack.ask({})["folder"]
    assert "probe_layer" == stack.ask({"do": "import", "module": "probe_layer"})
    assert "python_multipart" == stack.ask({"do": "import", "module": "python_multipart"})
    assert "boto3" == stack.ask({"do": "import", "module": "boto3"})
    assert "ModuleNotFoundError" in stack.invoke("Probe", {"do": "import", "module": "moto"}).payload


def test_a_function_without_the_layer_cannot_import_it(stack: SmallStack) -> None:
    """Layers are mounted only where the template names them."""
    assert "ModuleNotFoundError" in stack.invoke("Bare", {"do": "import", "module": "probe_layer"}).payload


def test_an_idle_process_is_reused(stack: SmallStack) -> None:
    """The second invocation is a warm start in the same process."""
    first, second = stack.ask({}), stack.ask({})
    assert (first["process"], first["calls"] + 1) == (second["process"], second["calls"])
    assert not stack.aws.runtime.invocations("Probe")[-1].cold


def test_concurrent_invocations_have_their_own_processes(stack: SmallStack) -> None:
    """At the testbed's limit of four processes further invocations wait, and none is lost."""
    answers = at_once(stack, [{"do": "sleep", "sleep": 0.3, "n": n} for n in range(8)])
    assert list(range(8)) == [answer["n"] for answer in answers]
    processes = {answer["process"] for answer in at_once(stack, [{}] * 8)}
    assert len(processes) <= 4


def test_reserved_concurrency_throttles(stack: SmallStack, tmp_path: Path) -> None:
    """A function that has reached its reserved concurrency is throttled with 429, as in Lambda."""
    client = stack.aws.client("lambda")
    end = tmp_path / "end"
    running = threading.Thread(target=stack.invoke, args=("Single", {"do": "hold", "until": str(end)}))
    running.start()
    try:
        eventually(lambda: stack.aws.runtime.busy("Single"))
        with pytest.raises(Throttled):
            stack.invoke("Single", {})
        with pytest.raises(client.exceptions.TooManyRequestsException):
            client.invoke(FunctionName=stack.aws.deployment.function("Single").name)
    finally:
        end.touch()
        running.join()
    assert stack.aws.runtime.invocations("Single")[-1].error is None


def test_an_exception_is_reported_by_its_class(stack: SmallStack) -> None:
    """The error type is the exception's class, which state machines match; the log has the earlier output."""
    result = stack.invoke("Probe", {"do": "raise", "message": "wrong colour"})
    error = json.loads(result.payload)
    assert result.error is True
    assert "ValueError" == error["errorType"]
    assert "wrong colour" == error["errorMessage"]
    assert any("_raise" in line for line in error["stackTrace"])
    assert "about to fail" in result.log
    assert "ValueError" == stack.aws.runtime.invocations("Probe")[-1].error


def test_a_function_that_takes_too_long_is_killed(stack: SmallStack) -> None:
    """After the template's Timeout the process is killed, with Lambda's own error."""
    process = stack.ask({}, "Brief")["process"]
    error = json.loads(stack.invoke("Brief", {"do": "sleep", "sleep": 30}).payload)
    assert "Sandbox.Timedout" == error["errorType"]
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_function_sleeps_on_the_clock_of_the_testbed(stack: SmallStack) -> None:
    """Its sleep is simulated time, which counts as its duration and towards its Timeout, whatever it really takes."""
    stack.ask({"do": "nap", "nap": 2.5})
    assert 2500 <= stack.aws.runtime.invocations("Probe")[-1].duration_ms
    error = json.loads(stack.invoke("Brief", {"do": "nap", "nap": 60}).payload)
    assert "Sandbox.Timedout" == error["errorType"]


def test_a_function_is_killed_in_its_sleep(stack: SmallStack) -> None:
    """Chaos tests need not wait until it wakes up."""
    results: list[Any] = []
    work = threading.Thread(target=lambda: results.append(stack.invoke("Bare", {"do": "nap", "nap": 1e5})))
    work.start()
    eventually(lambda: stack.aws.runtime.busy("Bare") and stack.aws.runtime.kill("Bare"))
    work.join()
    assert json.loads(results[0].payload)["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_a_process_that_exits_is_reported(stack: SmallStack) -> None:
    """The caller gets the error that the runtime exited, whatever the handler was doing; the next call works."""
    error = json.loads(stack.invoke("Probe", {"do": "exit", "status": 7}).payload)
    assert "Runtime.ExitError" == error["errorType"]
    assert error["errorMessage"].endswith("Runtime exited with error: exit status 7")
    assert {} == stack.ask({})["event"]


def test_a_process_can_be_killed_while_it_works(stack: SmallStack, tmp_path: Path) -> None:
    """Chaos tests kill a function during its work."""
    results: list[Any] = []
    endless = {"do": "hold", "until": str(tmp_path / "never")}
    work = threading.Thread(target=lambda: results.append(stack.invoke("Bare", endless)))
    work.start()
    eventually(lambda: stack.aws.runtime.busy("Bare") and stack.aws.runtime.kill("Bare"))
    work.join()
    assert json.loads(results[0].payload)["errorMessage"].endswith("Runtime exited with error: signal: killed")


def test_an_idle_process_that_died_is_replaced_silently(stack: SmallStack) -> None:
    """The event had not reached it: on Lambda the next call would be a cold start."""
    stack.ask({})
    assert 1 <= stack.aws.runtime.kill("Probe")
    assert 1 == stack.ask({})["calls"]


@pytest.fixture(params=["the system's own figures", "a library's"])
def measured(
    request: pytest.FixtureRequest, stack: SmallStack, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmallStack]:
    """Measure memory as on Linux, and as on a system without ``/proc``; no such process serves another test."""
    if request.param == "a library's":
        monkeypatch.setattr(worker, "Memory", partial(Memory, proc=Path("/nowhere")))
    stack.aws.runtime.kill("Probe")
    yield stack
    stack.aws.runtime.kill("Probe")


def test_a_function_that_exceeds_its_memory_is_killed(measured: SmallStack) -> None:
    """MemorySize is a hard limit."""
    error = json.loads(measured.invoke("Probe", {"do": "hog", "bytes": 400_000_000, "hold": 2}).payload)
    assert "Runtime.ExitError" == error["errorType"]
    assert 160 < measured.aws.runtime.invocations("Probe")[-1].peak_memory_mb


def test_the_memory_of_each_invocation_is_measured(measured: SmallStack) -> None:
    """The peak is that of the invocation, not of the process."""
    measured.ask({"do": "hog", "bytes": 60_000_000, "hold": 1})
    large = measured.aws.runtime.invocations("Probe")[-1].peak_memory_mb
    measured.ask({})
    small = measured.aws.runtime.invocations("Probe")[-1].peak_memory_mb
    assert 40 < large - small


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux keeps the peak")
def test_a_short_peak_counts_too(stack: SmallStack) -> None:
    """Where the system keeps the peak, even a moment above the limit is noticed."""
    error = json.loads(stack.invoke("Probe", {"do": "hog", "bytes": 400_000_000}).payload)
    assert "Runtime.ExitError" == error["errorType"]


def test_large_answers_are_refused_as_by_lambda(stack: SmallStack) -> None:
    """The maximum is a little over six megabytes; answers up to that size arrive completely."""
    assert 6_000_000 == len(stack.ask({"do": "reply", "bytes": 6_000_000}))
    error = json.loads(stack.invoke("Probe", {"do": "reply", "bytes": 7_000_000}).payload)
    assert "Function.ResponseSizeTooLarge" == error["errorType"]


def test_large_events_are_refused_by_the_api(stack: SmallStack) -> None:
    """Invoke accepts up to six megabytes."""
    client = stack.aws.client("lambda")
    name = stack.aws.deployment.function("Probe").name
    with pytest.raises(client.exceptions.RequestTooLargeException):
        client.invoke(FunctionName=name, Payload=json.dumps({"x": "y" * 6_291_456}))


def test_the_api_distinguishes_errors_from_answers(stack: SmallStack) -> None:
    """Both have status 200; an error has FunctionError."""
    client = stack.aws.client("lambda")
    name = stack.aws.deployment.function("Probe").name
    fine = client.invoke(FunctionName=name, Payload=b"{}")
    failed = client.invoke(FunctionName=name, Payload=b'{"do": "raise"}')
    assert "errorMessage" not in json.load(fine["Payload"])
    assert "ValueError" == json.load(failed["Payload"])["errorType"]
    assert (200, None) == (fine["StatusCode"], fine.get("FunctionError"))
    assert (200, "Unhandled") == (failed["StatusCode"], failed["FunctionError"])


def test_an_asynchronous_event_is_tried_three_times(stack: SmallStack) -> None:
    """Lambda repeats a failed asynchronous invocation after one and two minutes of (simulated) time."""
    before = len(stack.aws.runtime.invocations("Bare"))
    name = stack.aws.deployment.function("Bare").name
    answer = stack.aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"do": "raise"}')
    assert 202 == answer["StatusCode"]
    assert b"" == answer["Payload"].read()
    records = eventually(lambda: (r := stack.aws.runtime.invocations("Bare")[before:]) and len(r) >= 3 and r)
    assert ["ValueError"] * 3 == [record.error for record in records]


def test_logs_reach_the_log_group(stack: SmallStack) -> None:
    """If the role permits it, a function's output is in its log group, framed as by Lambda."""
    stack.invoke("Probe", {"do": "raise"})
    group = stack.aws.deployment.function("Probe").log_group
    messages = [event["message"] for event in stack.aws.client("logs").filter_log_events(logGroupName=group)["events"]]
    assert "about to fail" in messages
    assert any(message.startswith("REPORT RequestId: ") for message in messages)
    assert "about to fail" in stack.aws.runtime.logs("Probe")
