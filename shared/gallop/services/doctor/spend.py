"""One real video, the shortest and cheapest there is, made through the HTTPS door and checked to the last byte.

A run that was interrupted and starts again on the same day (UTC) gets the same job: its Idempotency-Key is made of the
stack's name and the day. It makes another only if that job ended and certainly cost nothing, or was deleted.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, BinaryIO

from gallop import clock
from gallop.adapters import own_door
from gallop.adapters.operator_calls import ask, needing
from gallop.adapters.table import jobs
from gallop.domain import failures, models, prices
from gallop.domain.diagnosis import AwsRefused, RightMissing, failure, ok, warning
from gallop.domain.errors import CallFailed
from gallop.domain.frozen import frozen
from gallop.domain.job import JobState
from gallop.domain.media_rules import VideoRules
from gallop.domain.models import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gallop.domain.diagnosis import Finding
    from gallop.services.doctor.deployment import Deployment

    Say = Callable[[str], None]
    View = Mapping[str, Any]

CLIENT, SECONDS = "doctor", 3
PROMPT = "A paper boat drifts across a calm pond, seen from the side."
KEY_SECONDS = 3600
POLL_SECONDS = 3
# DashScope needs one to fifteen minutes, if nothing waits before this job.
PATIENCE_SECONDS = 1800
# The last receipts are written when the thumbnail has been made.
RECEIPT_SECONDS = 180
_CREATED, _FOUND, _CONFLICT = 202, 302, 409
_WITHOUT_VIDEO = (JobState.FAILED, JobState.CANCELLED)
_ENDS = (JobState.SUCCEEDED, *_WITHOUT_VIDEO)
_DELETE = "gallop jobs delete {id} --stack {stack}"
_ANY = VideoRules(
    min_seconds=0, max_seconds=60, short_side=1, long_side=8192, max_aspect=10, max_bytes=2**30, above_fps=0
)
# A video ends with its last frame, not between two.
_TOLERANCE_SECONDS = 0.2


@frozen
class Offer:
    """What is made, and its list price in USD."""

    model: str
    resolution: str
    cost: Decimal


def cheapest(base_url: str) -> Offer:
    """Return the cheapest video that needs no media, at a DashScope address."""
    scope = prices.scope_of(base_url)
    offers = (
        Offer(model.id, resolution, prices.rounded(model.price(resolution, scope) * SECONDS))
        for model in models.MODELS.values()
        if model.kind is Kind.T2V
        for resolution in model.choices("resolution")
    )
    return min(offers, key=lambda offer: offer.cost)


def make(deployment: Deployment, offer: Offer, key: str, say: Say) -> Iterator[Finding]:
    """Make the video and check everything about it; say how far it is.

    Raises:
        CallFailed: The door did not answer; the next run continues.

    """
    url = f"{deployment.outputs['ApiUrl']}/v1/videos"
    created = _create(
        url, offer, key, f"gallop-doctor-{deployment.name}-{datetime.fromtimestamp(clock.now(), UTC):%Y%m%d}"
    )
    if created.status != _CREATED:
        yield failure(
            "job", f"POST /v1/videos answered {created.status}: {_problem(created.body)}", _remedy(created.body)
        )
        return
    job_id = str(created.body["id"])
    say(f"{job_id}: {offer.model}, {offer.resolution}, {SECONDS} s, ${offer.cost}")
    view = _ended(f"{url}/{job_id}", key, say)
    if view["state"] != JobState.SUCCEEDED:
        yield _not_made(view, deployment.name)
        return
    yield ok("job", f"{job_id} succeeded.")
    yield _cost(view, offer)
    yield _video(f"{url}/{job_id}/content", key, view["video"])
    yield _receipt(deployment, job_id, view["video"])
    yield _deleted(f"{url}/{job_id}", key, deployment.name, job_id)


def _create(url: str, offer: Offer, key: str, name: str) -> own_door.Reply:
    body = {"model": offer.model, "prompt": PROMPT, "resolution": offer.resolution, "duration": SECONDS}
    for number in count(1):
        reply = own_door.call("POST", url, key, body, {"Idempotency-Key": f"{name}-{number}"})
        is_deleted = reply.status == _CONFLICT and reply.body.get("code") == "job_deleted"
        is_old = reply.headers.get("idempotent-replay") == "true" and reply.body.get("state") in _WITHOUT_VIDEO
        if not (is_deleted or (is_old and _charge(reply.body) == 0)):
            break
    return reply


def _ended(url: str, key: str, say: Say) -> View:
    """Wait for the end of the job, but not forever."""
    until, state = clock.now() + PATIENCE_SECONDS, ""
    while True:
        reply = own_door.call("GET", url, key)
        if reply.status != own_door.OK:
            raise CallFailed(f"GET {url} answered {reply.status}: {_problem(reply.body)}")
        if reply.body["state"] != state:
            state = str(reply.body["state"])
            say(f"{reply.body['id']}: {state}")
        if state in _ENDS or clock.now() > until:
            return reply.body
        clock.sleep(POLL_SECONDS)


def _charge(view: View) -> Decimal | None:
    """Return what a job that ended without a video cost in USD; None if that is unknown."""
    if view["state"] == JobState.CANCELLED:
        return Decimal(0)
    return failures.charge_of(needing("dynamodb:GetItem", partial(jobs.get, view["id"])))


def _not_made(view: View, stack: str) -> Finding:
    if view["state"] not in _ENDS:
        seen = f"{view['id']} is still {view['state']} after {PATIENCE_SECONDS // 60} minutes."
        return warning(
            "job", seen, f"gallop trace {view['id']}, and run this command again: it continues with this job."
        )
    error = view["error"] or {"message": "It was cancelled.", "remedy": "Run the command again."}
    seen, charge = f"{view['id']} {view['state']}: {error['message']}", _charge(view)
    if charge == 0:
        return failure("job", f"{seen} Nothing was charged.", error["remedy"])
    charged = "It may have been charged." if charge is None else f"DashScope charged ${charge}."
    another = f"For another video, which is charged again: {_DELETE.format(id=view['id'], stack=stack)}"
    return failure("job", f"{seen} {charged}", f"{error['remedy']} {another}, and run this command again.")


def _cost(view: View, offer: Offer) -> Finding:
    if view["cost"] == float(offer.cost):
        return ok("cost", f"${offer.cost}, as estimated.")
    remedy = "Compare DashScope's bill with the prices in docs/costs.md."
    return failure("cost", f"${view['cost']} by DashScope's own figures, and ${offer.cost} was estimated.", remedy)


def _video(url: str, key: str, facts: View) -> Finding:
    """Download the video as a client does; compare its bytes with what the door says of them."""
    moved = own_door.call("GET", url, key)
    if moved.status != _FOUND:
        return failure("video", f"GET {url} answered {moved.status}: {_problem(moved.body)}", _remedy(moved.body))
    with tempfile.TemporaryFile() as file:
        size, digest = _downloaded(moved.headers["location"], file)
        if (size, digest) != (facts["bytes"], facts["sha256"]):
            recorded = f"{facts['bytes']:,} bytes, SHA-256 {facts['sha256']}"
            seen = f"The download has {size:,} bytes, SHA-256 {digest}; recorded are {recorded}."
            return failure("video", seen, "Look in the results bucket whether somebody has replaced the video.")
        return _playable(file, size)


def _downloaded(url: str, file: BinaryIO) -> tuple[int, str]:
    digest = hashlib.sha256()
    with own_door.download(url) as pieces:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
    return file.tell(), digest.hexdigest()


def _playable(file: BinaryIO, size: int) -> Finding:
    from gallop.media import inspect_clip  # noqa: PLC0415 - only this check reads videos

    found = inspect_clip.examine("video", file, _ANY)
    if isinstance(found, list):
        return failure("video", "; ".join(fault.message for fault in found), "Look at the task in DashScope's console.")
    if abs(found.seconds - SECONDS) > _TOLERANCE_SECONDS:
        return failure(
            "video", f"It has {found.seconds:g} s, not {SECONDS} s.", "Look at the task in DashScope's console."
        )
    seen = f"{size:,} bytes with the recorded SHA-256: {found.container}, {found.codec}, {found.width} x {found.height}"
    return ok("video", f"{seen}, {found.seconds:g} s.")


def _receipt(deployment: Deployment, job_id: str, facts: View) -> Finding:
    """Read the receipt beside the video; it may be written a moment after the job's end."""
    place = {"Bucket": deployment.outputs["ResultsBucketName"], "Key": f"videos/{job_id}/video.json"}
    until = clock.now() + RECEIPT_SECONDS
    while True:
        try:
            receipt = json.loads(ask("s3", "get_object", **place)["Body"].read())
            break
        except AwsRefused as refused:
            if clock.now() > until:
                return failure("receipt", f"There is no {place['Key']}: {refused}", f"gallop trace {job_id}")
        except RightMissing:
            # So S3 also answers for a receipt that is missing, to those without s3:ListBucket.
            if clock.now() > until:
                seen = f"Not checked: S3 does not let you read {place['Key']}, or it is missing."
                return warning("receipt", seen, "Add the rights s3:GetObject and s3:ListBucket for the results bucket.")
        clock.sleep(POLL_SECONDS)
    if {name: receipt["video"][name] for name in ("bytes", "sha256")} != {
        name: facts[name] for name in ("bytes", "sha256")
    }:
        return failure("receipt", f"{place['Key']} names other bytes than the door.", f"gallop trace {job_id}")
    return ok("receipt", f"s3://{place['Bucket']}/{place['Key']} names the same bytes.")


def _deleted(url: str, key: str, stack: str, job_id: str) -> Finding:
    """Delete the job with its video: it was made to be looked at once."""
    until = clock.now() + RECEIPT_SECONDS
    while (reply := own_door.call("DELETE", url, key)).status == _CONFLICT and clock.now() <= until:
        clock.sleep(POLL_SECONDS)
    if reply.status == own_door.OK:
        return ok("delete", f"{job_id} is deleted with its video.")
    seen = f"DELETE answered {reply.status}: {_problem(reply.body)}"
    return failure("delete", seen, _DELETE.format(id=job_id, stack=stack))


def _problem(body: View) -> str:
    return str(body.get("detail") or body.get("title") or body.get("message") or "no reason")


def _remedy(body: View) -> str:
    return str(body.get("remedy") or "Look at the log of SubmitFunction.")
