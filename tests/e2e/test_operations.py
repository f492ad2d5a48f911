"""The operator's commands on a running testbed, with permissions enforced, real queues and real executions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.caller import ENDED, GLANCE_SECONDS, PATIENCE_SECONDS
from tests.support.pictures import data_uri, picture
from tests.support.waiting import eventually, glances

if TYPE_CHECKING:
    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop
    from tests.testbed.stack import Testbed

ROOT = Path(__file__).parents[2]
BODY = {"prompt": "She waves.", "images": [data_uri(picture())], "duration": 3}


def test_a_job_is_found_traced_and_deleted(caller: Caller, gallop: Gallop) -> None:
    """Its timeline has the record, the execution, the logs and the task; after the delete nothing of it is left."""
    answer = caller.create(BODY)
    job_id = answer.json()["id"]
    assert "succeeded" == caller.wait_for_job(job_id)["state"]
    request = json.loads(gallop("trace", answer.headers["x-request-id"], "--json"))
    assert [job_id] == request["jobs"]
    assert {"AccessLogs", "submit"} <= {moment["source"] for moment in request["timeline"]}
    assert job_id in gallop("jobs", "--state", "succeeded", "--since", "1d")
    assert "succeeded" == json.loads(gallop("jobs", "show", job_id, "--json"))["state"]
    eventually(lambda: "ExecutionSucceeded" in gallop("trace", job_id))
    found = json.loads(gallop("trace", job_id, "--json"))
    sources = {moment["source"] for moment in found["timeline"]}
    assert {"record", "execution", "submit", "start_task", "finish"} <= sources
    said = " | ".join(moment["what"] for moment in found["timeline"])
    assert "execution: StartTask" in said
    assert "metrics JobsSucceeded=1 Cost=0.42 " in said
    assert "SUCCEEDED" == found["task"]["status"]
    gallop("jobs", "delete", job_id, "--yes")
    assert 404 == caller.http.get(f"/v1/videos/{job_id}").status_code
    assert not [item for item in caller.items() if job_id in str(item) and item["sk"] != "TASK"]


def test_dead_letters_are_put_back(testbed: Testbed, caller: Caller, gallop: Gallop) -> None:
    """A drop whose message was given up becomes a job without another upload, by its message or by its path."""
    sqs = testbed.client("sqs")
    (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "DeadLetter" in url]
    sqs.send_message(QueueUrl=url, MessageBody="what is this")
    eventually(lambda: "names no drop" in gallop("redrive"))
    caller.drop({"again/1.jpg": picture(), "again/prompt.txt": b"The woman of [Image 1] waves."})
    caller.wait_for_receipt("again/status.json", "queued", "submitting", "running", "succeeded")
    gallop("redrive", "drop/again/")
    assert "succeeded" == caller.wait_for_receipt("again/status.json")["state"]
    sqs.purge_queue(QueueUrl=url)


def test_a_pipe_that_closes_and_a_dumb_terminal_are_survived(testbed: Testbed, tmp_path: Path) -> None:
    """No traceback, no colour and no progress in a pipe."""
    (tmp_path / "testbed.json").write_text(testbed.coordinates.to_json(), encoding="utf-8")
    code = (
        "import pathlib, sys; from gallop.cli import app, testbed; "
        f"testbed.RUNNING = pathlib.Path({str(tmp_path / 'testbed.json')!r}); app.app(sys.argv[1:])"
    )
    command = f'{sys.executable} -c "$CODE" jobs list --limit 500 | head -0; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "CODE": code, "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "shared")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.strip() in {"0", "1"}


def test_a_drained_stack_takes_nothing_and_loses_nothing(caller: Caller, gallop: Gallop) -> None:
    """Creates are refused, accepted jobs end, and what was dropped meanwhile is made afterwards."""
    accepted = caller.create({**BODY, "seed": 9}).json()["id"]
    gallop("drain")
    refused = caller.create({**BODY, "seed": 10})
    assert 503 == refused.status_code
    assert "60" == refused.headers["Retry-After"]
    assert "draining" == refused.json()["code"]
    caller.drop({"later/1.jpg": picture(), "later/prompt.txt": b"The woman of [Image 1] waves."})
    gallop("drain", "--wait")
    assert "succeeded" == caller.http.get(f"/v1/videos/{accepted}").json()["state"]
    assert None is caller.receipt("later/status.json")
    gallop("undrain")
    assert "succeeded" == caller.wait_for_receipt("later/status.json")["state"]
    assert 202 == caller.create({**BODY, "seed": 10}).status_code


def _ended(caller: Caller, job_id: str, headers: dict[str, str]) -> str:
    """Wait for a client's job; return its state."""
    state = ""
    for _ in glances(PATIENCE_SECONDS, GLANCE_SECONDS):
        state = str(caller.http.get(f"/v1/videos/{job_id}", headers=headers).json()["state"])
        if state in ENDED:
            break
    return state


def test_a_client_is_forgotten(testbed: Testbed, caller: Caller, gallop: Gallop) -> None:
    """Its key grants no access afterwards, and no item names it."""
    key = gallop("keys", "create", "zelda")
    headers = {"Authorization": f"Bearer {key}"}
    job_id = caller.create({**BODY, "seed": 11}, **headers).json()["id"]
    assert "succeeded" == _ended(caller, job_id, headers)
    eventually(lambda: not [item for item in caller.items() if item["pk"] == f"JOB#{job_id}" and "is_open" in item])
    assert {"items_left": 0, "versions_left": 0}.items() <= json.loads(
        gallop("forget", "zelda", "--yes", "--json")
    ).items()
    assert 401 == caller.http.get("/v1/videos", headers=headers).status_code
    assert not [item for item in caller.items() if "zelda" in str(item) or job_id in str(item)]
    assert [] == testbed.aws.authority.audit.refusals()


def test_queue_slots_and_spending_are_shown(testbed: Testbed, caller: Caller, gallop: Gallop) -> None:
    """With more jobs than slots; a waiting job is cancelled. The last test: its tasks never end."""
    testbed.dashscope.fault(on="task", kind="never_ends", times=6)
    made = [caller.create({**BODY, "seed": number}).json()["id"] for number in range(8)]
    eventually(lambda: 2 == json.loads(gallop("queue", "--json"))[0]["waiting"])
    (slots,) = json.loads(gallop("slots", "--json"))
    assert 6 == len(slots["held"])
    assert "all jobs" in gallop("spend")
    waiting = json.loads(gallop("queue", "--json"))[0]["jobs"][-1]["id"]
    gallop("jobs", "cancel", waiting)
    assert "cancelled" == caller.wait_for_job(waiting)["state"]
    assert {waiting} < set(made)
    testbed.dashscope.faults.clear()
