"""The read side of the HTTPS door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from gallop.doors.https import dashscope as dashscope_dialect
from gallop.doors.https import listing, videos
from gallop.doors.https import long_poll as watching
from gallop.doors.https import resolver as http

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/v1/videos")
def list_videos() -> Response[str]:
    """Show a page of jobs."""
    return http.answer(200, listing.page(http.caller_of(app), app.current_event.query_string_parameters))


@app.get("/v1/videos/<job_id>")
def get_video(job_id: str) -> Response[str]:
    """Show a job, at once or when its state has changed."""
    asked = app.current_event.headers
    seconds = watching.wait_seconds(asked.get("prefer", ""))
    job = watching.watched(http.caller_of(app), job_id, seconds)
    view = videos.view(job)
    headers = {"ETag": watching.tag_of(view), "Cache-Control": "private, no-cache", **videos.poll_headers(job, view)}
    if seconds:
        headers["Preference-Applied"] = f"wait={seconds}"
    if watching.has_seen(asked.get("if-none-match", ""), headers["ETag"]):
        return Response(304, None, "", dict(headers))
    return http.answer(200, view, headers)


@app.get("/v1/videos/<job_id>/content")
def get_content(job_id: str) -> Response[str]:
    """Send the client to the video, or to its thumbnail."""
    variant = app.current_event.query_string_parameters.get("variant", videos.VIDEO)
    url = videos.content_url(http.caller_of(app), job_id, variant)
    return Response(302, "text/plain", "", {"Location": url, "Cache-Control": "no-store"})


@app.delete("/v1/videos/<job_id>")
def delete_video(job_id: str) -> Response[str]:
    """Delete an ended job and everything that belongs to it."""
    return http.answer(200, videos.delete_video(http.caller_of(app), job_id))


@app.post("/v1/videos/<job_id>/cancel")
def cancel_video(job_id: str) -> Response[str]:
    """Cancel a job if that is still possible."""
    return http.answer(200, videos.cancel_video(http.caller_of(app), job_id))


@app.get(dashscope_dialect.TASKS)
@app.get(f"{dashscope_dialect.TASKS}/")
def list_tasks() -> Response[str]:
    """Show a page of jobs, in DashScope's protocol."""
    caller, parameters = dashscope_dialect.caller_of(app), app.current_event.query_string_parameters
    return dashscope_dialect.answer(app, dashscope_dialect.list_tasks(caller, parameters))


@app.get(f"{dashscope_dialect.TASKS}/<task_id>")
@app.get(f"{dashscope_dialect.TASKS}/<task_id>/")
def get_task(task_id: str) -> Response[str]:
    """Show a job, in DashScope's protocol."""
    return dashscope_dialect.answer(app, dashscope_dialect.task(dashscope_dialect.caller_of(app), task_id))


@app.post(f"{dashscope_dialect.TASKS}/<task_id>/cancel")
@app.post(f"{dashscope_dialect.TASKS}/<task_id>/cancel/")
def cancel_task(task_id: str) -> Response[str]:
    """Cancel a job, in DashScope's protocol."""
    dashscope_dialect.cancel_task(dashscope_dialect.caller_of(app), task_id)
    return dashscope_dialect.answer(app, {})


@app.get(dashscope_dialect.UPLOADS)
def refuse_upload() -> Response[str]:
    """Explain to DashScope's package why it cannot upload a local file here."""
    dashscope_dialect.caller_of(app)
    raise dashscope_dialect.no_uploads()


@app.get("/health")
def health() -> Response[str]:
    """Report that the door is open."""
    return http.answer(200, {"status": "ok"})


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
