"""All changes to moto itself, each with its reason; ``installed`` reverts them at the end."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from string import ascii_letters, digits
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto import backends
from moto.awslambda import urls
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.models import Stack
from moto.core import responses
from moto.core import utils as moto_utils
from moto.core.config import default_user_config
from moto.core.loaders import create_loader
from moto.events import models as events_models
from moto.events.models import Rule
from moto.iam.access_control import PermissionResult
from moto.logs import models as logs_models
from moto.moto_api._internal.moto_random import MotoRandom
from moto.moto_server.utilities import RegexConverter
from moto.s3 import models as s3_models
from moto.s3 import notifications
from moto.sns.models import Subscription
from moto.sqs import models as sqs_models
from moto.sqs.models import Queue, SQSBackend
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback import callback
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint, CallbackPoolManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from . import interpreter, invoke_api, log_filters, operator_api, queues, s3_events, s3_uploads, tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moto.events.utils import EventMessageType

    from .functions import Runner
    from .interpreter import AnyClock


@dataclass(frozen=True, slots=True)
class MotoHooks:
    """What moto calls in the testbed."""

    clock: AnyClock
    runner: Callable[[], Runner]
    """Returns the runner of functions; called for each invocation, because it is created after the stack."""
    client: Callable[[str, str], Any]
    """Returns a client of a service with a role's permissions; takes service and role ARN."""
    in_background: Callable[[str, bytes], None]
    """Runs a function asynchronously; takes name and event."""
    s3_to_queue: Callable[[str, str, str], None]
    """Delivers an S3 event; takes bucket ARN, queue ARN and message."""
    s3_to_function: Callable[[str, str, str], None]
    """Delivers an S3 event; takes bucket ARN, function ARN and event."""
    to_target: Callable[[Rule, dict[str, Any], dict[str, Any]], bool]
    """Sends an event to a rule's target; returns False if moto must handle this kind of target."""
    account_concurrency: int | None = None
    """What the account's settings say; None is what AWS gives an account that is not new."""
    mail: Callable[[str, str, str], None] | None = None
    """Takes a mail to a subscriber of a topic: address, subject and text."""


@contextmanager
def installed(hooks: MotoHooks) -> Iterator[None]:
    """Change moto for the duration of the context."""
    with ExitStack() as patches:
        for target, name, value in _changes(hooks):
            patches.enter_context(patch.object(target, name, value))
        for target, name, value in operator_api.methods(hooks.account_concurrency):
            patches.enter_context(patch.object(target, name, value, create=True))
        patches.enter_context(patch.object(urls, "url_paths", operator_api.paths()))
        patches.enter_context(patch.dict(default_user_config, {"stepfunctions": {"execute_state_machine": True}}))
        yield


def _parse_template(text: str) -> Any:  # noqa: ANN401 - a template
    try:
        return json.loads(text)
    except ValueError:
        return _parse_yaml(text)


_parse_yaml = Stack.parse_template


def _random_string(random: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    """Return the same kind of text as moto, which chooses each character on its own."""
    text = "".join(random.choices(ascii_letters + digits if include_digits else ascii_letters, k=length))
    return text.lower() if lower_case else text


def _changes(hooks: MotoHooks) -> Iterator[tuple[object, str, Any]]:
    # moto parses every template as YAML, which takes a second; JSON takes no time.
    yield Stack, "parse_template", staticmethod(_parse_template)
    # moto's server searches its own folders at every request.
    yield backends, "list_of_moto_modules", partial(frozenset, tuple(backends.list_of_moto_modules()))
    # moto searches a class for its methods at every call, and folders for every service.
    yield responses, "method_names_from_class", cache(moto_utils.method_names_from_class)
    yield moto_utils, "create_loader", cache(create_loader)
    yield MotoRandom, "get_random_string", _random_string
    yield from _functions(hooks)
    yield from _queues(hooks.clock)
    yield from tables.changes()
    yield from _objects(hooks)
    yield from _state_machines(hooks)
    yield events_models, "unix_time", hooks.clock.now
    # moto refuses targets that are functions or state machines.
    yield Rule, "send_to_targets", _send_to_targets(hooks)
    # moto sends no mails, not even to somebody who would show them.
    yield Subscription, "publish", _publish(hooks)


def _functions(hooks: MotoHooks) -> Iterator[tuple[object, str, Any]]:
    def invoke_lambda(function: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:  # noqa: ANN401
        result = hooks.runner().invoke(function.function_name, json.dumps(event).encode())
        return result.payload, result.error, result.log

    # moto needs Docker here; all its callers use this one method.
    yield LambdaFunction, "_invoke_lambda", invoke_lambda
    # moto's Invoke has no limits and no throttling, and waits for asynchronous invocations.
    yield LambdaFunction, "invoke", invoke_api.invoker(hooks.runner, hooks.in_background)
    # Logs have the testbed's time, which moto would refuse as in the future.
    yield logs_models, "utcnow", interpreter.scaled_utcnow(hooks.clock)
    yield from log_filters.changes()


def _queues(clock: AnyClock) -> Iterator[tuple[object, str, Any]]:
    # Delays, visibility and retention run on the testbed's clock.
    yield sqs_models, "unix_time", clock.now
    yield sqs_models, "unix_time_millis", lambda: clock.now() * 1000
    # moto's list of messages is not thread-safe, and moto runs functions inside SendMessage.
    yield Queue, "add_message", queues.add_message
    yield Queue, "delete_message", queues.delete_message
    yield Queue, "_set_attributes", queues.set_attributes
    yield SQSBackend, "receive_message", queues.receiver(clock)


def _objects(hooks: MotoHooks) -> Iterator[tuple[object, str, Any]]:
    # Functions compare LastModified with their own time.
    yield s3_models, "utcnow", interpreter.scaled_utcnow(hooks.clock)

    yield from s3_uploads.changes(hooks.clock.now)

    def s3_event(name: str, bucket: Any, key: Any, rule: str) -> dict[str, Any]:  # noqa: ANN401
        return s3_events.event(hooks.clock.now, name, bucket, key, rule)

    def bucket_arn(event: dict[str, Any]) -> str:
        records = event.get("Records")
        return str(records[0]["s3"]["bucket"]["arn"]) if records else f"arn:aws:s3:::{event['Bucket']}"

    def to_queue(account_id: str, event_body: dict[str, Any], queue_name: str, region_name: str) -> None:
        queue_arn = f"arn:aws:sqs:{region_name}:{account_id}:{queue_name}"
        hooks.s3_to_queue(bucket_arn(event_body), queue_arn, json.dumps(event_body))

    def to_function(account_id: str, event_body: dict[str, Any], fn_arn: str, region_name: str) -> None:
        del account_id, region_name
        hooks.s3_to_function(bucket_arn(event_body), fn_arn, json.dumps(event_body))

    def match_newlines(converter: RegexConverter, url_map: Any, pattern: str) -> None:  # noqa: ANN401
        original(converter, url_map, f"(?s:{pattern})")

    original = RegexConverter.__init__
    # A dot in moto's patterns of paths does not match a newline, which S3 allows in keys.
    yield RegexConverter, "__init__", match_newlines
    # moto applies a bucket policy without its conditions; the gatekeeper evaluates all of it.
    yield s3_models.FakeBucket, "get_permission", lambda *_: PermissionResult.NEUTRAL
    # moto's events lack half of the fields, and moto checks neither the queue's nor the function's policy.
    yield notifications, "_get_s3_event", s3_event
    yield notifications, "_send_sqs_message", to_queue
    yield notifications, "_invoke_awslambda", to_function
    yield notifications, "unix_time", hooks.clock.now


def _state_machines(hooks: MotoHooks) -> Iterator[tuple[object, str, Any]]:
    clock = hooks.clock
    # Where the interpreter waits.
    yield WaitFunction, "_wait_interval", interpreter.wait_interval(clock)
    yield retrier_decl, "time", interpreter.Sleeper(clock)
    yield Program, "eval", interpreter.scale_program(Program.eval, clock)
    yield (
        ExecutionState,
        "_evaluate_with_timeout",
        interpreter.scale_state(ExecutionState._evaluate_with_timeout),  # noqa: SLF001
    )
    event = partial(interpreter.ScaledEvent, clock)
    yield callback, "Event", event
    yield execute_state, "threading", SimpleNamespace(Event=event)
    yield CallbackEndpoint, "interrupt_all", interpreter.invalidating(CallbackEndpoint.interrupt_all)
    yield CallbackPoolManager, "notify", interpreter.refusing_invalid(CallbackPoolManager.notify)
    yield AmazonStateLanguageParser, "parse", staticmethod(interpreter.parse_once)
    for paths in (json_path, result_path):
        yield paths, "parse", cache(paths.parse)
    shim = interpreter.scaled_datetime(clock)
    for module in interpreter.modules_reading_the_clock():
        yield module, "datetime", shim

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ANN401
        del region
        return hooks.client(service, state_credentials.role_arn)

    # An execution's errors are in its history; they must not fill the terminal as well.
    quiet = logging.getLogger("moto.stepfunctions")
    yield quiet, "propagate", False
    yield quiet, "handlers", [logging.NullHandler()]
    # moto names an execution without a name None, so there could be only one.
    yield StepFunctionsParserBackend, "start_execution", _start_named(StepFunctionsParserBackend.start_execution)
    # The interpreter calls with the key "ak"; on AWS it calls with the state machine's role.
    original = boto_client.boto_client_for
    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is original:
            yield module, "boto_client_for", client_for


def _start_named(original: Callable[..., Any]) -> Callable[..., Any]:
    def start_execution(backend: StepFunctionsParserBackend, arn: str, name: str | None = None, *rest: Any) -> Any:  # noqa: ANN401
        return original(backend, arn, name or str(uuid.uuid4()), *rest)

    return start_execution


def _publish(hooks: MotoHooks) -> Callable[..., None]:
    original = Subscription.publish

    def publish(
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        **options: Any,  # noqa: ANN401 - as moto
    ) -> None:
        if hooks.mail and subscription.protocol == "email":
            hooks.mail(subscription.endpoint, subject or "", message)
            return
        original(subscription, message, message_id, subject=subject, **options)

    return publish


def _send_to_targets(hooks: MotoHooks) -> Callable[..., None]:
    original = Rule.send_to_targets

    def send_to_targets(rule: Rule, original_event: EventMessageType, transform_input: bool = True) -> None:
        # A rule without a pattern is a schedule; moto treats it as one that matches everything.
        ignored = rule.state == "DISABLED" or not rule.event_pattern.get_pattern()
        if ignored or not rule.event_pattern.matches_event(original_event):
            return
        left = [target for target in rule.targets if not hooks.to_target(rule, target, dict(original_event))]
        if left:
            targets, rule.targets = rule.targets, left
            try:
                original(rule, original_event, transform_input)
            finally:
                rule.targets = targets

    return send_to_targets
