"""Every model through every door, to the end: one task, its price, and what everybody is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain import models
from gallop.domain.models import Kind
from gallop.domain.prices import Scope

from tests.support.clips import clip
from tests.support.dashscope import Vendor
from tests.support.http import Client
from tests.support.orders import DOORS, SECONDS, order_of
from tests.support.pictures import picture

if TYPE_CHECKING:
    from gallop.domain.job import Job

    from tests.support.promise import Simulation
    from tests.support.website import Website

EVERY_MODEL = pytest.mark.parametrize("model", models.MODELS)
EVERY_SCOPE = pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.name.lower())
# What a request came through does not change its price: two doors stand for all in the other scope.
ROUTES = [*((Scope.INTERNATIONAL, door) for door in DOORS), *((Scope.MAINLAND, door) for door in ("JSON", "folder"))]
HOUR = 3600


def succeeded(gallop: Simulation) -> Job:
    """Let the one job end."""
    gallop.run_for(HOUR)
    (job,) = gallop.jobs()
    assert "succeeded" == job.state.value, job.failure
    return job


def the_task(gallop: Simulation, job: Job) -> dict[str, Any]:
    """Return the one task that DashScope has, which is the job's."""
    (task,) = gallop.tasks()
    assert job.task_id == task["task_id"]
    return task


def assert_paid(gallop: Simulation, job: Job) -> None:
    """Assert that the job costs what DashScope charged, and not more than was reserved; everybody is shown the same."""
    charged = Decimal(str(the_task(gallop, job)["billed_usd"])).quantize(Decimal("0.0001"))
    assert charged == job.cost
    assert job.estimated_cost >= charged
    view = Client(gallop, "operator", is_admin=True).get(f"/v1/videos/{job.id}").json
    prefix = job.result.key.rpartition("/")[0] if job.result else ""
    detail = job.estimate and job.estimate.view()
    assert detail
    for shown in (view, *(gallop.receipt(f"{prefix}/{name}.json") for name in ("video", "status"))):
        assert float(charged) == shown["cost"]
        assert float(job.estimated_cost) == shown["estimated_cost"]
        assert detail == shown["estimated_cost_detail"]
    task = Vendor(gallop, "operator", is_admin=True).query(job.id).json
    assert "SUCCEEDED" == task["output"]["task_status"]
    assert job.usage == task["usage"]


@EVERY_MODEL
@pytest.mark.parametrize(("scope", "door"), ROUTES, ids=lambda one: one.name.lower() if isinstance(one, Scope) else one)
def test_every_model_makes_a_video_through_every_door(
    gallop: Simulation, website: Website, model: str, door: str
) -> None:
    """The same request is the same task, whatever it came through, and costs the same."""
    order = order_of(models.MODELS[model])
    DOORS[door](order, gallop, website)
    job = succeeded(gallop)
    task = the_task(gallop, job)
    expected = [medium.type for medium in order.model.media for _ in order.files.get(medium.name, ())]
    assert expected == [medium["type"] for medium in task["media"]]
    vendors = {one.vendor: order.fields[one.name] for one in order.model.parameters}
    assert vendors == {name: value for name, value in task["parameters"].items() if name in vendors}
    assert order.fields.get("prompt", "") == task["prompt"]
    assert (2 * SECONDS if order.model.kind is Kind.VIDEO_EDIT else 3) == pytest.approx(task["billed_seconds"])
    assert_paid(gallop, job)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(("kind", "type_"), [("r2v", "reference_image"), ("i2v", "first_frame")])
def test_a_lone_image_makes_the_video_that_the_stack_says(
    gallop: Simulation, monkeypatch: pytest.MonkeyPatch, kind: str, type_: str, version: str
) -> None:
    """Of the kind of its parameter ``LoneImage``, in its version, with its default prompt."""
    monkeypatch.setenv("LONE_IMAGE", kind)
    monkeypatch.setenv("MODEL_VERSION", version)
    gallop.drop("drop/cat.jpg", picture())
    job = succeeded(gallop)
    task = the_task(gallop, job)
    assert f"happyhorse-{version}-{kind}" == task["model"]
    assert [type_] == [medium["type"] for medium in task["media"]]
    assert_paid(gallop, job)


@EVERY_SCOPE
@pytest.mark.parametrize("frames", [73, 77, 81, 100, 367])
def test_an_edit_never_costs_more_than_was_reserved(gallop: Simulation, frames: int) -> None:
    """DashScope bills hundredths of a second, rounded; a video may have any number of frames."""
    video = clip(frames / 24, 24)
    for name, content in (("clip.mp4", video), ("prompt.txt", b"At night.")):
        gallop.drop(f"drop/night/{name}", content)
    assert_paid(gallop, succeeded(gallop))
