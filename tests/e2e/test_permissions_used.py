"""The template grants what the functions use: nothing is refused, and nothing is granted without use.

With permissions enforced, a missing grant fails a job; a grant that no job here uses is unnecessary.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from tests.e2e.test_bad_input import NOT_AN_IMAGE
from tests.support.clips import clip
from tests.support.pictures import data_uri, picture
from tests.support.waiting import eventually
from tests.template import stack
from tests.template.test_permissions import ROLES, listed, statements

if TYPE_CHECKING:
    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop
    from tests.support.receivers import Receiver

# Grants that a normal run does not use, and what uses them.
CHANGED_MEANWHILE = "a drop that changes while its video is being stored"
OVER = "a job whose execution has ended, which ends like any other"
CHANGED_WHEN_OVER = "such a job of a drop that has changed since"
REFUSED_AFTER_ALL = "an image of a request that is refused after it was stored"
HAS_TO_WAIT = "a job that has to wait when it arrives, which a busy machine may not show"
FIRST_OF_SEVERAL = "the first of the functions that may end a job wakes others; on a busy machine it is another"
NOTICES = "a stack with NotifyEmail or NotifyTopicArn"
SELDOM_USED = {
    ("StatusFunctionRole", "states:SendTaskSuccess"): FIRST_OF_SEVERAL,
    ("SubmitFunctionRole", "states:SendTaskSuccess"): FIRST_OF_SEVERAL,
    ("SubmitFunctionRole", "dynamodb:DeleteItem"): FIRST_OF_SEVERAL,
    ("SaveResultFunctionRole", "s3:AbortMultipartUpload"): "a truncated download, or one that is not a video",
    ("SaveResultFunctionRole", "s3:DeleteObject"): CHANGED_MEANWHILE,
    ("SaveResultFunctionRole", "s3:GetObject"): CHANGED_MEANWHILE,
    ("SaveResultFunctionRole", "s3:GetObjectVersion"): CHANGED_MEANWHILE,
    ("SaveResultFunctionRole", "s3:ListBucket"): CHANGED_MEANWHILE,
    ("SaveResultFunctionRole", "s3:PutObjectTagging"): CHANGED_MEANWHILE,
    ("TakeSlotFunctionRole", "s3:PutObject"): HAS_TO_WAIT,
    ("TakeSlotFunctionRole", "s3:PutObjectTagging"): HAS_TO_WAIT,
    ("FinishFunctionRole", "s3:DeleteObject"): CHANGED_MEANWHILE,
    ("FinishFunctionRole", "s3:GetObject"): CHANGED_MEANWHILE,
    ("FinishFunctionRole", "s3:GetObjectVersion"): CHANGED_MEANWHILE,
    ("FinishFunctionRole", "s3:ListBucket"): CHANGED_MEANWHILE,
    ("StatusFunctionRole", "dynamodb:DeleteItem"): "an adopted task that was another's is released",
    ("StartTaskFunctionRole", "dynamodb:Query"): "a job leaves the lane of an account that failed",
    ("ReconcileFunctionRole", "states:StartExecution"): "a job whose execution failed",
    ("ReconcileFunctionRole", "states:DescribeExecution"): "a job whose state did not change for a while",
    ("ReconcileFunctionRole", "dynamodb:DeleteItem"): OVER,
    ("ReconcileFunctionRole", "states:SendTaskSuccess"): OVER,
    ("ReconcileFunctionRole", "s3:DeleteObject"): CHANGED_WHEN_OVER,
    ("ReconcileFunctionRole", "s3:GetObject"): CHANGED_WHEN_OVER,
    ("ReconcileFunctionRole", "s3:GetObjectVersion"): CHANGED_WHEN_OVER,
    ("ReconcileFunctionRole", "s3:ListBucket"): CHANGED_WHEN_OVER,
    ("SubmitFunctionRole", "s3:DeleteObjectVersion"): REFUSED_AFTER_ALL,
    ("BatchFunctionRole", "s3:DeleteObjectVersion"): REFUSED_AFTER_ALL,
    ("VideosFunctionRole", "s3:ListBucket"): "a video that was removed from the bucket",
    ("ReconcileFunctionRole", "sqs:DeleteMessage"): "a drop whose messages failed too often",
    ("ReconcileFunctionRole", "sqs:ChangeMessageVisibility"): "a dead letter that names no drop",
    ("SubmitFunctionRole", "sqs:ChangeMessageVisibility"): "a message that failed",
    ("BatchFunctionRole", "secretsmanager:GetSecretValue"): "a line that changes while its task waits at DashScope",
    ("McpFunctionRole", "s3:DeleteObjectVersion"): REFUSED_AFTER_ALL,
    ("McpFunctionRole", "s3:ListBucket"): "a video that was removed from the bucket",
    ("ThumbnailFunctionRole", "s3:ListBucket"): "a thumbnail of a group that was removed from the bucket",
    ("McpFunctionRole", "states:SendTaskSuccess"): "a batch waits for a job that an operator's key cancels",
    ("VideosFunctionRole", "states:SendTaskSuccess"): "a batch waits for a job that an operator's key cancels",
    ("DeliverFunctionRole", "dynamodb:BatchGetItem"): NOTICES,
    ("DeliverFunctionRole", "dynamodb:DeleteItem"): NOTICES,
    ("DeliverFunctionRole", "sns:Publish"): NOTICES,
    ("ReconcileFunctionRole", "dynamodb:BatchGetItem"): NOTICES,
    ("ReconcileFunctionRole", "sns:Publish"): NOTICES,
    # Step Functions itself needs these for a distributed map; the testbed's interpreter checks none of them.
    ("BatchWorkflowRole", "states:StartExecution"): "each line of a batch",
    ("BatchWorkflowRole", "states:DescribeExecution"): "each line of a batch",
    ("BatchWorkflowRole", "states:StopExecution"): "a batch that is stopped",
    ("BatchWorkflowRole", "states:RedriveExecution"): "a batch that is resumed",
}


def granted() -> set[tuple[str, str]]:
    """Return the actions that the roles of the template's own policies may use, without logs and traces.

    Roles that do not exist by default have their own test.
    """
    by_default = [role for role, found in stack.of_type("AWS::IAM::Role").items() if "Condition" not in found]
    return {
        (role, action)
        for role in by_default
        for statement in statements(role)
        for action in listed(statement["Action"])
        if not action.startswith(("logs:", "xray:"))
    }


def use_both_doors(caller: Caller, gallop: Gallop, shop: Receiver) -> None:
    """Run jobs through both doors: a lost reply, a queue, fixed and changed drops, batches, webhooks, cancels."""
    shop.answers = [204, 410]
    gallop("webhooks", "add", "testbed", shop.url)
    caller.testbed.dashscope.fault(on="submit", kind="drop_after_accept", times=1)
    body = {"prompt": "Through the HTTPS door.", "images": [data_uri(picture())], "duration": 3}
    job = caller.wait_for_job(caller.create(body).json()["id"])
    assert "succeeded" == job["state"]
    assert job["id"] in [listed["id"] for listed in caller.http.get("/v1/videos").json()["data"]]
    content = caller.http.get(f"/v1/videos/{job['id']}/content").headers["Location"]
    assert 200 == httpx.get(content).status_code
    shop.wait_for(1)
    look_as_an_operator(caller, gallop)
    # Until its last receipts are written, a job is not deleted.
    eventually(lambda: 200 == caller.http.delete(f"/v1/videos/{job['id']}").status_code)
    use_as_an_agent(caller)
    wait_in_the_queue(caller)
    drop_fix_and_change(caller)
    drop_batches(caller)
    drop_for_two(caller)
    edit_videos(caller)
    cancel_at_both_doors(caller)
    shop.wait_for(2)


def look_as_an_operator(caller: Caller, gallop: Gallop) -> None:
    """See what the whole stack spends and does."""
    key = gallop("keys", "create", "ops", "--admin")
    answer = caller.http.get("/v1/usage", headers={"Authorization": f"Bearer {key}"})
    assert (200, True) == (answer.status_code, answer.json()["is_operator"]), answer.text


def use_as_an_agent(caller: Caller) -> None:
    """Make videos of an inline image and of an uploaded one at the MCP door, follow a link, and list them."""
    caller.s3.put_object(Bucket=caller.at.inbox_bucket, Key="uploads/agent.jpg", Body=picture())
    images = (data_uri(picture(shade=7)), f"s3://{caller.at.inbox_bucket}/uploads/agent.jpg")
    for image in images:
        made = use(caller, "make_video", prompt="Of an agent.", images=[image], duration=3)
        caller.wait_for_job(made["id"])
    assert 200 == httpx.get(use(caller, "get_video", id=made["id"])["video_url"]).status_code
    assert use(caller, "list_videos")["data"]


def use(caller: Caller, tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool of the MCP door."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    content: dict[str, Any] = caller.http.post("/mcp", json=message).json()["result"]["structuredContent"]
    return content


def wait_in_the_queue(caller: Caller) -> None:
    """Send more jobs than there are slots: some wait, see their position, and start when other tasks have ended.

    The first tasks run for longer than a busy machine takes to send the other jobs.
    """
    vendor = caller.testbed.dashscope.vendor
    usual, vendor.switches = vendor.switches, replace(vendor.switches, task_seconds=600.0)
    body = {"prompt": "In the queue.", "images": ["https://example.com/girl.jpg"], "duration": 3}
    jobs = [caller.create({**body, "seed": seed}).json()["id"] for seed in range(8)]
    caller.wait_until_running(jobs[0])
    vendor.switches = usual
    for job_id in jobs:
        caller.wait_for_job(job_id)


def edit_videos(caller: Caller) -> None:
    """Edit a video of a folder, of a line, and of the inbox."""
    caller.s3.put_object(Bucket=caller.at.inbox_bucket, Key="uploads/clip.mp4", Body=clip())
    video = f"s3://{caller.at.inbox_bucket}/uploads/clip.mp4"
    job = caller.create({"prompt": "At night.", "video": video}).json()["id"]
    line = json.dumps({"prompt": "At noon.", "video": "clip.mp4"}).encode()
    caller.drop({"edit/clip.mp4": clip(), "edit/prompt.txt": b"At dawn."})
    caller.drop({"edits/clip.mp4": clip(), "edits/batch.jsonl": line})
    assert "succeeded" == caller.wait_for_job(job)["state"]
    assert "succeeded" == caller.wait_for_receipt("edit/status.json")["state"]
    assert 1 == caller.wait_for_receipt("edits/batch.json", "finished")["jobs"]["succeeded"]


def drop_fix_and_change(caller: Caller) -> None:
    """Drop a file that is not an image, then an image in its place, then another prompt: the job's files are moved."""
    caller.drop({"grants/1.jpg": NOT_AN_IMAGE, "grants/prompt.txt": b"Through the S3 door."})
    caller.wait_for_receipt("grants/error.json")
    caller.drop({"grants/1.jpg": picture()})
    first = caller.wait_for_receipt("grants/status.json", "succeeded")["job"]
    caller.drop({"grants/prompt.txt": b"Through the S3 door, otherwise."})
    assert "succeeded" == caller.wait_for_receipt(f"grants/{first}/status.json")["state"]
    caller.wait_for_receipt("grants/status.json", "succeeded")


def drop_batches(caller: Caller) -> None:
    """Drop four lines: two images, a file that is not an image, and a missing one; then change one line."""
    drop_lines(caller, "A line.", "Another.")
    receipt = caller.wait_for_receipt("many/batch.json", "finished")
    assert (2, 2) == (receipt["good"], receipt["bad"])
    drop_lines(caller, "A line.", "Another, fixed.")

    def another() -> dict[str, Any] | None:
        found = caller.wait_for_receipt("many/batch.json", "finished")
        return None if found["batch"] == receipt["batch"] else found

    again = eventually(another, every_s=0.1)
    assert (2, 1) == (again["good"], again["repeated"])


def drop_for_two(caller: Caller) -> None:
    """Drop a folder for two videos, and wait for the sheet of both, which is made with the second thumbnail."""
    settings = {"prompt": "Twice.", "images": ["1.jpg"], "duration": 3, "n": 2}
    caller.drop({"pair/1.jpg": picture(), "pair/job.json": json.dumps(settings).encode()})
    assert 2 == caller.wait_for_receipt("pair/status.json", "succeeded")["n"]
    for place in (1, 2):
        caller.wait_for_thumbnail(f"pair/{place}/video.json")
    assert caller.video("pair/contact.jpg")


def drop_lines(caller: Caller, *prompts: str) -> None:
    """Drop a batch with one line per image."""
    new_jobs = zip(("1.jpg", "1.jpg", "2.jpg", "3.jpg"), (*prompts, "None.", "Not there."), strict=True)
    lines = [json.dumps({"prompt": prompt, "images": [name], "duration": 3}) for name, prompt in new_jobs]
    files = {"many/1.jpg": picture(), "many/2.jpg": NOT_AN_IMAGE}
    caller.drop({**files, "many/batch.jsonl": "\n".join(lines).encode()})


def cancel_at_both_doors(caller: Caller) -> None:
    """Fill DashScope's capacity, and cancel waiting jobs: by DashScope's protocol, by a file, and a line of a batch."""
    caller.testbed.dashscope.fault(on="task", kind="never_ends", times=5)
    body = {"prompt": "To be cancelled.", "images": [data_uri(picture())], "duration": 3}
    jobs = [caller.create({**body, "seed": seed}).json()["id"] for seed in range(6)]
    for job_id in jobs:
        caller.wait_until_running(job_id)
    assert "too_late" == use(caller, "cancel_video", id=jobs[0])["cancel"]["answer"]
    answers = [caller.http.post(f"/api/v1/tasks/{job_id}/cancel").status_code for job_id in jobs]
    assert [200, 400, 400, 400, 400, 400] == sorted(answers)
    line = {"prompt": "To be cancelled by a file.", "images": ["1.jpg"], "duration": 3}
    caller.drop({"late/1.jpg": picture(), "late/batch.jsonl": json.dumps(line).encode()})
    caller.wait_for_receipt("late/batch/00001/status.json", "running")
    caller.drop({"late/batch/00001/CANCEL": b""})
    caller.wait_for_cancel("late/batch/00001/status.json")
    assert 1 == caller.wait_for_receipt("late/batch.json", "finished")["jobs"]["cancelled"]
    # The first takes the last slot, so the second waits, however slowly they are sent.
    waiting = [caller.create({**body, "seed": seed}).json()["id"] for seed in (6, 7)][1]
    caller.wait_for_position(waiting)
    assert "cancelled" == use(caller, "cancel_video", id=waiting)["cancel"]["answer"]


def wait_for_sweep(caller: Caller) -> None:
    """Wait for the schedule: a minute, 1.5 s here."""
    audit = caller.testbed.aws.authority.audit

    def swept() -> bool:
        return any("Reconcile" in entry.principal and "Query" in entry.action for entry in audit.entries())

    eventually(swept, 30, 0.1, "the sweep never came")


def test_every_grant_is_used(caller: Caller, gallop: Gallop, shop: Receiver) -> None:
    """No call of functions, workflow and presigned URLs is refused, and every grant is used by one of them."""
    use_both_doors(caller, gallop, shop)
    wait_for_sweep(caller)
    audit = caller.testbed.aws.authority.audit
    assert [] == audit.refusals()
    names = {role: name for role in ROLES for name in {entry.principal for entry in audit.entries()} if role in name}
    used = {(role, entry.action) for role, name in names.items() for entry in audit.entries(name)}
    assert granted() - used <= set(SELDOM_USED)


def test_rarely_used_grants_exist() -> None:
    """The exceptions are grants that the template has."""
    assert set(SELDOM_USED) <= granted()
