"""What a person can do about a job that ended without a video: an action, with a text for each door."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from gallop.domain.doors import Door

if TYPE_CHECKING:
    from collections.abc import Mapping


class Remedy(StrEnum):
    """What to do, independent of the door."""

    CREATE_AGAIN = "create_again"
    CREATE_AGAIN_LATER = "create_again_later"
    CREATE_IF_WANTED = "create_if_wanted"
    RESTORE_IF_WANTED = "restore_if_wanted"
    CHECK_ADDRESS = "check_address"
    CHECK_VENDOR = "check_vendor"
    SEARCH_CONSOLE = "search_console"
    FETCH_FROM_CONSOLE = "fetch_from_console"
    FIND_TASK = "find_task"
    REPORT_RESULT = "report_result"
    CREATE_AND_PAY_AGAIN = "create_and_pay_again"
    RAISE_CAP = "raise_cap"
    CHECK_LOGS = "check_logs"
    FIX_REQUEST = "fix_request"
    FIX_IMAGES = "fix_images"
    SEND_IMAGES = "send_images"
    CHANGE_CONTENT = "change_content"
    REPLACE_KEY = "replace_key"
    GRANT_ACCESS = "grant_access"
    PAY_BILL = "pay_bill"
    READ_VENDOR_MESSAGE = "read_vendor_message"


_AGAIN: Mapping[Door, str] = {
    Door.HTTPS: "create the job again",
    Door.S3: (
        "drop it again with a change, because the same content is the same job: edit one word of the prompt, or add "
        '"metadata": {"try": 2} to job.json'
    ),
}
_TEXTS: Mapping[Remedy, str] = {
    Remedy.CREATE_AGAIN: "{Again}.",
    Remedy.CREATE_AGAIN_LATER: "Wait a while, then {again}.",
    Remedy.CREATE_IF_WANTED: "If you still want the video, {again}.",
    Remedy.RESTORE_IF_WANTED: "If you still want the video, upload the same content again; for a line, batch.jsonl.",
    Remedy.CHECK_ADDRESS: "Check the parameter DashScopeBaseUrl and DashScope's status page, then {again}.",
    Remedy.CHECK_VENDOR: (
        "Check DashScope's status page. The task may have finished there: look for it in DashScope's console first, "
        "then {again}."
    ),
    Remedy.SEARCH_CONSOLE: (
        "Look in DashScope's console for a task of this model at the time of the attempt. If there is one, download "
        "its video there within 24 hours; if there is none, {again}."
    ),
    Remedy.FETCH_FROM_CONSOLE: (
        "The video exists at DashScope and was charged. Download it from DashScope's console within 24 hours of its "
        "completion: task {task}."
    ),
    Remedy.FIND_TASK: (
        "Look for task {task} in the console of the DashScope account that created it. If it has succeeded, the video "
        "exists and was charged: download it there within 24 hours of its completion."
    ),
    Remedy.REPORT_RESULT: (
        "Look at the result of task {task} in DashScope's console within 24 hours of its completion: it was charged. "
        "If it is not a video there either, report the task to DashScope."
    ),
    Remedy.CREATE_AND_PAY_AGAIN: (
        "Ask the operator why the video was not downloaded in time. To pay for it again, {again}."
    ),
    Remedy.RAISE_CAP: "Ask the operator to raise the cap, then {again}.",
    Remedy.CHECK_LOGS: (
        "Check the logs of the stack: a permission may be missing, or AWS may have an outage. Look for the task in "
        "DashScope's console before you {again}."
    ),
    Remedy.FIX_REQUEST: "Fix what DashScope names, check that every image can be downloaded, then {again}.",
    Remedy.FIX_IMAGES: "Check that every image is complete and can be downloaded, then {again}.",
    Remedy.SEND_IMAGES: "Check that every image can be downloaded quickly, or send the files themselves, then {again}.",
    Remedy.CHANGE_CONTENT: "Change the prompt or the images: DashScope's moderation refused them. Then {again}.",
    Remedy.REPLACE_KEY: (
        "Ask the operator to store a DashScope API key of the region of DashScopeBaseUrl in the stack's secret, "
        "then {again}."
    ),
    Remedy.GRANT_ACCESS: (
        "Ask the operator to give the DashScope account access to this model in DashScope's console, then {again}."
    ),
    Remedy.PAY_BILL: "Ask the operator to settle the bill with Alibaba Cloud, then {again}.",
    Remedy.READ_VENDOR_MESSAGE: "Read DashScope's message, then {again}.",
}


def text(remedy: Remedy, door: Door, task_id: str = "`task_id`") -> str:
    """Return the text of a remedy for the users of a door."""
    again = _AGAIN[door]
    return _TEXTS[remedy].format(again=again, Again=again[0].upper() + again[1:], task=task_id)
