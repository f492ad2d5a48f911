"""Every place where moto itself is changed, each with its reason; ``installed`` puts all of them back."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto import backends
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.models import Stack
from moto.core.config import default_user_config
from moto.events import models as events_models
from moto.events.models import Rule
from moto.iam.access_control import PermissionResult
from moto.logs import models as logs_models
from moto.s3 import models as s3_models
from moto.s3 import notifications
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue, SQSBackend
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint, CallbackPoolManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from . import interpreter, invoke_api, queues, s3_events, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moto.events.utils import EventMessageType

    from .functions import Runner
    from .interpreter import AnyClock


@dataclass(frozen=True, slots=True)
class World:
    """What moto is connected to."""

    clock: AnyClock
    runner: Callable[[], Runner]
    """Whoever runs functions, asked at each invocation: it is made after the stack."""
    client: Callable[[str, str], Any]
    """Gives a client of a service that acts with a role's rights: (service, role's ARN)."""
    in_background: Callable[[str, bytes], None]
    """Runs a function that nobody waits for: (name, event)."""
    s3_to_queue: Callable[[str, str, str], None]
    """Delivers an S3 event: (bucket's ARN, queue's ARN, message)."""
    s3_to_function: Callable[[str, str, str], None]
    """Delivers an S3 event: (bucket's ARN, function's ARN, event)."""
    to_target: Callable[[Rule, dict[str, Any], dict[str, Any]], bool]
    """Sends an event to a rule's target, or tells that this kind of target is left to moto."""


@contextmanager
def installed(sandbox: World) -> Iterator[None]:
    """Change moto for as long as the context lasts."""
    with ExitStack() as seams:
        for target, name, value in _changes(sandbox):
            seams.enter_context(patch.object(target, name, value))
        seams.enter_context(patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}))
        yield


def _parse_template(text: str) -> Any:  # noqa: ANN401 - a template
    try:
        return json.loads(text)
    except ValueError:
        return _parse_yaml(text)


_parse_yaml = Stack.parse_template


def _changes(sandbox: World) -> Iterator[tuple[object, str, Any]]:
    # moto reads a template as YAML first, which takes a second where JSON takes none.
    yield Stack, "parse_template", staticmethod(_parse_template)
    # moto's server looks through its own folders at every request.
    yield backends, "list_of_moto_modules", partial(frozenset, tuple(backends.list_of_moto_modules()))
    yield from _functions(sandbox)
    yield from _queues(sandbox.clock)
    yield from tables.changes()
    yield from _objects(sandbox)
    yield from _state_machines(sandbox)
    yield events_models, "unix_time", sandbox.clock.now
    # moto refuses targets that are functions or state machines.
    yield Rule, "send_to_targets", _send_to_targets(sandbox)


def _functions(sandbox: World) -> Iterator[tuple[object, str, Any]]:
    def invoke_lambda(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:  # noqa: ANN401
        result = sandbox.runner().invoke(function.function_name, json.dumps(event).encode())
        return result.payload, result.error, result.log

    # moto needs Docker here; this is the one place that all its callers come through.
    yield LambdaFunction, "_invoke_lambda", invoke_lambda
    # moto's Invoke knows no limits, no throttling, and waits for events that nobody waits for.
    yield LambdaFunction, "invoke", invoke_api.invoker(sandbox.runner, sandbox.in_background)
    # Logs carry the testbed's time, which moto would take for the future.
    yield logs_models, "utcnow", interpreter.scaled_utcnow(sandbox.clock)


def _queues(clock: AnyClock) -> Iterator[tuple[object, str, Any]]:
    # Delays, visibility and retention run on the testbed's clock.
    yield sqs_models, "unix_time", clock.now
    yield sqs_models, "unix_time_millis", lambda: clock.now() * 1000
    # moto's list of messages is not safe for several threads, and it runs functions inside SendMessage.
    yield Queue, "add_message", queues.add_message
    yield Queue, "delete_message", queues.delete_message
    yield SQSBackend, "receive_message", queues.receiver(clock)


def _objects(sandbox: World) -> Iterator[tuple[object, str, Any]]:
    # LastModified is compared with the time of the function that reads it.
    yield s3_models, "utcnow", interpreter.scaled_utcnow(sandbox.clock)

    def s3_event(name: str, bucket: Any, key: Any, rule: str) -> dict[str, Any]:  # noqa: ANN401
        return s3_events.event(sandbox.clock.now, name, bucket, key, rule)

    def bucket_arn(event: dict[str, Any]) -> str:
        records = event.get("Records")
        return str(records[0]["s3"]["bucket"]["arn"]) if records else f"arn:aws:s3:::{event['Bucket']}"

    def to_queue(account_id: str, event_body: dict[str, Any], queue_name: str, region_name: str) -> None:
        queue_arn = f"arn:aws:sqs:{region_name}:{account_id}:{queue_name}"
        sandbox.s3_to_queue(bucket_arn(event_body), queue_arn, json.dumps(event_body))

    def to_function(account_id: str, event_body: dict[str, Any], fn_arn: str, region_name: str) -> None:
        del account_id, region_name
        sandbox.s3_to_function(bucket_arn(event_body), fn_arn, json.dumps(event_body))

    # moto takes a bucket policy without its conditions; the gatekeeper evaluates the whole of it.
    yield s3_models.FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL
    # moto's events lack half of the fields, and it asks neither the queue's nor the function's policy.
    yield notifications, "_get_s3_event", s3_event
    yield notifications, "_send_sqs_message", to_queue
    yield notifications, "_invoke_awslambda", to_function
    yield notifications, "unix_time", sandbox.clock.now


def _state_machines(sandbox: World) -> Iterator[tuple[object, str, Any]]:
    clock = sandbox.clock
    # The places where the interpreter spends time.
    yield WaitFunction, "_wait_interval", interpreter.wait_interval(clock)
    yield retrier_decl, "time", interpreter.Sleeper(clock)
    yield Program, "eval", interpreter.scale_program(Program.eval, clock)
    yield (
        ExecutionState,
        "_evaluate_with_timeout",
        interpreter.scale_state(
            ExecutionState._evaluate_with_timeout,  # noqa: SLF001
            clock,
        ),
    )
    yield CallbackEndpoint, "interrupt_all", interpreter.spending(CallbackEndpoint.interrupt_all)
    yield CallbackPoolManager, "notify", interpreter.refusing_spent(CallbackPoolManager.notify)
    yield AmazonStateLanguageParser, "parse", staticmethod(interpreter.parse_once())
    for paths in (json_path, result_path):
        yield paths, "parse", cache(paths.parse)
    shim = interpreter.scaled_datetime(clock)
    for module in interpreter.modules_that_tell_the_time():
        yield module, "datetime", shim

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ANN401
        del region
        return sandbox.client(service, state_credentials.role_arn)

    # What an execution meets is in its history, and not on the screen of whoever watches.
    quiet = logging.getLogger("moto.stepfunctions")
    yield quiet, "propagate", False
    yield quiet, "handlers", [logging.NullHandler()]
    # An execution without a name is named None, and so there could be only one.
    yield StepFunctionsParserBackend, "start_execution", _start_named(StepFunctionsParserBackend.start_execution)
    # The interpreter calls as nobody ("ak"); on AWS it calls as the state machine's role.
    original = boto_client.boto_client_for
    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is original:
            yield module, "boto_client_for", client_for


def _start_named(original: Callable[..., Any]) -> Callable[..., Any]:
    def start_execution(backend: StepFunctionsParserBackend, arn: str, name: str | None = None, *rest: Any) -> Any:  # noqa: ANN401
        return original(backend, arn, name or str(uuid.uuid4()), *rest)

    return start_execution


def _send_to_targets(sandbox: World) -> Callable[..., None]:
    original = Rule.send_to_targets

    def send_to_targets(rule: Rule, original_event: EventMessageType, transform_input: bool = True) -> None:
        # A rule without a pattern is a schedule; moto takes it for one that matches everything.
        silent = rule.state == "DISABLED" or not rule.event_pattern.get_pattern()
        if silent or not rule.event_pattern.matches_event(original_event):
            return
        left = [target for target in rule.targets if not sandbox.to_target(rule, target, dict(original_event))]
        if left:
            targets, rule.targets = rule.targets, left
            try:
                original(rule, original_event, transform_input)
            finally:
                rule.targets = targets

    return send_to_targets
