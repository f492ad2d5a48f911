"""``gallop doctor``: each thing that can be wrong with a deployment is set up, seen, and repaired by the remedy."""

from __future__ import annotations

import json
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from gallop.services.doctor import alarms, door, examine, functions
from gallop.services.doctor.deployment import Deployment
from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends

from fake_dashscope import KEY
from tests.functional.cli.test_rights import Rights, rights_of
from tests.support import aws_command, gateway
from tests.support.stack import aws
from tests.testbed.aws import operator_api
from tests.testbed.aws.account import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox

Found = dict[str, Any]
# Subjects of which another check speaks.
_CHECK_OF = {
    **dict.fromkeys(("DashScope", "models", "runtime", "bytecode", "task tokens"), "inside"),
    **dict.fromkeys(("alarm", "receivers"), "alarms"),
    "queue policy": "inbox",
}


@dataclass(frozen=True, slots=True)
class Doctor:
    """The command, on a stack of which only what a test breaks is broken."""

    sandbox: Sandbox
    gallop: Gallop
    url: str

    def findings(self, *words: str) -> list[Found]:
        """Run the command and return what it finds."""
        found: list[Found] = json.loads(self.gallop("doctor", "--json", *words).stdout)
        return found

    def of(self, check: str) -> Found:
        """Make one check only, and return what it finds of a subject."""
        name = _CHECK_OF.get(check, check)
        with patch.object(examine, "CHECKS", {name: examine.CHECKS[name]}):
            (found,) = [one for one in self.findings() if one["check"] == check]
        return found

    def must_fail(self, check: str, *words: str) -> str:
        """Expect a failure that says some words; return its remedy."""
        found = self.of(check)
        assert "failure" == found["level"]
        assert [] == [word for word in words if word not in found["seen"]], found["seen"]
        return str(found["remedy"])

    def must_be_ok(self, check: str) -> None:
        """Expect that all is well again."""
        found = self.of(check)
        assert "ok" == found["level"], found["seen"]


@pytest.fixture
def doctor(sandbox: Sandbox, gallop: Gallop) -> Iterator[Doctor]:
    """Return the command, on a healthy stack whose sweep has just run."""
    sandbox.log_of_sweep()
    with gateway.opened(sandbox) as url:
        yield Doctor(sandbox, gallop, url)


@contextmanager
def refused(operation: str) -> Iterator[None]:
    """Let AWS refuse an operation."""
    call = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001 - where every call passes

    def refusing(client: BaseClient, name: str, given: dict[str, Any]) -> Any:  # noqa: ANN401 - any answer
        if name == operation:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)
        return call(client, name, given)

    with patch.object(BaseClient, "_make_api_call", refusing):
        yield


def store(sandbox: Sandbox, key: str) -> None:
    """Put a key into the stack's secret."""
    aws("secretsmanager").put_secret_value(SecretId=sandbox.stack.resource("DashScopeSecret"), SecretString=key)


def refusal(code: str, status: int = 401) -> httpx.Response:
    """Return an answer of DashScope's."""
    return httpx.Response(status, json={"code": code, "message": "Refused.", "request_id": "r"})


@pytest.fixture
def key_of_before(sandbox: Sandbox) -> Iterator[None]:
    """Store the right key again."""
    yield
    store(sandbox, KEY)


def test_a_healthy_stack_has_no_failure(doctor: Doctor) -> None:
    """One line per check; the exit code is 0, although nobody receives the alarms, which is a warning."""
    result = doctor.gallop.ok("doctor")
    lines = result.stdout.splitlines()
    assert [] == [line for line in lines if line.startswith("failure")]
    assert 15 <= len([line for line in lines if line.startswith("ok ")])
    assert ["receivers"] == [line.split()[1] for line in lines if line.startswith("warning") and "bytecode" not in line]
    assert "0 failures" in result.stderr


def test_the_page_names_its_rights(doctor: Doctor) -> None:
    """With an alarm that reports to a topic, whose subscriptions are read, too."""
    name, topic = doctor.sandbox.stack.resource("JobsNotFinished"), aws("sns").create_topic(Name="alarms")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="me@example.com")
    alarm = cloudwatch_backends[ACCOUNT][REGION].alarms[name]
    rights = Rights()
    with (
        patch.object(examine, "CHECKS", {**examine.CHECKS, "one alarm": _only(alarms.check, name)}),
        patch.object(alarm, "alarm_actions", [topic]),
        rights.recorded(),
    ):
        doctor.gallop.ok("doctor")
    assert rights_of("doctor") == rights.used


def _only(check: Any, alarm: str) -> Any:  # noqa: ANN401 - a check
    """Return a check of a stack with one alarm."""

    def checked(deployment: Deployment) -> Any:  # noqa: ANN401 - findings
        return check(replace(deployment, resources={"It": alarm}, types={"It": "AWS::CloudWatch::Alarm"}))

    return checked


def test_json_is_for_programs(doctor: Doctor) -> None:
    """Standard output has the findings only, once all are there; the lines go to standard error meanwhile."""
    found = doctor.findings()
    assert {"check", "level", "seen", "remedy"} == {name for one in found for name in one}
    assert {"ok", "warning"} == {one["level"] for one in found}
    assert all(one["remedy"] for one in found if one["level"] != "ok")


@pytest.mark.usefixtures("key_of_before")
def test_a_wrong_key_is_seen(doctor: Doctor) -> None:
    """The key is never shown; the remedy stores another, which counts at once."""
    store(doctor.sandbox, "sk-wrong-0123456789")
    result = doctor.gallop("doctor")
    assert 1 == result.exit_code
    assert "sk-wrong" not in result.output
    remedy = doctor.must_fail("DashScope", "refuses the key", "InvalidApiKey")
    aws_command.run(remedy.replace("sk-...", KEY))
    doctor.must_be_ok("DashScope")


@pytest.mark.usefixtures("key_of_before")
@pytest.mark.parametrize(
    ("key", "words"), [("-", "has no key"), (" ", "has no key"), ("sk-sp-0123456789", "Token Plan")], ids=str
)
def test_a_key_that_is_none_is_seen(doctor: Doctor, key: str, words: str) -> None:
    """The hyphen of the parameter's default, and a key of the Token Plan."""
    store(doctor.sandbox, key)
    aws_command.run(doctor.must_fail("DashScope", words).replace("sk-...", KEY))
    doctor.must_be_ok("DashScope")


def test_a_key_of_another_region_is_seen(doctor: Doctor) -> None:
    """The region that accepts it is found, because all hosts are Alibaba's."""
    doctor.sandbox.instead["https://dashscope-intl.aliyuncs.com"] = lambda _: refusal("InvalidApiKey")
    doctor.sandbox.instead["https://dashscope.aliyuncs.com"] = lambda _: httpx.Response(200, json={"data": []})
    remedy = doctor.must_fail("DashScope", "cn-beijing", "ap-southeast-1")
    assert "DashScopeBaseUrl=https://dashscope.aliyuncs.com/api/v1" in remedy


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [("AccessDenied", 403, "knows the key, and refuses"), ("Arrearage", 400, "bill"), ("NotFound", 404, "NotFound")],
)
def test_other_refusals_are_seen(doctor: Doctor, code: str, status: int, words: str) -> None:
    """A right that is missing, a bill, and an address that is not DashScope's."""
    doctor.sandbox.instead["https://dashscope-intl.aliyuncs.com"] = lambda _: refusal(code, status)
    assert doctor.must_fail("DashScope", words)


def test_an_outage_of_dashscope_is_no_failure_of_the_stack(doctor: Doctor) -> None:
    """It is a warning: the next run may find it over."""
    doctor.sandbox.instead["https://dashscope-intl.aliyuncs.com"] = lambda _: refusal("InternalError", 500)
    assert "warning" == doctor.of("DashScope")["level"]


def test_a_host_that_does_not_answer_is_seen(doctor: Doctor) -> None:
    """DashScope cannot be reached at the address."""

    def closed(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    doctor.sandbox.instead["https://dashscope-intl.aliyuncs.com"] = closed
    assert "DashScopeBaseUrl" in doctor.must_fail("DashScope", "Cannot connect")


def test_a_model_that_is_not_on_offer_is_a_warning(doctor: Doctor) -> None:
    """It is named."""

    def without(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("model") == "happyhorse-1.0-video-edit":
            return refusal("ModelNotFound", 404)
        return doctor.sandbox.fake.handle(request)

    doctor.sandbox.instead["https://dashscope-intl.aliyuncs.com"] = without
    found = doctor.of("models")
    assert "warning" == found["level"]
    assert "happyhorse-1.0-video-edit (ModelNotFound)" in found["seen"]


def test_a_notification_that_is_gone_is_seen(doctor: Doctor) -> None:
    """And restored by the command that the remedy prints."""
    aws("s3").put_bucket_notification_configuration(Bucket=doctor.sandbox.inbox, NotificationConfiguration={})
    aws_command.run(doctor.must_fail("inbox", "drops start nothing"))
    doctor.must_be_ok("inbox")


def test_a_queue_that_s3_may_not_use_is_seen(doctor: Doctor) -> None:
    """And opened to it again by the command that the remedy prints."""
    aws("sqs").set_queue_attributes(QueueUrl=doctor.sandbox.stack.resource("DropQueue"), Attributes={"Policy": ""})
    aws_command.run(doctor.must_fail("queue policy", "S3 may not send"))
    doctor.must_be_ok("queue policy")


def test_a_disabled_schedule_is_seen(doctor: Doctor) -> None:
    """And enabled by the command that the remedy prints."""
    aws("events").disable_rule(Name=doctor.sandbox.stack.resource("ReconcileFunctionSweep"))
    aws_command.run(doctor.must_fail("sweep", "disabled"))
    doctor.must_be_ok("sweep")


def test_a_sweep_that_stopped_is_seen(doctor: Doctor) -> None:
    """No sweep went through for minutes. Other lines of its function do not count: this command lets it run, too."""
    doctor.sandbox.clock.advance(240)
    stack, now = doctor.sandbox.stack.deployment.name, int(doctor.sandbox.clock.now() * 1000)
    other = {"_aws": {"Timestamp": now}, "Stack": stack, "JobsFailed": [1.0], "note": "Sweeps"}
    doctor.sandbox.log_of_sweep("START RequestId: 1", "ERROR: Sweeps", json.dumps(other))
    assert "aws logs tail" in doctor.must_fail("sweep", "No sweep went through for 5 minutes")
    doctor.sandbox.log_of_sweep()
    doctor.must_be_ok("sweep")


def test_a_raised_alarm_is_a_failure(doctor: Doctor) -> None:
    """With its description. One that has just been deployed may lack data, and is a warning."""
    alarm = doctor.sandbox.stack.deployment.resources["JobsNotFinished"]
    raised = cloudwatch_backends[ACCOUNT][REGION].alarms[alarm.physical_id]
    aws("cloudwatch").set_alarm_state(AlarmName=alarm.physical_id, StateValue="ALARM", StateReason="test")
    now = datetime.fromtimestamp(doctor.sandbox.clock.now(), UTC)
    try:
        doctor.must_fail("alarm", alarm.physical_id, alarm.properties["AlarmDescription"])
        with patch.object(raised, "configuration_updated_timestamp", now - timedelta(minutes=1)):
            assert "warning" == doctor.of("alarm")["level"]
    finally:
        aws("cloudwatch").set_alarm_state(AlarmName=alarm.physical_id, StateValue="OK", StateReason="test")
    doctor.must_be_ok("alarms")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that all alarms report to, and the subscriptions that it seems to have."""

    arn: str
    subscriptions: list[dict[str, str]]

    def ask(self, service: str, operation: str, **parameters: Any) -> Any:  # noqa: ANN401 - of any operation
        """Answer in place of AWS."""
        if service == "sns":
            assert self.arn == parameters["TopicArn"]
            return {"Subscriptions": self.subscriptions}
        found = getattr(aws(service), operation)(**parameters)
        return {"MetricAlarms": [{**alarm, "AlarmActions": [self.arn]} for alarm in found["MetricAlarms"]]}


def test_alarms_that_nobody_receives_are_seen(doctor: Doctor) -> None:
    """A topic without a subscription, and with one that nobody has confirmed, is a failure."""
    topic = Topic(f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms", [])
    with patch.object(alarms, "ask", topic.ask):
        topic.subscriptions.append({"SubscriptionArn": "Deleted"})
        assert "aws sns subscribe" in doctor.must_fail("receivers", "no subscription")
        topic.subscriptions.append({"SubscriptionArn": "PendingConfirmation"})
        assert "Confirm it" in doctor.must_fail("receivers", "Nobody has confirmed")
        topic.subscriptions.append({"SubscriptionArn": f"{topic.arn}:1"})
        assert doctor.of("receivers")["seen"].endswith("has 1 confirmed subscription.")
        topic.subscriptions.append({"SubscriptionArn": f"{topic.arn}:2"})
        assert doctor.of("receivers")["seen"].endswith("has 2 confirmed subscriptions.")


def test_an_alarm_that_is_gone_is_seen(doctor: Doctor) -> None:
    """Somebody has deleted it, and CloudFormation does not know."""
    kept = cloudwatch_backends[ACCOUNT][REGION].alarms
    with patch.dict(kept):
        del kept[doctor.sandbox.stack.resource("JobsNotFinished")]
        assert "template.yaml" in doctor.must_fail("alarms", "1 of", "JobsNotFinished")
        kept.clear()
        doctor.must_fail("alarms", "deleted")
    doctor.must_be_ok("alarms")


def test_a_role_without_a_right_is_seen(doctor: Doctor) -> None:
    """IAM's simulation names the role and the call."""
    role, policy = (doctor.sandbox.stack.resource(name) for name in ("TakeSlotFunctionRole", "ReleaseSlotsPolicy"))
    aws("iam").detach_role_policy(RoleName=role, PolicyArn=policy)
    try:
        doctor.must_fail("rights", "TakeSlotFunctionRole may not states:SendTaskSuccess on *")
    finally:
        aws("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
    doctor.must_be_ok("rights")


@pytest.mark.parametrize(
    "function", ["Submit", "TakeSlot", "StartTask", "Status", "SaveResult", "Finish", "Reconcile", "Batch", "Videos"]
)
def test_a_role_that_may_not_write_receipts_is_seen(doctor: Doctor, function: str) -> None:
    """Somebody has added a policy that denies it: a job without its last receipt is not finished."""
    role = doctor.sandbox.stack.resource(f"{function}FunctionRole")
    denied = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    aws("iam").put_role_policy(RoleName=role, PolicyName="added", PolicyDocument=document)
    try:
        doctor.must_fail("rights", f"{function}FunctionRole may not s3:PutObject on arn:aws:s3:::")
    finally:
        aws("iam").delete_role_policy(RoleName=role, PolicyName="added")
    doctor.must_be_ok("rights")


@pytest.mark.parametrize(
    ("check", "operation", "right"),
    [
        ("rights", "SimulatePrincipalPolicy", "iam:SimulatePrincipalPolicy"),
        ("inside", "Invoke", "lambda:InvokeFunction"),
        ("draining", "GetItem", "dynamodb:GetItem"),
    ],
)
def test_a_check_that_may_not_be_made_is_a_warning(doctor: Doctor, check: str, operation: str, right: str) -> None:
    """It names the right that is missing, as IAM spells it."""
    with refused(operation):
        found = doctor.of(check)
    assert "warning" == found["level"]
    assert f"the right {right}." in found["seen"]


def test_a_door_that_lets_strangers_in_is_seen(doctor: Doctor) -> None:
    """A route without the authorizer."""
    doctor.sandbox.instead = {f"{doctor.url}/v1/videos": lambda _: httpx.Response(200), **doctor.sandbox.instead}
    assert "sam deploy" in doctor.must_fail("authorizer", "strangers get in")


def test_an_authorizer_that_fails_is_seen(doctor: Doctor) -> None:
    """API Gateway answers 500 in its place."""
    doctor.sandbox.stack.runner.replaced["AuthorizeFunction"] = lambda *_: None
    try:
        remedy = doctor.must_fail("authorizer", "500", "not 401")
    finally:
        doctor.sandbox.stack.runner.replaced.clear()
    assert f"aws logs tail {doctor.sandbox.stack.resource('AuthorizeLogs')}" in remedy
    doctor.must_be_ok("authorizer")


def test_a_closed_description_is_seen(doctor: Doctor) -> None:
    """The parameter says that it is open."""
    doctor.sandbox.instead = {f"{doctor.url}/docs": lambda _: httpx.Response(401), **doctor.sandbox.instead}
    doctor.must_fail("open routes", "GET /docs answers 401, not 200")


def test_a_description_that_is_off_must_be_closed(doctor: Doctor) -> None:
    """Without the parameter there is no function for it, and the address is unknown; the same goes for the page."""
    resources = {"VideosLogs": "logs"}
    off = Deployment("gallop", "CREATE_COMPLETE", {"ApiUrl": doctor.url}, resources, {})
    (found,) = door.check_open_routes(off)
    assert "GET /docs answers 200, not 404" in found.seen
    assert "GET /app answers 200, not 404" in found.seen
    closed = {f"{doctor.url}{path}": lambda _: httpx.Response(404) for path in ("/docs", "/openapi.json", "/app")}
    doctor.sandbox.instead = {**closed, **doctor.sandbox.instead}
    (found,) = door.check_open_routes(off)
    assert "off: /docs, /openapi.json, /app." in found.seen


def test_a_door_that_does_not_answer_is_seen(doctor: Doctor) -> None:
    """Both checks say so."""

    def closed(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    doctor.sandbox.instead = {doctor.url: closed}
    doctor.must_fail("open routes", "did not answer")


@pytest.mark.parametrize(("limit", "level"), [(7, "failure"), (9, "warning"), (10, "ok"), (1000, "ok")])
def test_a_low_limit_of_the_account_is_seen(doctor: Doctor, limit: int, level: str) -> None:
    """The defaults leave room for jobs with ten, as a new account has; the remedy is the command that asks for more."""
    with patch.object(operator_api, "USUAL_CONCURRENCY", limit):
        found = doctor.of("concurrency")
    assert level == found["level"]
    assert "drops may take 4, requests that wait 3" in found["seen"]
    assert ("request-service-quota-increase" in (found["remedy"] or "")) is (level != "ok")


@pytest.mark.parametrize(
    ("held", "limit", "desired", "until_then"),
    [
        (3, 8, 1000, "DropConcurrency=2"),
        (40, 20, 1000, "DropConcurrency=2 MaxHeldRequests=15"),
        (1000, 1000, 1007, "DropConcurrency=2 MaxHeldRequests=995"),
    ],
)
def test_more_is_asked_for_than_there_is(doctor: Doctor, held: int, limit: int, desired: int, until_then: str) -> None:
    """The desired limit is above the present one; until it is there, parameters make the room."""
    variables = {"MAX_HELD_REQUESTS": str(held), "MAX_WAIT_SECONDS": "25"}
    with (
        patch.object(operator_api, "USUAL_CONCURRENCY", limit),
        patch.object(Deployment, "variables", lambda *_: variables),
    ):
        remedy = doctor.of("concurrency")["remedy"]
    assert f"--desired-value {desired}. Until then: " in remedy
    assert remedy.endswith(f"--parameter-overrides {until_then}")


def test_requests_that_cannot_wait_take_no_room(doctor: Doctor) -> None:
    """Waiting is switched off."""
    with (
        patch.object(operator_api, "USUAL_CONCURRENCY", 7),
        patch.object(Deployment, "variables", lambda *_: {"MAX_HELD_REQUESTS": "3", "MAX_WAIT_SECONDS": "0"}),
    ):
        doctor.must_be_ok("concurrency")


def test_a_drained_stack_is_a_warning(doctor: Doctor) -> None:
    """The remedy opens it."""
    doctor.gallop.ok("drain")
    found = doctor.of("draining")
    assert "warning" == found["level"]
    doctor.gallop.ok(*shlex.split(found["remedy"])[1:-2])
    doctor.must_be_ok("draining")


def test_a_queue_that_nobody_reads_is_seen(doctor: Doctor) -> None:
    """The mapping is disabled, and the stack is not drained."""
    mapping = doctor.sandbox.stack.resource("SubmitFunctionDrops")
    aws("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    aws_command.run(doctor.must_fail("draining", "does not read its queue"))
    doctor.must_be_ok("draining")


def test_a_function_on_another_processor_is_seen(doctor: Doctor) -> None:
    """The layers have machine code for one."""
    name = doctor.sandbox.stack.resource("StartTaskFunction")
    function = lambda_backends[ACCOUNT][REGION].get_function(name)
    function.architectures = ["x86_64"]
    doctor.must_fail("functions", "StartTaskFunction is not on arm64")
    function.architectures = ["arm64"]
    with patch.object(functions, "RUNTIME", "python3.14"):
        doctor.must_fail("functions", "StartTaskFunction runs on python3.13, not python3.14")


def test_cors_rules_are_shown(doctor: Doctor) -> None:
    """Those of the template are for the stack's own page; an operator may set others, or none."""
    assert "https://*.execute-api.eu-central-1.amazonaws.com" in doctor.of("uploads")["seen"]
    before = aws("s3").get_bucket_cors(Bucket=doctor.sandbox.inbox)["CORSRules"]
    aws("s3").delete_bucket_cors(Bucket=doctor.sandbox.inbox)
    try:
        assert "web pages cannot" in doctor.of("uploads")["seen"]
    finally:
        aws("s3").put_bucket_cors(Bucket=doctor.sandbox.inbox, CORSConfiguration={"CORSRules": before})


def test_a_stack_that_cannot_be_reached_is_another_exit_code(gallop: Gallop) -> None:
    """Programs can distinguish it from a failure of the stack, and from a wrong option."""
    assert 3 == gallop("doctor", stack="another").exit_code
    assert 2 == gallop("doctor", "--quickly").exit_code


def test_the_sandbox_is_used(sandbox: Sandbox) -> None:
    """Nothing of the checks is left: no key, no job, no task."""
    assert [] == sandbox.jobs()
    assert [] == sandbox.tasks()
