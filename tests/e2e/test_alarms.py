"""Alarms of a deployed stack: real queues, executions, permissions and throttles raise them; a topic gets them."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tests.e2e.caller import Caller
from tests.e2e.examples import Example, run
from tests.support.pictures import data_uri, picture
from tests.support.waiting import eventually
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = {"prompt": "She waves.", "images": [data_uri(picture())], "duration": 3}
EMAIL = "operator@example.com"
MINUTE = 60
SPEED = 20.0
PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
SETUP = PAGE.partition("```sh\n")[2].partition("```\n")[0]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1:]


@dataclass(slots=True)
class Operator:
    """The person who gets the stack's alarms."""

    testbed: Testbed
    inbox: str = field(init=False)

    def __post_init__(self) -> None:
        """Subscribe a queue beside the email address."""
        sqs, sns = self.testbed.client("sqs"), self.testbed.client("sns")
        self.inbox = sqs.create_queue(QueueName="operator")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = self.testbed.aws.deployment.resources["AlarmTopic"].physical_id
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def messages(self) -> list[tuple[str, str]]:
        """Take all new messages: each alarm, by its logical ID, and its new state."""
        sqs, taken = self.testbed.client("sqs"), []
        while found := sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                content = json.loads(json.loads(message["Body"])["Message"])
                taken.append((self.logical_id(content["AlarmName"]), content["NewStateValue"]))
                sqs.delete_message(QueueUrl=self.inbox, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def logical_id(self, name: str) -> str:
        """Return the logical ID of an alarm."""
        alarms = self.testbed.aws.deployment.of_type("AWS::CloudWatch::Alarm")
        (found,) = [alarm.logical_id for alarm in alarms if alarm.physical_id == name]
        return found

    def heard(self, *alarms: str, minutes: int) -> None:
        """Expect that these alarms and no others go off and end within simulated minutes."""
        seen: list[tuple[str, str]] = []
        for _ in range(minutes):
            self.testbed.clock.sleep(MINUTE)
            seen += self.messages()
            if set(seen) == {(alarm, state) for alarm in alarms for state in ("ALARM", "OK")}:
                return
        raise AssertionError(f"heard {seen}")


@pytest.fixture(scope="module")
def subjects() -> list[str]:
    """Return the subjects of the mails to the operator's address."""
    return []


@pytest.fixture(scope="module")
def testbed(subjects: list[str]) -> Iterator[Testbed]:
    """Run the template with an operator's address."""
    addresses = {"AlarmEmail": EMAIL, "NotifyEmail": EMAIL}

    def mail(address: str, subject: str, text: str) -> None:
        assert (EMAIL, True) == (address, bool(text))
        subjects.append(subject)

    with Testbed(speed=SPEED, is_jumping=True, parameters=addresses, mail=mail) as running:
        yield running


@pytest.fixture(scope="module")
def caller(testbed: Testbed) -> Iterator[Caller]:
    """Return a caller of both of its doors."""
    with Caller(testbed) as position:
        yield position


@pytest.fixture(scope="module")
def operator(testbed: Testbed) -> Operator:
    """Return who gets the alarms; before, every alarm has been evaluated."""
    made = Operator(testbed)
    testbed.clock.sleep(10 * MINUTE)
    made.messages()
    return made


@contextmanager
def without_rights(testbed: Testbed, function: str) -> Iterator[None]:
    """Take the rights to the table from a function, as a wrong update does."""
    role = role_of(testbed, function)
    deny(testbed, role, "dynamodb:*", "broken")
    try:
        yield
    finally:
        testbed.client("iam").delete_role_policy(RoleName=role, PolicyName="broken")


def role_of(testbed: Testbed, function: str) -> str:
    """Return the name of a function's role."""
    return testbed.aws.deployment.functions[function].role_arn.rpartition("/")[2]


def deny(testbed: Testbed, role: str, action: str, policy: str) -> None:
    """Add a policy to a role."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
    testbed.client("iam").put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def executions(testbed: Testbed, machine: str) -> list[str]:
    """Return the ARNs of the executions of a state machine that run."""
    arn = testbed.aws.deployment.resources[machine].physical_id
    found = testbed.client("stepfunctions").list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    return [execution["executionArn"] for execution in found]


def stop(testbed: Testbed, machine: str) -> None:
    """Stop an execution as soon as there is one."""
    (arn,) = eventually(lambda: executions(testbed, machine))
    testbed.client("stepfunctions").stop_execution(executionArn=arn)


def shell(commands: str, testbed: Testbed, folder: Path) -> str:
    """Run commands in a shell that has none of the page's variables; return what they show."""
    return run(Example("sh", f"unset RESULTS\n{commands}", None), testbed, folder)


def test_every_alarm_is_known_and_quiet(testbed: Testbed, operator: Operator) -> None:
    """And the operator's address is subscribed to the topic, which AWS asks to confirm."""
    found: list[dict[str, Any]] = testbed.client("cloudwatch").describe_alarms(MaxRecords=100)["MetricAlarms"]
    assert {"OK"} == {alarm["StateValue"] for alarm in found}
    assert {1} == {len(alarm["AlarmActions"]) for alarm in found}
    subscribed = [one["Endpoint"] for one in testbed.client("sns").list_subscriptions()["Subscriptions"]]
    assert EMAIL in subscribed
    assert [] == operator.messages()


def test_a_job_raises_none(testbed: Testbed, caller: Caller, operator: Operator) -> None:
    """And its metrics are there."""
    assert "succeeded" == caller.wait_for_job(caller.create(BODY).json()["id"])["state"]
    testbed.clock.sleep(5 * MINUTE)
    assert [] == operator.messages()
    known = {metric.name for metric in testbed.aws.cloudwatch.metrics.known() if metric.namespace == "Gallop"}
    assert {"JobsAccepted", "JobsSucceeded", "Cost", "QueueSeconds", "TaskSeconds", "Sweeps", "SlotsHeld"} <= known


def test_a_sweep_without_rights(testbed: Testbed, operator: Operator) -> None:
    """It is missing after five minutes, and back after one."""
    with without_rights(testbed, "ReconcileFunction"):
        testbed.clock.sleep(7 * MINUTE)
    operator.heard("SweepMissing", minutes=10)


def test_a_door_without_rights(testbed: Testbed, caller: Caller, operator: Operator, tmp_path: Path) -> None:
    """Clients get 5xx, and the page's first command shows why."""
    with without_rights(testbed, "SubmitFunction"):
        statuses = [caller.create({**BODY, "seed": number}).status_code for number in range(3)]
    assert {5} == {status // 100 for status in statuses}
    assert "upstream unavailable" in shell(f"{SETUP}errors Submit", testbed, tmp_path)
    operator.heard("DoorFailing", minutes=20)


def test_a_stopped_job(testbed: Testbed, caller: Caller, operator: Operator) -> None:
    """The sweep continues it or ends it."""
    job_id = caller.create({**BODY, "seed": 20}).json()["id"]
    stop(testbed, "Workflow")
    caller.wait_for_job(job_id)
    operator.heard("JobsNotFinished", minutes=20)


def test_a_stopped_batch(testbed: Testbed, caller: Caller, operator: Operator) -> None:
    """Its lines are stopped as well; their jobs are not."""
    line = json.dumps({"prompt": "She waves.", "images": ["1.jpg"], "duration": 3})
    caller.drop({"many/1.jpg": picture(), "many/batch.jsonl": line.encode()})
    eventually(lambda: executions(testbed, "Workflow"))
    stop(testbed, "BatchWorkflow")
    eventually(lambda: not executions(testbed, "Workflow"))
    operator.heard("BatchesNotFinished", "LinesNotFinished", minutes=20)


def test_a_dead_letter(testbed: Testbed, operator: Operator) -> None:
    """It is seen until the operator has removed it."""
    sqs = testbed.client("sqs")
    url = testbed.aws.deployment.resources["DropDeadLetterQueue"].physical_id
    sqs.send_message(QueueUrl=url, MessageBody="what is this")
    testbed.clock.sleep(3 * MINUTE)
    sqs.purge_queue(QueueUrl=url)
    operator.heard("DropsInDeadLetterQueue", minutes=20)


def test_a_notification_that_cannot_be_made(testbed: Testbed, operator: Operator) -> None:
    """Its execution fails; one whose receiver is down does not."""
    machine = testbed.aws.deployment.resources["WebhookWorkflow"].physical_id
    testbed.client("stepfunctions").start_execution(stateMachineArn=machine, input="{}")
    operator.heard("NotificationsFailed", minutes=60)


def test_a_topic_of_notices_that_is_gone(
    testbed: Testbed, caller: Caller, operator: Operator, subjects: list[str]
) -> None:
    """Mails about ended jobs are tried again; they are sent once the topic is back."""
    sns, arn = testbed.client("sns"), testbed.aws.deployment.resources["NoticeTopic"].physical_id
    sns.delete_topic(TopicArn=arn)
    caller.drop({"lost/1.jpg": picture(), "lost/prompt.txt": b"She waves."})
    testbed.clock.sleep(16 * MINUTE)
    sns.create_topic(Name=arn.rpartition(":")[2])
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=EMAIL)
    operator.heard("NoticesFailed", minutes=60)
    assert 1 == subjects.count("Video ready: lost")
    assert [] != [subject for subject in subjects if subject.startswith("ALARM: ")]


def test_an_account_without_a_free_place(testbed: Testbed, operator: Operator) -> None:
    """Lambda refuses to run the functions; what it refuses is retried."""
    with patch.object(testbed.aws.runtime._account, "limit", 0):  # noqa: SLF001 - the account's, and not the stack's
        testbed.clock.sleep(4 * MINUTE)
    operator.heard("FunctionsThrottled", minutes=20)


def test_a_wrong_key(testbed: Testbed, caller: Caller, operator: Operator) -> None:
    """Refused jobs fail one by one; with a right key the next one succeeds."""
    secrets, key = testbed.client("secretsmanager"), testbed.coordinates.dashscope_api_key
    secret = testbed.aws.deployment.resources["DashScopeSecret"].physical_id
    secrets.put_secret_value(SecretId=secret, SecretString="sk-of-another-region")
    testbed.clock.sleep(6 * MINUTE)
    made = [caller.create({**BODY, "seed": 40 + number}).json()["id"] for number in range(4)]
    assert {"failed"} == {caller.wait_for_job(job_id)["state"] for job_id in made}
    testbed.clock.sleep(2 * MINUTE)
    secrets.put_secret_value(SecretId=secret, SecretString=key)
    testbed.clock.sleep(6 * MINUTE)
    assert "succeeded" == caller.wait_for_job(caller.create({**BODY, "seed": 50}).json()["id"])["state"]
    operator.heard("JobsRefused", minutes=60)


@dataclass(frozen=True, slots=True)
class Replaced:
    """A job whose video was replaced by something else."""

    job_id: str
    file: str
    video: bytes


@pytest.fixture(scope="module")
def replaced(testbed: Testbed, caller: Caller) -> Replaced:
    """Replace the video of a job."""
    job_id = caller.create({**BODY, "seed": 30}).json()["id"]
    caller.wait_for_job(job_id)
    file = f"videos/{job_id}/video.mp4"
    video = content(testbed, file)
    testbed.client("s3").put_object(Bucket=testbed.coordinates.results_bucket, Key=file, Body=b"something else")
    return Replaced(job_id, file, video)


def content(testbed: Testbed, file: str) -> bytes:
    """Read a file of the results bucket."""
    found = testbed.client("s3").get_object(Bucket=testbed.coordinates.results_bucket, Key=file)
    return bytes(found["Body"].read())


@pytest.fixture(scope="module")
def variables(testbed: Testbed, replaced: Replaced, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Set the variables that the page asks its reader to set, in a shell; the version is chosen from its listing."""
    known = f"export JOB={replaced.job_id} FILE={replaced.file} NEW_KEY={testbed.coordinates.dashscope_api_key}\n"
    role = role_of(testbed, "FinishFunction")
    attached = testbed.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    known += f"export ROLE={role} POLICY=added ARN={attached[-1]['PolicyArn']}\n"
    (listing,) = [block for block in BLOCKS if "list-object-versions" in block]
    shown = shell(known + SETUP + listing, testbed, tmp_path_factory.mktemp("listing"))
    (before,) = [line.split() for line in shown.splitlines() if str(len(replaced.video)) in line.split()]
    return f"{known}export VERSION={before[1]}\n"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_the_commands_of_the_page_run(block: str, variables: str, testbed: Testbed, tmp_path: Path) -> None:
    """Unchanged, after the page's own preparation, with the page's variables."""
    if "$POLICY" in block:
        deny(testbed, role_of(testbed, "FinishFunction"), "s3:PutObject", "added")
    shell(variables + SETUP + block, testbed, tmp_path)


def test_the_added_policy_is_found_and_gone(variables: str, testbed: Testbed, tmp_path: Path) -> None:
    """The page's commands list the policies of a role, and delete one."""
    listing, _, deleting = (block for block in BLOCKS if "$ROLE" in block)
    deny(testbed, role_of(testbed, "FinishFunction"), "s3:PutObject", "added")
    assert "added" in shell(variables + SETUP + listing, testbed, tmp_path).split()
    shell(variables + SETUP + deleting, testbed, tmp_path)
    assert "added" not in shell(variables + SETUP + listing, testbed, tmp_path).split()


def test_the_replaced_file_is_back(testbed: Testbed, replaced: Replaced) -> None:
    """The page's commands have copied the version from before."""
    assert replaced.video == content(testbed, replaced.file)


@pytest.mark.parametrize(("job", "is_there"), [("$JOB", True), ("job_unknown", False)], ids=["there", "failed"])
def test_a_record_is_not_missing_only_if_it_is_there(
    job: str, is_there: bool, variables: str, testbed: Testbed, tmp_path: Path
) -> None:
    """What fails for another reason is shown as it is."""
    copied, deleted = (block for block in BLOCKS if "-restored" in block)
    shown = shell(f"{variables}{SETUP}set +e; JOB={job}\n{copied}{deleted}", testbed, tmp_path)
    assert is_there is ("it is not missing" in shown)
    assert is_there is ("rror" not in shown)


def test_after_the_commands_of_the_page_jobs_run(caller: Caller) -> None:
    """The stack is not drained, and has a key that works."""
    assert "succeeded" == caller.wait_for_job(caller.create({**BODY, "seed": 31}).json()["id"])["state"]
