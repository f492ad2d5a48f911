"""Signs the finished video with Content Credentials, into a second file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps.sign_video import sign_video, trial

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Sign the video of a job, or try whether that is possible."""
    match event.get("action"):
        case None:
            return sign_video(event["job_id"]).as_json()
        case "try":
            return trial()
        case unknown:
            raise ValueError(f"Unknown action {unknown!r}: use try.")
