"""Makes a thumbnail of the finished video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallop import runs
from gallop.steps.make_thumbnail import make_thumbnail

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@runs.recorded
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Make the thumbnail of a job."""
    return make_thumbnail(event["job_id"]).as_json()
