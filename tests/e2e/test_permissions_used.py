"""What the template grants is what the functions use: nothing is refused, and nothing is granted for later.

With permissions enforced, a grant that is missing breaks a job; a grant that no job here uses is one too many.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx

from tests.e2e.test_bad_input import NOT_AN_IMAGE
from tests.support.pictures import data_uri, picture
from tests.template.test_permissions import ROLES, listed, statements

if TYPE_CHECKING:
    from tests.e2e.caller import Caller

# What a healthy hour does not need, and what does.
SELDOM_USED = {
    ("SaveResultFunctionRole", "s3:AbortMultipartUpload"): "a video that breaks off or is none",
    ("SubmitFunctionRole", "dynamodb:DeleteItem"): "a batch waits for a job that is cancelled by a file",
    ("SubmitFunctionRole", "states:SendTaskSuccess"): "a batch waits for a job that is cancelled by a file",
    ("SubmitFunctionRole", "secretsmanager:GetSecretValue"): "a task that is cancelled by a file",
    **{
        (f"{function}FunctionRole", action): "a drop that changes just when its job is stored, or ends"
        for function in ("SaveResult", "Finish", "Reconcile")
        for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:ListBucket")
    },
    ("StatusFunctionRole", "dynamodb:DeleteItem"): "an adopted task that was another's is given back",
    ("ReconcileFunctionRole", "states:StartExecution"): "a job whose execution broke down",
    ("ReconcileFunctionRole", "states:DescribeExecution"): "a job that did not move for a while",
    ("ReconcileFunctionRole", "dynamodb:UpdateItem"): "a job whose execution is over",
    ("ReconcileFunctionRole", "dynamodb:DeleteItem"): "a batch waits for such a job",
    ("ReconcileFunctionRole", "states:SendTaskSuccess"): "a batch waits for such a job",
    ("VideosFunctionRole", "dynamodb:DeleteItem"): "a batch waits for a job that is cancelled",
    ("VideosFunctionRole", "states:SendTaskSuccess"): "a batch waits for a job that is cancelled",
    ("BatchFunctionRole", "s3:DeleteObject"): "a line that was mended",
    ("BatchFunctionRole", "dynamodb:DeleteItem"): "a line whose job ended long ago",
    # Step Functions itself asks for these when it runs a distributed map; the testbed's interpreter asks nobody.
    ("BatchWorkflowRole", "states:StartExecution"): "each line of a batch",
    ("BatchWorkflowRole", "states:DescribeExecution"): "each line of a batch",
    ("BatchWorkflowRole", "states:StopExecution"): "a batch that is stopped",
    ("BatchWorkflowRole", "states:RedriveExecution"): "a batch that is taken up again",
    ("DeliverFunctionRole", "states:StartExecution"): "a client that has a webhook endpoint",
    ("DeliverFunctionRole", "dynamodb:PutItem"): "the same",
    ("DeliverFunctionRole", "dynamodb:UpdateItem"): "a receiver that answers 410",
}


def granted() -> set[tuple[str, str]]:
    """Give what the roles of the template's own policies may do, action by action, logs and traces apart."""
    return {
        (role, action)
        for role in ROLES
        for statement in statements(role)
        for action in listed(statement["Action"])
        if not action.startswith(("logs:", "xray:"))
    }


def use_both_doors(caller: Caller) -> None:
    """Take a job through each door, one with a lost reply, a drop that is refused and mended, and a batch."""
    caller.testbed.dashscope.fault(on="submit", kind="drop_after_accept", times=1)
    body = {"prompt": "Through the HTTPS door.", "images": [data_uri(picture())], "duration": 3}
    job = caller.wait_for_job(caller.create(body).json()["id"])
    assert "succeeded" == job["state"]
    assert job["id"] in [listed["id"] for listed in caller.http.get("/v1/videos").json()["data"]]
    content = caller.http.get(f"/v1/videos/{job['id']}/content").headers["Location"]
    assert 200 == httpx.get(content).status_code
    assert 200 == caller.http.delete(f"/v1/videos/{job['id']}").status_code
    caller.drop({"grants/1.jpg": NOT_AN_IMAGE, "grants/prompt.txt": b"Through the S3 door."})
    caller.wait_for_receipt("grants/error.json")
    caller.drop({"grants/1.jpg": picture()})
    caller.wait_for_receipt("grants/status.json", "succeeded")
    caller.drop({"grants/prompt.txt": b"Another wish in its place."})
    caller.wait_for_receipt("grants/status.json", "queued", "submitting", "running", "storing")
    caller.drop({"grants/CANCEL": b""})
    caller.wait_for_cancel("grants/status.json")
    drop_a_batch(caller)
    cancel_by_dashscopes_protocol(caller)


def drop_a_batch(caller: Caller) -> None:
    """Drop three lines: a picture, something that is none, and something that is not there."""
    lines = [{"prompt": "A line.", "images": [name], "duration": 3} for name in ("1.jpg", "2.jpg", "3.jpg")]
    batch = "\n".join(map(json.dumps, lines)).encode()
    caller.drop({"many/1.jpg": picture(), "many/2.jpg": NOT_AN_IMAGE, "many/batch.jsonl": batch})
    receipt = caller.wait_for_receipt("many/batch.json", "finished")
    assert (1, 2) == (receipt["good"], receipt["bad"])


def cancel_by_dashscopes_protocol(caller: Caller) -> None:
    """Fill DashScope's places, and cancel a task that waits there."""
    caller.testbed.dashscope.fault(on="task", kind="never_ends", times=5)
    body = {"prompt": "To be cancelled.", "images": [data_uri(picture())], "duration": 3}
    jobs = [caller.create({**body, "seed": seed}).json()["id"] for seed in range(6)]
    for job_id in jobs:
        caller.wait_until_running(job_id)
    answers = [caller.http.post(f"/api/v1/tasks/{job_id}/cancel").status_code for job_id in jobs]
    assert [200, 400, 400, 400, 400, 400] == sorted(answers)


def wait_for_sweep(caller: Caller) -> None:
    """Wait for the schedule: five minutes, 7.5 s here."""
    until = time.monotonic() + 30
    audit = caller.testbed.aws.authority.audit
    while not any("Reconcile" in entry.principal and "Query" in entry.action for entry in audit.entries()):
        assert time.monotonic() < until, "the sweep never came"
        time.sleep(0.1)


def test_grants_are_what_is_used(caller: Caller) -> None:
    """Of all calls of functions, workflow and presigned URLs none is refused, and every grant serves one of them."""
    use_both_doors(caller)
    wait_for_sweep(caller)
    audit = caller.testbed.aws.authority.audit
    assert [] == audit.refusals()
    names = {role: name for role in ROLES for name in {entry.principal for entry in audit.entries()} if role in name}
    used = {(role, entry.action) for role, name in names.items() for entry in audit.entries(name)}
    assert granted() - used <= set(SELDOM_USED)


def test_seldom_used_grants_exist() -> None:
    """The list of exceptions names grants that the template has."""
    assert set(SELDOM_USED) <= granted()
