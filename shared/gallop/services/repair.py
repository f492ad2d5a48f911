"""Repairs a job whose execution never started, failed, or ended without ending the job."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from gallop import clock, log
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.stepfunctions.job_workflow import Execution
from gallop.adapters.table import jobs
from gallop.domain.failure_codes import FailureCode
from gallop.domain.job import Failure, Job, cancelled, is_terminal
from gallop.services import slots
from gallop.services.ending import fail, notify

# One every two minutes until the longest deadline.
MAX_RESUMES = 150
LOST = Failure(FailureCode.WORKFLOW_LOST, "The job's workflow failed and could not be resumed.")
STOPPED = cancelled("The job's execution was stopped before the job was sent to DashScope.")


def repair(job: Job, *, at_once: bool = False) -> bool:
    """Repair a job if it needs that; return whether it did.

    A job whose execution was interrupted by an error waits for its time, unless ``at_once``.
    """
    execution = job_workflow.execution_state(job.id, job.resumes)
    match execution:
        case Execution.LIVE:
            # An ended job may still be in the queue.
            if is_terminal(job.state):
                slots.release(job)
            return False
        case Execution.MISSING:
            job_workflow.start(job.id, job.resumes)
        case Execution.OVER | Execution.STOPPED if _is_interrupted(job) and not at_once:
            return False
        case Execution.OVER | Execution.STOPPED:
            _resume(job, execution)
        case _:
            assert_never(execution)
    log.info("job repaired", job_id=job.id, execution=execution.value)
    return True


def _is_interrupted(job: Job) -> bool:
    return job.interruption is not None and clock.now() < job.interruption.resume_at and not is_terminal(job.state)


def _is_over(job: Job) -> bool:
    """Return whether the time of a job is over; a task that nobody has asked about since may have succeeded."""
    return clock.now() >= job.deadline and (not job.task_id or job.updated_at >= job.deadline)


def _resume(job: Job, execution: Execution) -> None:
    if is_terminal(job.state):
        notify(job)
    elif execution is Execution.STOPPED and job.made_no_task:
        fail(job, STOPPED)
    elif _is_over(job) or job.resumes >= MAX_RESUMES:
        fail(job, job.interruption.failure if job.interruption else LOST)
    else:
        # The last time, the cause is kept: if nothing comes of it, the job fails with that.
        cause = job.interruption if clock.now() >= job.deadline else None
        resumed = replace(job.at(job.state, clock.now()), resumes=job.resumes + 1, interruption=cause)
        resumed = jobs.advance(job, resumed)
        job_workflow.start(job.id, resumed.resumes)
