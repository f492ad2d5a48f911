"""What the manifest of a signed copy claims: that a model made the video, and the hashes of Gallop's record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import __version__
from gallop.domain import provenance
from gallop.domain.frozen import frozen
from gallop.domain.request.idempotency import fingerprint_of

if TYPE_CHECKING:
    from gallop.domain.job import Job

RECORD = "gallop.record"
"""The label of the assertion with the hashes of the record."""
_PARENT = "parent"


@frozen
class Manifest:
    """What a manifest claims: its definition, and the video as its parent, if that has a manifest of its own."""

    definition: dict[str, Any]
    parent: dict[str, Any] | None = None


def manifest_of(job: Job) -> Manifest:
    """Return what the signed copy of a job's video claims: no prompt, and no name of a client or a drop.

    A video that its vendor has signed is opened, so that its manifest stays; any other one is created.
    """
    agent = f"Gallop with {job.request.model}"
    record = {"label": RECORD, "created": True, "data": _record(job)}
    if job.marks is None or job.marks.c2pa is not False:
        parent = {"title": f"{job.task_id}.mp4", "relationship": "parentOf", "label": _PARENT}
        action = {**_action("c2pa.opened", agent), "parameters": {"ingredientIds": [_PARENT]}}
        return Manifest(_definition(f"{job.id}.mp4", action, record), parent)
    return Manifest(_definition(f"{job.id}.mp4", _action("c2pa.created", agent), record))


def trial() -> Manifest:
    """Return a manifest for a file that nobody keeps."""
    return Manifest(_definition("trial.mp4", _action("c2pa.created", "Gallop")))


def _definition(title: str, action: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    actions = {"label": "c2pa.actions.v2", "created": True, "data": {"actions": [action]}}
    return {
        "claim_generator_info": [{"name": "Gallop", "version": __version__}],
        "title": title,
        "assertions": [actions, *more],
    }


def _action(name: str, agent: str) -> dict[str, Any]:
    return {
        "action": name,
        "softwareAgent": {"name": agent, "version": __version__},
        "digitalSourceType": provenance.SOURCE_TYPE,
    }


def _record(job: Job) -> dict[str, Any]:
    known = provenance.view(job) or {}
    shared = ("generator", "model", "task_id", "generated_at", "video_sha256")
    return {"job": job.id, "request_sha256": fingerprint_of(job.request), **{name: known.get(name) for name in shared}}
