"""The command ``gallop webhooks replay``: the end of a job or of a group is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallop.adapters.table import webhook_endpoints
from gallop.domain import groups
from gallop.domain.clients import webhooks
from gallop.domain.job import JobState

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Gallop
    from tests.support.sandbox import Sandbox


def test_an_end_is_sent_again(sandbox: Sandbox, gallop: Gallop) -> None:
    """To the endpoints that subscribe to it; an execution of its own makes the delivery."""
    endpoint = webhooks.endpoint("ada", "https://hooks.example.com/gallop", (), sandbox.clock.now())
    with sandbox.stack.acting_as("DeliverFunction"):
        webhook_endpoints.put(endpoint)
    places = groups.places(groups.new_group_id(sandbox.clock.now()), 2)
    ids = [groups.job_id(place.id, place.place) for place in places]
    for place, job_id in zip(places, ids, strict=True):
        sandbox.put(JobState.FAILED, id=job_id, group=place)
    for name in (places[0].id, ids[1]):
        event_id = webhooks.event_id(name)
        assert f"{event_id} is being sent to {endpoint.id}." in gallop.ok("webhooks", "replay", event_id).stderr
        assert 1 == len(
            [one for one in sandbox.executions("WebhookWorkflow") if one.startswith(f"{name}-{endpoint.id}-")]
        )
