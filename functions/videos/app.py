"""The read side of the HTTPS door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from gallop.doors import dashscope_dialect, http, videos

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = http.resolver()


@app.get("/v1/videos/<job_id>")
def get_video(job_id: str) -> Response[str]:
    """Show a job."""
    job = videos.video(http.caller_of(app), job_id)
    return http.answer(200, videos.view(job), videos.poll_headers(job))


@app.get("/v1/videos/<job_id>/content")
def get_content(job_id: str) -> Response[str]:
    """Send the client to the video."""
    url = videos.content_url(http.caller_of(app), job_id)
    return Response(302, "text/plain", "", {"Location": url, "Cache-Control": "no-store"})


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
    """Tell DashScope's package why it cannot upload a local file here."""
    dashscope_dialect.caller_of(app)
    raise dashscope_dialect.no_uploads()


@app.get("/health")
def health() -> Response[str]:
    """Say that the door is open."""
    return http.answer(200, {"status": "ok"})


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request."""
    return app.resolve(event, context)
