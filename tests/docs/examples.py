"""The answers and receipts that pages show: what the deployed template answers in one process, at a fixed time.

Only what is random differs from what a reader sees: the id of a job, and times.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gallop.domain import budget, groups
from gallop.domain.budget import Cap, Parked, Period
from gallop.domain.clients import webhooks
from gallop.domain.doors import Door as DoorName
from gallop.domain.drops import batch as batches
from gallop.domain.drops import group_receipt, receipts
from gallop.domain.drops.batch import BatchProgress, BatchState
from gallop.domain.job import JobState, Result
from gallop.doors.https.openapi import examples as documented

from fake_dashscope.clock import ManualClock
from tests.docs.markdown import json_block
from tests.support import sandbox as sandboxes
from tests.support.clips import clip
from tests.support.drops import Door
from tests.support.http import Client
from tests.support.jobs import START, a_job, a_request
from tests.support.stack import deployed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
API_URL = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
JOB_ID = "job_pllyydunr5cm5plzmmrwbldle4"
MINUTE_SECONDS = 60
PICTURES = ROOT / "tests" / "testbed" / "pictures" / "qipao"
# As the examples beside the answers have them.
FAN = "The woman of [Image 1] opens the fan of [Image 2]."
BROKEN = {"prompt": "[Image 2] jumps", "duration": 20}
EDIT = {"prompt": "The same at night, in the rain.", "dry_run": True}
SHOWN_MODEL = "happyhorse-1.0-i2v"
REFUSED = {"prompt": "[Image 2] smiles", "images": ["https://example.com/cat.jpg"], "duration": 2}


def status() -> str:
    """Return the ``status.json`` of a drop whose video is there."""
    return json_block(_recorded()["status"])


def error() -> str:
    """Return the ``error.json`` of a drop that cannot start."""
    return json_block(_recorded()["error"])


def cancelled() -> str:
    """Return the ``status.json`` of a drop that was cancelled before it started."""
    return json_block(_recorded()["cancelled"])


def created() -> str:
    """Return the answer to a create."""
    return json_block(_recorded()["created"])


def model() -> str:
    """Return a model as ``GET /v1/models/{id}`` shows it."""
    return json_block(_recorded()["model"])


def edit() -> str:
    """Return the answer to the dry run of an edit."""
    return json_block(_recorded()["edit"])


def refused() -> str:
    """Return the answer to a create with two problems."""
    return json_block(_recorded()["refused"])


def usage() -> str:
    """Return the answer to the question what was spent."""
    return json_block(documented.usage())


def parked() -> str:
    """Return the part of a ``status.json`` that explains why a job waits for money."""
    cap = Cap(budget.STACK, Period.DAY, Decimal(10))
    short = budget.shortfall({cap: Decimal("9.8")}, Decimal("0.7"), budget.day_of(START))
    assert short is not None
    until = short.resets_at
    job = a_job(parked=Parked(short.message, until), deadline=until + budget.PATIENCE_SECONDS)
    return json_block({"parked": receipts.status_receipt(job)["parked"]})


def queued() -> str:
    """Return the part of a ``status.json`` that shows the place in the queue."""
    job = a_job(id=JOB_ID)
    before, waiting = (receipts.status_receipt(one) for one in (job, replace(job, position=12, starts_at=START + 280)))
    return json_block({name: value for name, value in waiting.items() if value != before[name]})


def batch_cancelled() -> str:
    """Return the part of a ``batch.json`` that shows what a CANCEL left."""
    batch = batches.batch_of("drop/spring/batch.jsonl", "1", START)
    progress = BatchProgress(
        lines=12,
        valid=12,
        good=12,
        estimated_cost=Decimal("5.04"),
        started=6,
        ended={JobState.SUCCEEDED: 2, JobState.CANCELLED: 3},
        cost=Decimal("0.84"),
        cancelled_at=START + MINUTE_SECONDS,
    )
    receipt = batches.receipt(batch, BatchState.RUNNING, progress, [], None)
    return json_block({name: receipt[name] for name in ("state", "lines", "jobs", "cancel", "cost")})


def group() -> str:
    """Return the ``status.json`` of a drop for two videos, of which one is ready."""
    places = groups.places(groups.group_of(JOB_ID), 2)
    ids = groups.job_ids(places[0].id, 2)
    of_drop = [
        a_job(state, id=job_id, door=DoorName.S3, group=place, request=a_request(seed=6 + place.place))
        for state, job_id, place in zip((JobState.SUCCEEDED, JobState.RUNNING), ids, places, strict=True)
    ]
    video = Result(bucket="results", key="spring-ad/1/video.mp4", version_id="1", size=1, sha256="", content_type="")
    of_drop[0] = replace(of_drop[0], result=video, cost=Decimal("0.7"))
    return json_block(group_receipt.status_receipt(of_drop, "spring-ad"))


def webhook() -> str:
    """Return the body of a webhook, with a part of its ``data``."""
    video = Result(
        bucket="gallop-results-123456789012-eu-central-1",
        key=f"videos/{JOB_ID}/video.mp4",
        version_id="1",
        size=1_953_114,
        sha256="9f86d081...",
        content_type="video/mp4",
    )
    job = a_job(JobState.SUCCEEDED, id=JOB_ID, cost=Decimal("0.7"), ended_at=START, result=video)
    body = json.loads(webhooks.message(job, API_URL).body)
    shown = ("id", "object", "status", "state", "cost", "video")
    return json_block({**body, "data": {name: body["data"][name] for name in shown}})


BLOCKS = {
    "docs/s3-door.md": {
        "status.json": status,
        "error.json": error,
        "cancelled": cancelled,
        "group": group,
        "parked": parked,
        "queued": queued,
        "batch cancelled": batch_cancelled,
    },
    "docs/https-door.md": {
        "created": created,
        "edit": edit,
        "model": model,
        "refused": refused,
        "usage": usage,
        "webhook": webhook,
    },
}


@cache
def _recorded() -> Mapping[str, Any]:
    with deployed(ManualClock(), executing=False) as stack, sandboxes.opened(stack) as sandbox:
        return {**_drops(sandbox), **_requests(sandbox)}


def _drops(sandbox: Sandbox) -> Mapping[str, Any]:
    door = Door(sandbox)
    for name, file in (("1.jpg", "1-woman.jpg"), ("2.jpg", "2-folding-fan.jpg")):
        sandbox.drop(f"drop/spring ad/{name}", (PICTURES / file).read_bytes())
    sandbox.drop("drop/spring ad/prompt.txt", FAN.encode())
    sandbox.drop("drop/broken/1.jpg", (ROOT / "LICENSE").read_bytes())
    sandbox.drop("drop/broken/job.json", json.dumps(BROKEN).encode())
    door.run(MINUTE_SECONDS)
    _finish(sandbox)
    sandbox.drop("drop/never mind/1.jpg", (PICTURES / "1-woman.jpg").read_bytes())
    sandbox.drop("drop/never mind/CANCEL", b"")
    door.run(MINUTE_SECONDS)
    return {
        "status": sandbox.receipt("spring ad/status.json"),
        "error": sandbox.receipt("broken/error.json"),
        "cancelled": sandbox.receipt("never mind/status.json"),
    }


def _finish(sandbox: Sandbox) -> None:
    (job,) = sandbox.jobs()
    sandbox.invoke("StartTaskFunction", {"job_id": job.id})
    sandbox.clock.advance(5 * MINUTE_SECONDS)
    sandbox.invoke("StatusFunction", {"action": "ask", "job_id": job.id})
    for step in ("SaveResultFunction", "FinishFunction"):
        sandbox.invoke(step, {"job_id": job.id})


def _requests(sandbox: Sandbox) -> Mapping[str, Any]:
    client = Client(sandbox)
    request = json.loads((ROOT / "tests" / "testbed" / "pictures" / "request.json").read_text(encoding="utf-8"))
    sandbox.drop("uploads/own.mp4", clip(5))
    return {
        "created": {**client.post(request).json, "id": JOB_ID, "receipts": f"videos/{JOB_ID}"},
        "edit": client.post({**EDIT, "video": f"s3://{sandbox.inbox}/uploads/own.mp4"}).json,
        "model": client.get(f"/v1/models/{SHOWN_MODEL}").json,
        "refused": client.post(REFUSED).json,
    }
