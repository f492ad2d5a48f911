"""One asynchronous task, and how DashScope's query and list APIs show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fake_dashscope import ids
from fake_dashscope.catalogue import lines

if TYPE_CHECKING:
    from concurrent.futures import Future

    from fake_dashscope.accounts import Account
    from fake_dashscope.errors import VendorError
    from fake_dashscope.faults import Fault
    from fake_dashscope.media import Prepared
    from fake_dashscope.order import Order

PENDING, RUNNING, SUCCEEDED, FAILED, CANCELED, UNKNOWN = STATUSES = (
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "CANCELED",
    "UNKNOWN",
)
RETENTION = 24 * 3600.0


@dataclass(slots=True, eq=False)
class Task:
    """One task. Times are simulated seconds since the epoch; ``running_seconds`` is its running time."""

    id: str
    request_id: str
    account: Account
    order: Order
    submitted: float
    ready: float
    running_seconds: float
    fault: Fault | None = None
    status: str = PENDING
    scheduled: float = 0.0
    ends: float = 0.0
    ended: float = 0.0
    failure: VendorError | None = None
    preparation: Future[Prepared] | None = None
    inputs: Prepared | None = None
    video_name: str = ""
    uploads: dict[str, bytes] = field(default_factory=dict)

    @property
    def fault_kind(self) -> str:
        """The kind of this task's fault, or an empty string."""
        return self.fault.kind if self.fault else ""

    @property
    def output_seconds(self) -> float:
        """The length of the video."""
        return self.inputs.output_seconds if self.inputs else float(self.order.seconds)

    @property
    def billed_seconds(self) -> float:
        """The seconds charged: only for a success, and for an edit the input as well."""
        if self.status != SUCCEEDED:
            return 0
        return _whole(self.output_seconds + (self.inputs.input_seconds if self.inputs else 0))

    def usage(self) -> dict[str, Any]:
        """Return the ``usage`` of a finished task."""
        given = self.inputs.input_seconds if self.inputs else 0
        usage = {
            "duration": self.billed_seconds,
            "input_video_duration": _whole(given),
            "output_video_duration": _whole(self.output_seconds),
            "video_count": 1,
            "SR": lines(self.order.resolution),
        }
        return {**usage, "ratio": self.order.ratio} if self.order.ratio else usage

    def output(self, video_url: str) -> dict[str, Any]:
        """Return the ``output`` of the query API."""
        output: dict[str, Any] = {"task_id": self.id, "task_status": self.status}
        if self.status == FAILED:
            return output | self._detail()
        output["submit_time"] = ids.local_time(self.submitted)
        if self.scheduled:
            output["scheduled_time"] = ids.local_time(self.scheduled)
        if self.ended:
            output["end_time"] = ids.local_time(self.ended)
        if self.status == SUCCEEDED:
            output["orig_prompt"] = self.order.prompt
            if video_url:
                output["video_url"] = video_url
        return output

    def _detail(self) -> dict[str, str]:
        if self.failure is None:
            return {
                "submit_time": ids.local_time(self.submitted),
                "scheduled_time": ids.local_time(self.scheduled),
                "end_time": ids.local_time(self.ended),
            }
        return {"code": self.failure.code, "message": self.failure.message}

    def entry(self, key_id: str, uid: str) -> dict[str, Any]:
        """Return the entry of the list API: milliseconds since the epoch, neither prompt nor URL."""
        entry: dict[str, Any] = {
            "api_key_id": key_id,
            "caller_parent_id": uid,
            "caller_uid": uid,
            "gmt_create": ids.milliseconds(self.submitted),
            "model_name": self.order.model.name,
            "region": self.account.region,
            "request_id": self.request_id,
            "status": self.status,
            "task_id": self.id,
            "user_api_unique_key": f"apikey:v1:aigc:video-generation:video-synthesis:{self.order.model.name}",
        }
        if self.scheduled:
            entry["start_time"] = ids.milliseconds(self.scheduled)
        if self.ended:
            entry["end_time"] = ids.milliseconds(self.ended)
        return entry


def _whole(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else round(seconds, 2)
