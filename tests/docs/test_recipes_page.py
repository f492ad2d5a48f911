"""The recipes for chats: the template is one that AWS takes, and what its rules send is what the chats read."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cfnlint
import httpx
import pytest
import yaml
from cfnlint.decode.cfn_yaml import loads
from gallop.domain.clients import webhooks
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, JobState, Result
from moto.events.models import EventPattern
from moto.events.utils import EventTemplateParser

from tests.support.chats import chat, slack_answer, teams_answer
from tests.support.jobs import a_job

if TYPE_CHECKING:
    from gallop.domain.job import Job

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
VIDEO = Result(
    bucket="results",
    key="spring/dress/video.mp4",
    version_id="1",
    size=1,
    sha256="0",
    content_type="video/mp4",
)
READY = a_job(JobState.SUCCEEDED, receipts="spring/dress", ended_at=1_780_000_000.0, result=VIDEO, cost=Decimal("0.7"))
FAILED = a_job(
    JobState.FAILED,
    receipts="spring/dress",
    ended_at=1_780_000_000.0,
    failure=Failure(FailureCode.GENERATION_FAILED, 'DashScope said "no".'),
)


def recipe(name: str) -> str:
    """Return the block of a recipe."""
    (found,) = re.findall(rf"<!-- recipe: {name} -->\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def rules() -> dict[str, dict[str, Any]]:
    """Return the rules of the template."""
    resources = loads(recipe("slack"))["Resources"]
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::Events::Rule"}


def event_of(job: Job) -> dict[str, Any]:
    """Return the event of a job's end, as EventBridge gets it."""
    kind = webhooks.event_of(job.state)
    detail = json.loads(json.dumps(webhooks.end_of(job, "https://api.example.com"), default=str))
    return {"source": "gallop", "detail-type": kind.value, "detail": detail, "ingestion-time": "now"}


def sent(job: Job, templates: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return what the one rule that matches the end of a job sends."""
    event = event_of(job)
    (name,) = [
        name
        for name, rule in rules().items()
        if EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(event)  # type: ignore[arg-type]
    ]
    transformer = rules()[name]["Targets"][0]["InputTransformer"]
    template = templates.get(name, transformer["InputTemplate"])
    return EventTemplateParser.parse(template, transformer["InputPathsMap"], event)  # type: ignore[arg-type]


def test_aws_takes_the_template(tmp_path: Path) -> None:
    """By the rules of cfn-lint, as the stack's own."""
    file = tmp_path / "chat.yaml"
    file.write_text(recipe("slack"), encoding="utf-8")
    found = cfnlint.api.lint_file(file)
    assert [] == [str(match) for match in found]


TEAMS = {"Ready": recipe("teams, ready"), "Failed": recipe("teams, failed")}


@pytest.mark.parametrize(
    ("job", "shown"),
    [
        (READY, "Video ready: spring/dress\ns3://results/spring/dress/video.mp4\nCost: $0.7"),
        (FAILED, f"Video failed: spring/dress\ngeneration_failed, see spring/dress/error.json\n{FAILED.id}"),
    ],
    ids=["ready", "failed"],
)
def test_slack_shows_a_message(job: Job, shown: str) -> None:
    """It refuses what has no text."""
    with chat(slack_answer) as slack:
        answer = httpx.post(slack.url, json=sent(job, {}))
        assert (200, "ok") == (answer.status_code, answer.text)
        assert [shown] == slack.shown
        assert 400 == httpx.post(slack.url, json={"type": "video.completed"}).status_code


@pytest.mark.parametrize("job", [READY, FAILED], ids=["ready", "failed"])
def test_teams_shows_a_card(job: Job) -> None:
    """It takes no other message than one with an Adaptive Card."""
    with chat(teams_answer) as teams:
        assert 202 == httpx.post(teams.url, json=sent(job, TEAMS)).status_code
        (card,) = teams.shown
        assert "spring/dress" in card
        assert "<" not in card
        assert 400 == httpx.post(teams.url, json=sent(job, {})).status_code


def test_no_template_is_left_with_a_placeholder() -> None:
    """The names in the templates are those of the paths."""
    for name, rule in rules().items():
        transformer = rule["Targets"][0]["InputTransformer"]
        for template in (transformer["InputTemplate"], TEAMS[name]):
            assert set(transformer["InputPathsMap"]) == set(re.findall(r"<(\w+)>", template))
    assert yaml.safe_load(TEAMS["Ready"])
