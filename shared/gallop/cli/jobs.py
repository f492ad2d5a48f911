"""``gallop jobs``: find, show, cancel, resume and delete jobs of both doors."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gallop import settings
from gallop.adapters.stepfunctions import job_workflow
from gallop.adapters.table import jobs as table
from gallop.cli import moments, show
from gallop.cli.show import fail, refuse
from gallop.cli.target import StackOption, Target, opened
from gallop.domain import operator_views, times
from gallop.domain.doors import Door
from gallop.domain.errors import JobNotFinished, JobNotFound
from gallop.domain.job import Job, is_job_id
from gallop.services import erase, erase_drop, find_jobs, slots
from gallop.services.find_jobs import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(help="Find, show, cancel, resume and delete jobs of both doors.", invoke_without_command=True)

JobArgument = Annotated[str, typer.Argument(help="A job's ID, job_..., as in receipts and answers.", metavar="JOB")]
JobsArgument = Annotated[list[str], typer.Argument(help="IDs of jobs, job_...", metavar="JOB...")]
StateOption = Annotated[
    str, typer.Option(help=f"Show only jobs in these states, separated by commas: {', '.join(find_jobs.STATES)}.")
]
ClientOption = Annotated[str, typer.Option(help="Show only this client's jobs; `s3` for those of the S3 door.")]
DoorOption = Annotated[Door | None, typer.Option(help="Show only jobs of this door.")]
SinceOption = Annotated[
    str, typer.Option(help="Show only jobs created since then: 2h, 7d, 2026-11-27T12:00Z.", metavar="7d")
]
UntilOption = Annotated[str, typer.Option(help="Show only jobs created before then.", metavar="1d")]
AccountOption = Annotated[str, typer.Option(help="Show only jobs that belong to this DashScope account.")]
LimitOption = Annotated[int, typer.Option(help="Maximum number of jobs.", min=1, max=100_000)]

_CANCELLED = {
    "cancelled": "{job} is cancelled. Nothing is charged.",
    "too_late": (
        "{job} cannot be cancelled: DashScope may have started. It may be charged; if so, its video is delivered."
    ),
    "already_finished": "{job} had already ended: {state}.",
}
_RESUMED = {
    "resumed": "{job} is resumed.",
    "no_room": "{job} stays parked: {why}",
    "running": "{job} needs nothing: its execution is running.",
    "ended": "{job} has ended: {state}. {why}",
}


@app.callback()
def default(  # noqa: PLR0913, PLR0917 - the options of a list
    context: typer.Context,
    state: StateOption = "",
    client: ClientOption = "",
    door: DoorOption = None,
    account: AccountOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    limit: LimitOption = 20,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """List jobs, the newest first; the commands below act on some of them."""
    if context.invoked_subcommand is None:
        list_jobs(state, client, door, account, since, until, limit, json, stack)
        return
    given = [name for name in context.params if _is_given(context, name)]
    if given:
        refuse(f"Write --{given[0]} after the command: `gallop jobs {context.invoked_subcommand} ... --{given[0]}`.")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@app.command(name="list")
def list_jobs(  # noqa: PLR0913, PLR0917 - the options of a list
    state: StateOption = "",
    client: ClientOption = "",
    door: DoorOption = None,
    account: AccountOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    limit: LimitOption = 20,
    json: show.JsonOption = False,
    stack: StackOption = "",
) -> None:
    """List jobs, the newest first. Without a command, `gallop jobs` does the same."""
    states = _states(state)
    with opened(stack) as target:
        now = target.now()
        times_ = moments.parse("--since", since, now), moments.parse("--until", until, now)
        wanted = Filter(client, door, states, *times_, account)
        found = list(islice(find_jobs.found(wanted), limit + 1))
    shown = found[:limit]
    if json:
        show.as_json([operator_views.summary(job) for job in shown])
    elif shown:
        head = ("JOB", "CLIENT", "DOOR", "STATE", "CREATED", "MODEL", "USD", "ERROR")
        show.as_table(head, [_row(job) for job in shown])
    else:
        show.remark(f"Stack {target.stack!r} has no such jobs.")
    if len(found) > limit:
        show.remark("There are more. Show them with --limit, or narrow the list with --state, --client or --since.")


@app.command(name="show")
def show_job(job_id: JobArgument, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Show all that is known about a job, except its prompt and its inputs."""
    with opened(stack) as target:
        job = job_of(target, job_id)
        target.use_settings_of("ReconcileFunction")
        execution = job_workflow.name_of(job.id, job.resumes)
        position = slots.queue_position(job)
        view = operator_views.details(job, execution, position, settings.results_bucket())
    if json:
        show.as_json(view)
    else:
        show.as_lines(_lines(view))


@app.command()
def cancel(job_ids: JobsArgument, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Cancel jobs, as far as that costs nothing; exit code 1 if one of them is not cancelled then."""
    results = _ask(job_ids, "cancel", stack)
    _report(results, _CANCELLED, json=json)
    if any(result["state"] != "cancelled" for result in results):
        raise typer.Exit(1)


@app.command()
def resume(job_ids: JobsArgument, json: show.JsonOption = False, stack: StackOption = "") -> None:
    """Resume jobs that are parked or whose execution is gone, now; exit code 1 if one of them is not running then."""
    results = _ask(job_ids, "resume", stack)
    _report(results, _RESUMED, json=json)
    if any(result["outcome"] not in {"resumed", "running"} for result in results):
        raise typer.Exit(1)


@app.command()
def delete(job_id: JobArgument, yes: show.YesOption = False, stack: StackOption = "") -> None:
    """Delete an ended job with its inputs, video and receipts; of the S3 door, with the dropped files."""
    with opened(stack) as target:
        job = job_of(target, job_id)
        target.use_settings_of("ReconcileFunction")
        try:
            _delete(job, is_sure=yes)
        except JobNotFinished as error:
            fail(f"{job.id} is not deleted: {error} {error.remedy}")
    show.remark(f"{job.id} is deleted.")


def _delete(job: Job, *, is_sure: bool) -> None:
    if job.door is Door.HTTPS:
        show.confirm(
            f"{job.id} of {job.client!r}: its inputs, video, receipts and record are deleted.", is_sure=is_sure
        )
        erase.erase(job)
        return
    found = erase_drop.plan(job)
    keys = sorted({version.key for version in found.dropped})
    for key in keys:
        show.remark(f"s3://{settings.inbox_bucket()}/{key}")
    if found.is_line:
        warning = (
            "Its results and record are deleted. The batch's files stay: uploaded again, they make it again, charged."
        )
    elif keys:
        warning = "The dropped files above are deleted with the job, in all versions: else they could start it again."
    else:
        warning = "Its results and record are deleted. No dropped file is."
    if found.others:
        show.remark(f"It is one of a group, which is deleted as a whole: {', '.join(one.id for one in found.others)}")
    show.confirm(f"{job.id} of {job.receipts!r}: {warning}", is_sure=is_sure)
    erase_drop.erase_with_files(found)


def _ask(job_ids: Sequence[str], action: str, stack: str) -> list[dict[str, str]]:
    """Let the stack do something to each job; return the results."""
    with opened(stack) as target:
        known = [job_of(target, job_id).id for job_id in dict.fromkeys(job_ids)]
        return [
            {"id": job_id, **target.run("ReconcileFunction", {"action": action, "job_id": job_id})} for job_id in known
        ]


def _report(results: Sequence[dict[str, str]], texts: dict[str, str], *, json: bool) -> None:
    if json:
        show.as_json(results)
        return
    for result in results:
        text = texts[result["outcome"]]
        show.remark(text.format(job=result["id"], state=result["state"], why=result.get("why", "")).strip())


def job_of(target: Target, job_id: str) -> Job:
    """Return a job of a stack; end the command if there is none."""
    if not is_job_id(job_id):
        refuse(f"{job_id!r} is not the ID of a job. It begins with job_ and has 26 characters after that.")
    try:
        return table.get(job_id)
    except JobNotFound:
        refuse(f"Stack {target.stack!r} has no job {job_id}. Run `gallop jobs` to see the newest.")


def _states(text: str) -> frozenset[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in find_jobs.STATES]
    if unknown:
        refuse(f"--state {unknown[0]!r} is not a state. Use {', '.join(find_jobs.STATES)}.")
    return frozenset(names)


def _row(job: Job) -> tuple[str, ...]:
    is_parked = find_jobs.PARKED in find_jobs.names_of(job)
    usd = f"{job.cost:.2f}" if job.cost is not None else f"~{job.estimated_cost:.2f}"
    state = f"{job.state.value} ({find_jobs.PARKED})" if is_parked else job.state.value
    error = job.failure.code.value if job.failure else ""
    return job.id, job.client, job.door.value, state, times.day_and_time(job.created_at), job.request.model, usd, error


def _lines(view: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _text(value)) for name, value in view.items() if value not in (None, {}, "")]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items() if inner not in (None, ""))
    return str(value)
