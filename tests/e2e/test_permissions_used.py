"""What the template grants is what the functions use: nothing is refused, and nothing is granted for later.

With permissions enforced, a grant that is missing breaks a job; a grant that no job here uses is one too many.
"""

from __future__ import annotations

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
    ("StatusFunctionRole", "dynamodb:DeleteItem"): "an adopted task that was another's is given back",
    ("ReconcileFunctionRole", "states:StartExecution"): "a job whose execution broke down",
    ("ReconcileFunctionRole", "states:DescribeExecution"): "a job that did not move for a while",
    ("ReconcileFunctionRole", "dynamodb:UpdateItem"): "a job whose execution is over",
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
    """Take a job through each door, one with a lost reply, and a drop that is refused and mended."""
    caller.testbed.dashscope.fault(on="submit", kind="drop_after_accept", times=1)
    body = {"prompt": "Through the HTTPS door.", "images": [data_uri(picture())], "duration": 3}
    job = caller.wait_for_job(caller.create(body).json()["id"])
    assert "succeeded" == job["state"]
    content = caller.http.get(f"/v1/videos/{job['id']}/content").headers["Location"]
    assert 200 == httpx.get(content).status_code
    caller.drop({"grants/1.jpg": NOT_AN_IMAGE, "grants/prompt.txt": b"Through the S3 door."})
    caller.wait_for_receipt("grants/error.json")
    caller.drop({"grants/1.jpg": picture()})
    caller.wait_for_receipt("grants/status.json", "succeeded")
    cancel_by_dashscopes_protocol(caller)


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
    while not any("Query" in entry.action for entry in caller.testbed.aws.authority.audit.entries()):
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
