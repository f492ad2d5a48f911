"""The read side of the HTTPS door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from gallop import runs
from gallop.domain.groups import is_group_id
from gallop.doors.https import dashscope, groups, listing, long_poll, models, resolver, videos

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = resolver.new_resolver()


@app.get("/v1/videos")
def list_videos() -> Response[str]:
    """Show a page of jobs."""
    caller, parameters = resolver.caller_of(app), resolver.parameters_of(app)
    return resolver.answer(200, listing.page(caller, parameters, resolver.api_url_of(app)))


@app.get("/v1/videos/<job_id>")
def get_video(job_id: str) -> Response[str]:
    """Show a job or a group, immediately or when its state has changed."""
    sent, api_url = app.current_event.headers, resolver.api_url_of(app)
    asked = long_poll.wait_seconds(sent.get("prefer", ""))
    if is_group_id(job_id):
        found, granted = long_poll.wait_for_change_in(resolver.caller_of(app), job_id, asked)
        view, polling = groups.view(found, api_url)
    else:
        job, granted = long_poll.wait_for_change(resolver.caller_of(app), job_id, asked)
        view = videos.view(job, api_url)
        polling = videos.poll_headers(job, view)
    headers = {"ETag": long_poll.tag_of(view), "Cache-Control": "private, no-cache", **polling}
    if granted:
        headers["Preference-Applied"] = f"wait={granted}"
    if long_poll.has_seen(sent.get("if-none-match", ""), headers["ETag"]):
        return Response(304, None, "", dict(headers))
    return resolver.answer(200, view, headers)


@app.get("/v1/videos/<job_id>/content")
def get_content(job_id: str) -> Response[str]:
    """Redirect the client to the video, or to its thumbnail; say where it is if the client accepts JSON only."""
    found = videos.content(resolver.caller_of(app), job_id, resolver.parameters_of(app))
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if resolver.accepts_json_only(app):
        return resolver.answer(200, found.view(), headers)
    return Response(302, "text/plain", "", {"Location": found.url, **headers})


@app.delete("/v1/videos/<job_id>")
def delete_video(job_id: str) -> Response[str]:
    """Delete an ended job, or those of a group, and everything that belongs to them."""
    delete = groups.delete_group if is_group_id(job_id) else videos.delete_video
    return resolver.answer(200, delete(resolver.caller_of(app), job_id))


@app.post("/v1/videos/<job_id>/cancel")
def cancel_video(job_id: str) -> Response[str]:
    """Cancel a job, or those of a group, if that is still possible."""
    cancel = groups.cancel_group if is_group_id(job_id) else videos.cancel_video
    return resolver.answer(200, cancel(resolver.caller_of(app), job_id, resolver.api_url_of(app)))


@app.get("/v1/models")
def list_models() -> Response[str]:
    """Show the models with their limits and prices."""
    resolver.caller_of(app)
    return resolver.answer(200, models.listed())


@app.get("/v1/models/<model_id>")
def get_model(model_id: str) -> Response[str]:
    """Show one model."""
    resolver.caller_of(app)
    return resolver.answer(200, models.one(model_id))


@app.get("/v1/usage")
def get_usage() -> Response[str]:
    """Show what a caller has spent, and what waits and runs."""
    from gallop.doors.https import usage  # noqa: PLC0415 - all other routes start sooner without

    return resolver.answer(200, usage.view(resolver.caller_of(app)), {"Cache-Control": "no-store"})


@app.get(dashscope.TASKS)
@app.get(f"{dashscope.TASKS}/")
def list_tasks() -> Response[str]:
    """Show a page of jobs, in DashScope's protocol."""
    caller, parameters = dashscope.caller_of(app), resolver.parameters_of(app)
    return dashscope.answer(app, dashscope.list_tasks(caller, parameters))


@app.get(f"{dashscope.TASKS}/<task_id>")
@app.get(f"{dashscope.TASKS}/<task_id>/")
def get_task(task_id: str) -> Response[str]:
    """Show a job, in DashScope's protocol."""
    return dashscope.answer(app, dashscope.task(dashscope.caller_of(app), task_id))


@app.post(f"{dashscope.TASKS}/<task_id>/cancel")
@app.post(f"{dashscope.TASKS}/<task_id>/cancel/")
def cancel_task(task_id: str) -> Response[str]:
    """Cancel a job, in DashScope's protocol."""
    dashscope.cancel_task(dashscope.caller_of(app), task_id)
    return dashscope.answer(app, {})


@app.get(dashscope.UPLOADS)
def refuse_upload() -> Response[str]:
    """Explain to DashScope's package why it cannot upload a local file here."""
    dashscope.caller_of(app)
    raise dashscope.no_uploads()


@app.get("/health")
def health() -> Response[str]:
    """Report that the HTTPS door is available."""
    return resolver.answer(200, {"status": "ok"})


@runs.recorded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
