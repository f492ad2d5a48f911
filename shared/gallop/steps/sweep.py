"""Looks after the jobs whose execution cannot: never started, broken down, or ended without a word.

A job stays on the sweep's list until it has ended and its last receipts are written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from gallop import clock, log
from gallop.domain.job import Failure, Job, is_terminal
from gallop.edges import store, workflow
from gallop.edges.workflow import Execution
from gallop.errors import GallopError, OutcomeUnknown
from gallop.steps import parked
from gallop.steps.finish import finish

STILL_SECONDS = 120
# One every five minutes, as long as the longest deadline lasts.
RESUMES_AT_MOST = 60


def sweep() -> dict[str, int]:
    """Repair every job that has not moved for a while, and start what was parked and has room now.

    One that cannot be repaired does not hold up the others.
    """
    repaired = failed = 0
    for job_id in store.open_jobs(clock.now() - STILL_SECONDS):
        try:
            repaired += _repair(store.job(job_id))
        except GallopError as error:
            failed += 1
            log.warning("sweep could not repair", job_id=job_id, error=str(error))
    parked.release_due()
    return {"repaired": repaired, "failed": failed}


def _repair(job: Job) -> bool:
    stands = workflow.stands(job.id, job.resumes)
    match stands:
        case Execution.LIVE:
            return False
        case Execution.MISSING:
            workflow.start(job.id, job.resumes)
        case Execution.OVER:
            _take_over(job)
        case _:
            assert_never(stands)
    log.info("job repaired", job_id=job.id, execution=stands.value)
    return True


def _take_over(job: Job) -> None:
    if is_terminal(job.state):
        finish({"job_id": job.id})
    elif clock.now() >= job.deadline or job.resumes >= RESUMES_AT_MOST:
        finish({"job_id": job.id, "step": {"failure": _lost(job)}})
    else:
        resumed = store.advance(job, replace(job.at(job.state, clock.now()), resumes=job.resumes + 1))
        workflow.start(job.id, resumed.resumes)


def _lost(job: Job) -> dict[str, str]:
    if job.submits == 0:
        failure = Failure(
            "workflow_lost", "The job's workflow broke down. Nothing was charged.", "Create the job again."
        )
    else:
        failure = Failure("workflow_lost", "The job's workflow broke down.", OutcomeUnknown.remedy)
    return {"code": failure.code, "message": failure.message, "remedy": failure.remedy}
