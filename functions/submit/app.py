"""Creates jobs, with their images, from requests at the HTTPS door and from drops in the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.doors.https import dashscope, draining, resolver, uploads, videos

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import Response
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = resolver.new_resolver()


@app.post("/v1/videos")
def create_video() -> Response[str]:
    """Create a job; answer 202 with its address and when to poll it."""
    caller, api_url = resolver.caller_of(app), resolver.api_url_of(app)
    body, headers = resolver.body_of(app), app.current_event.headers
    is_draining = draining.is_draining(app)
    made = videos.create_video(caller.client, body, headers, api_url, bound=caller.bound, is_draining=is_draining)
    if isinstance(made, dict):
        return resolver.answer(200, made)
    return resolver.answer(202, made.view, made.headers)


@app.post(dashscope.SUBMIT)
@app.post(f"{dashscope.SUBMIT}/")
def submit_task() -> Response[str]:
    """Create a job, in DashScope's protocol."""
    caller = dashscope.caller_of(app)
    body, headers, is_draining = resolver.body_of(app).text(), app.current_event.headers, draining.is_draining(app)
    made = dashscope.submit(caller.client, body, headers, bound=caller.bound, is_draining=is_draining)
    return dashscope.answer(app, made)


@app.post("/v1/uploads")
def create_upload() -> Response[str]:
    """Return a form that uploads one image."""
    client = resolver.caller_of(app).client
    draining.check_open(app)
    return resolver.answer(201, uploads.create_upload(client, resolver.body_of(app)))


@runs.recorded
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | PartialItemFailureResponse:
    """Process a batch from the S3 door's queue, or answer a request at the HTTPS door."""
    # Both shapes are AWS's own, SQS's and API Gateway's, so neither carries an action.
    if "Records" not in event:
        return app.resolve(event, context)
    return _take_drops(event, context)


def _take_drops(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    # A request at the HTTPS door, for which somebody waits, is answered sooner without these.
    from aws_lambda_powertools.utilities.batch import (  # noqa: PLC0415
        BatchProcessor,
        EventType,
        process_partial_response,
    )
    from gallop.doors.s3 import drops  # noqa: PLC0415

    batch = drops.Batch()

    def take(record: SQSRecord) -> None:
        received = int(record.attributes.approximate_receive_count)
        batch.take(drops.Message(record.body, record.message_id, record.receipt_handle, received))

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
