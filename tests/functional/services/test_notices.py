"""A person is notified by mail when jobs have ended: soon, not too often, and rather twice than never."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from gallop.adapters import topic
from gallop.adapters.table import jobs
from gallop.adapters.table import notices as table
from gallop.domain import groups, notices
from gallop.domain.diagnosis import AwsRefused
from gallop.domain.doors import Door
from gallop.domain.errors import AwsTrouble
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState, Result
from gallop.domain.metrics import Metric
from gallop.services.doctor import alarms
from gallop.services.doctor.deployment import Deployment
from gallop.services.notices import send
from moto.sns.models import sns_backends

from fake_dashscope.clock import ManualClock
from tests.support.stack import Stack, aws, deployed
from tests.testbed.aws.account import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox

ADDRESS = "ada@example.com"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Give a stack that notifies somebody."""
    with deployed(ManualClock(), executing=False, NotifyEmail=ADDRESS) as stack:
        yield stack


@dataclass(frozen=True, slots=True)
class Mail:
    """A message, as SNS sends it."""

    subject: str
    text: str


@dataclass(slots=True)
class Person:
    """What a person is notified of the jobs of a sandbox."""

    sandbox: Sandbox

    @property
    def mails(self) -> list[Mail]:
        """All mails that were sent."""
        sent = sns_backends[ACCOUNT][REGION].topics[self.sandbox.stack.resource("NoticeTopic")].sent_notifications
        return [Mail(str(one[2]), str(one[1])) for one in sent]

    def end(self, state: JobState = JobState.SUCCEEDED, path: str = "spring/dress", **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
        """Let the job of a drop end, and announce its end."""
        job = self.put(state, path, **fields)
        self.announce(job)
        return job

    def put(self, state: JobState, path: str = "spring/dress", **fields: Any) -> Job:  # noqa: ANN401 - as above
        """Record a job that has ended."""
        result = Result(
            bucket="results",
            key=f"{path}/video.mp4",
            version_id="1",
            size=1,
            sha256="0",
            content_type="video/mp4",
        )
        ended = {
            "door": Door.S3,
            "receipts": path,
            "ended_at": self.sandbox.clock.now(),
            "cost": Decimal("0.7"),
        }
        if state is JobState.SUCCEEDED:
            ended["result"] = result
        job = self.sandbox.put(state, **{**ended, **fields})
        with self.sandbox.stack.acting_as("FinishFunction"):
            # Otherwise the sweep repairs it, too.
            jobs.close(job)
        return job

    def announce(self, job: Job) -> None:
        """Announce the end of a job, as the state machine does."""
        self.sandbox.invoke("DeliverFunction", {"action": "announce", "job_id": job.id})

    def sweep(self, after: float = 60) -> None:
        """Let time pass, and the sweep run."""
        self.sandbox.clock.advance(after)
        self.sandbox.invoke("ReconcileFunction", {"action": "sweep"})

    def waiting(self) -> int:
        """Count the notices that wait."""
        with self.sandbox.stack.acting_as("ReconcileFunction"):
            return len(table.oldest(9999))


@pytest.fixture
def person(sandbox: Sandbox) -> Person:
    """Give a stack in which nobody was notified."""
    sns_backends[ACCOUNT][REGION].topics[sandbox.stack.resource("NoticeTopic")].sent_notifications.clear()
    return Person(sandbox)


def test_the_template_subscribes_the_address(sandbox: Sandbox) -> None:
    """To a topic of the stack's own; AWS asks the person to confirm that."""
    found = aws("sns").list_subscriptions_by_topic(TopicArn=sandbox.stack.resource("NoticeTopic"))["Subscriptions"]
    assert [("email", ADDRESS)] == [(one["Protocol"], one["Endpoint"]) for one in found]


def test_a_person_is_notified_at_once_of_a_single_video(person: Person) -> None:
    """Its name, where it is, and what it cost; not its prompt, and no address that opens it for anybody."""
    job = person.end()
    (mail,) = person.mails
    assert "Video ready: spring/dress" == mail.subject
    assert (
        'Your video "spring/dress" is ready.\nVideo: s3://results/spring/dress/video.mp4\nCost: $0.70.\n' in mail.text
    )
    assert f"Job: {job.id}" in mail.text
    assert job.request.prompt not in mail.text
    assert "X-Amz-" not in mail.text
    assert 0 == person.waiting()


def test_a_group_is_one_mail(person: Person) -> None:
    """Once all have ended, whenever the first did; not of those that were cancelled."""
    group_id = groups.new_group_id(person.sandbox.clock.now())
    ends = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
    for place, state in zip(groups.places(group_id, 3), ends, strict=True):
        person.sandbox.clock.advance(notices.MAX_AGE_SECONDS)
        job_id = groups.job_id(group_id, place.place)
        person.end(state, f"spring/dress/{place.place}", id=job_id, group=place)
    assert [] == person.mails
    person.sandbox.invoke("DeliverFunction", {"action": "announce", "job_id": group_id})
    (mail,) = person.mails
    assert "1 video is ready, 1 failed" == mail.subject
    assert 'Your video "spring/dress/1" is ready.' in mail.text
    assert 'Your video "spring/dress/2" could not be made.' in mail.text
    assert "spring/dress/3" not in mail.text


def test_a_failure_has_its_remedy(person: Person) -> None:
    """For the door of the job, with whether it was charged."""
    failure = Failure(
        FailureCode.GENERATION_FAILED, "DashScope failed.", "DataInspectionFailed", "Inappropriate content."
    )
    person.end(JobState.FAILED, failure=failure, cost=None)
    (mail,) = person.mails
    assert "Video failed: spring/dress" == mail.subject
    assert "Reason: Inappropriate content.\nWhat to do: Change the prompt or the images" in mail.text
    assert "drop it again with a change" in mail.text
    assert "You have not been charged." in mail.text


def test_nobody_is_notified_what_was_cancelled(person: Person) -> None:
    """Who cancelled it knows."""
    person.end(JobState.CANCELLED, failure=Failure(FailureCode.CANCELLED, "Cancelled."), cost=None)
    person.sweep()
    assert [] == person.mails


@pytest.mark.parametrize(("of", "sent"), [("drops", 0), ("all", 1)])
def test_jobs_of_the_https_door_are_in_notices_on_request(person: Person, of: str, sent: int) -> None:
    """With their place on the page, which asks for a key."""
    job = person.put(JobState.SUCCEEDED, door=Door.HTTPS)
    with patch.dict(person.sandbox.stack.deployment.functions["DeliverFunction"].environment, {"NOTIFY_OF": of}):
        person.announce(job)
    assert sent == len(person.mails)
    assert all(f"/app#{job.id}" in mail.text for mail in person.mails)


def test_a_prompt_is_sent_on_request(person: Person) -> None:
    """By the parameter NotifyWithPrompt."""
    job = person.put(JobState.SUCCEEDED)
    environment = person.sandbox.stack.deployment.functions["DeliverFunction"].environment
    with patch.dict(environment, {"NOTIFY_WITH_PROMPT": "on"}):
        person.announce(job)
    assert f"Prompt: {job.request.prompt}" in person.mails[0].text


def test_many_endings_are_few_mails(person: Person) -> None:
    """300 in a minute: one at once, and the others in as few as hold them, each within SNS's limits, failures first."""
    states = [JobState.FAILED if number % 10 == 9 else JobState.SUCCEEDED for number in range(300)]
    ended = [person.put(state, f"big/batch/{number:05d}") for number, state in enumerate(states)]
    with person.sandbox.stack.acting_as("DeliverFunction"):
        for job in ended:
            table.add(table.Waiting(job.id, "", person.sandbox.clock.now()))
    for _ in range(10):
        person.sweep()
    assert [150, 150] == [mail.text.count("Job: ") for mail in person.mails]
    assert all(len(mail.text.encode()) < notices.MAX_BYTES for mail in person.mails)
    failed = [mail.text.count("could not be made") for mail in person.mails]
    assert 30 == sum(failed)
    expected = [f"{150 - count} videos are ready, {count} failed" for count in failed]
    assert expected == [mail.subject for mail in person.mails]
    last_failures = [mail.text.rindex("could not be made") for mail in person.mails]
    assert all(mail.text.index("is ready.") > last for mail, last in zip(person.mails, last_failures, strict=True))


def test_a_long_batch_does_not_send_a_mail_per_line(person: Person) -> None:
    """An ending each minute, for four hours: the time between mails grows to an hour, and nothing is left out."""
    for minute in range(300):
        if minute < 240:
            person.end(path=f"big/batch/{minute:05d}")
        person.sandbox.clock.advance(60)
        with person.sandbox.stack.acting_as("ReconcileFunction"):
            # What the sweep does for notices.
            send()
    assert 240 == sum(mail.text.count("Job: ") for mail in person.mails)
    assert 10 >= len(person.mails)


def test_after_a_quiet_time_a_mail_is_sent_at_once_again(person: Person) -> None:
    """The gap is for endings that keep coming."""
    person.end()
    person.sweep(notices.MAX_GAP_SECONDS * 2)
    person.end(path="summer/hat")
    assert "Video ready: summer/hat" == person.mails[-1].subject


class Killed(BaseException):
    """The function dies."""


@pytest.mark.parametrize("place", ["add", "take_turn", "publish", "remove"])
def test_a_crash_loses_no_notice(person: Person, place: str) -> None:
    """The state machine repeats the announcement, or the sweep sends the mail after the turn of the dead has ended.

    Only a crash after the mail was sent repeats it.
    """
    job = person.put(JobState.SUCCEEDED)
    real = topic.publish if place == "publish" else getattr(table, place)

    def die(*arguments: Any) -> None:  # noqa: ANN401 - of the function that dies
        if place == "take_turn":
            real(*arguments)
        raise Killed

    with patch.object(topic if place == "publish" else table, place, die), pytest.raises(Killed):
        person.announce(job)
    person.announce(job)
    for _ in range(4):
        person.sweep()
    assert (2 if place == "remove" else 1) == len(person.mails)
    assert 0 == person.waiting()


def test_a_repeated_announcement_that_did_not_crash_sends_one_mail(person: Person) -> None:
    """While the notice waits for its mail, it waits once."""
    person.end(path="first")
    job = person.end()
    person.announce(job)
    for _ in range(10):
        person.sweep()
    assert ["Video ready: first", "Video ready: spring/dress"] == [mail.subject for mail in person.mails]


def test_a_topic_that_fails_fails_no_job_and_is_seen(person: Person) -> None:
    """The announcement succeeds, the sweep tries again each time, and a metric counts; the mail comes in the end."""
    with patch.object(topic, "publish", side_effect=AwsTrouble("NotFound: the topic was deleted")) as publish:
        person.end()
        for _ in range(6):
            person.sweep()
    assert [] == person.mails
    assert 3 <= publish.call_count <= 4
    assert publish.call_count == sum(person.sandbox.metric(Metric.NOTICES_FAILED))
    for _ in range(4):
        person.sweep()
    assert 1 == len(person.mails)


def test_a_topic_that_fails_for_a_day_is_given_up(person: Person) -> None:
    """What waited longer is dropped, so that nothing grows."""
    with patch.object(topic, "publish", side_effect=AwsTrouble("gone")):
        person.end()
    person.sweep(notices.MAX_AGE_SECONDS + 1)
    person.sweep()
    assert [] == person.mails
    assert 0 == person.waiting()


def test_a_deleted_topic_fails_no_job(person: Person) -> None:
    """As AWS answers."""
    with patch.dict(sns_backends[ACCOUNT][REGION].topics):
        del sns_backends[ACCOUNT][REGION].topics[person.sandbox.stack.resource("NoticeTopic")]
        person.end()
        assert 1 == person.waiting()


def test_a_deleted_job_is_in_no_mail(person: Person) -> None:
    """What its owner deleted is gone, and other notices are sent."""
    person.end(path="first")
    job = person.end()
    key = {"pk": {"S": f"JOB#{job.id}"}, "sk": {"S": "JOB"}}
    person.sandbox.dynamodb.delete_item(TableName=person.sandbox.table, Key=key)
    for _ in range(10):
        person.sweep()
    assert 1 == len(person.mails)
    assert 0 == person.waiting()


@pytest.mark.parametrize(
    "path", ["fr\u00fchling/\U0001f457\u200d kleid", "\u202egpj.exe", "a\nBcc: x@y.z", "\u6625\u5929", "x" * 900]
)
def test_any_name_can_be_sent(person: Person, path: str) -> None:
    """SNS takes ASCII only in a subject, and nothing in a name changes how the mail is read."""
    person.end(path=path)
    (mail,) = person.mails
    assert mail.subject.isascii()
    assert mail.subject.isprintable()
    assert len(mail.subject) < 100
    assert "\u202e" not in mail.text
    assert [] == [line for line in mail.text.splitlines() if line.startswith("Bcc")]


def test_a_stack_without_notices_writes_nothing(person: Person) -> None:
    """And asks nothing: no notice costs no call."""
    functions = person.sandbox.stack.deployment.functions
    silent = {"NOTICE_TOPIC_ARN": ""}
    with (
        patch.dict(functions["DeliverFunction"].environment, silent),
        patch.dict(functions["ReconcileFunction"].environment, silent),
        patch.object(table, "oldest", side_effect=AssertionError),
    ):
        person.end()
        person.sweep()
    assert 0 == person.waiting()


def test_the_doctor_sees_a_subscription_that_nobody_confirmed(person: Person) -> None:
    """And a topic that is gone; a stack without notices has no finding."""
    stack = person.sandbox.stack
    deployment = Deployment(
        "gallop", "", {}, {"DeliverFunction": stack.deployment.functions["DeliverFunction"].name}, {}
    )
    pending = {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]}
    environment = {"NOTICE_TOPIC_ARN": stack.resource("NoticeTopic")}
    with patch.object(Deployment, "variables", lambda *_: environment), patch.object(alarms, "ask") as ask:
        ask.return_value = pending
        (found,) = alarms.check_notices(deployment)
        assert ("failure", "notices") == (found.level, found.check)
        assert "Confirm it" in found.remedy
        ask.side_effect = AwsRefused("NotFound", "NotFound")
        (gone,) = alarms.check_notices(deployment)
        assert "NotifyEmail" in gone.remedy
        environment.clear()
        assert [] == [*alarms.check_notices(deployment)]
