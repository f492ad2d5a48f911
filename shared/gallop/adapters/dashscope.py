"""DashScope: submit a task, ask how it stands, fetch its video (fact sheet §1, §2, §5).

The one module that speaks to it. It never retries by itself: which call may be repeated is the caller's knowledge.
No error that leaves here carries an address, a key or a prompt.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import httpx

from gallop.domain.dashscope.replies import (
    Accepted,
    ListedTask,
    Task,
    TaskCanceled,
    TaskFailed,
    TaskSucceeded,
    TaskUnknown,
    TaskWaiting,
)
from gallop.domain.errors import (
    OutcomeUnknown,
    ResultIncomplete,
    VendorRefused,
    VendorThrottled,
    VendorUnavailable,
    VendorUnreachable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gallop.domain.request.request import VideoRequest

SUBMIT_PATH = "/services/aigc/video-generation/video-synthesis"
MAX_MESSAGE_CHARACTERS = 500
PIECE_BYTES = 256 * 1024
LIST_PAGE_SIZE = 50
MAX_LIST_PAGES = 40

# A question is asked again; the functions that ask have 30 seconds and more.
_PATIENCE = httpx.Timeout(10, connect=5)
_MAX_LIST_SECONDS = 30

_BEIJING = timezone(timedelta(hours=8))
_KEY = re.compile(r"[\x21-\x7e]+")
_ADDRESS = re.compile(r"(?:https?://|oss://|data:)\S+", re.IGNORECASE)

# The rest of the 429s are about unpaid bills (fact sheet §5), which no waiting mends.
_THROTTLED = "Throttling"
_TOO_LATE_TO_CANCEL = "UnsupportedOperation"
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def submission(request: VideoRequest, image_urls: Sequence[str]) -> dict[str, Any]:
    """Write the body of a submit: every parameter by name, so that no default of DashScope's gets in."""
    parameters: dict[str, Any] = {
        "resolution": request.resolution,
        "ratio": request.ratio,
        "duration": request.duration,
        "watermark": request.watermark,
    }
    if request.seed is not None:
        parameters["seed"] = request.seed
    media = [{"type": "reference_image", "url": url} for url in image_urls]
    return {
        "model": request.model,
        "input": {"prompt": request.prompt, "media": media},
        "parameters": parameters,
    }


def submit(base_url: str, key: str, body: Mapping[str, Any]) -> Accepted:
    """Send the POST that costs money, once.

    Raises:
        VendorUnreachable: it was surely not sent.
        VendorThrottled: DashScope refused it for now.
        VendorRefused: DashScope refused it for good.
        OutcomeUnknown: it may have made a task, or not.

    """
    headers = {**_authorization(key), "X-DashScope-Async": "enable"}
    try:
        answer = _client().post(base_url + SUBMIT_PATH, json=body, headers=headers)
    except (*_NEVER_SENT, httpx.InvalidURL) as error:
        raise _unreachable(base_url, error) from None
    except httpx.HTTPError as error:
        raise OutcomeUnknown(f"The reply to the submit was lost ({type(error).__name__}).") from None
    if 400 <= answer.status_code < 500:  # noqa: PLR2004 - RFC 9110's class of client errors
        raise _refusal(answer)
    return _accepted(answer)


def query(base_url: str, key: str, task_id: str) -> Task:
    """Ask how a task stands.

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: no answer this time.
        VendorRefused: the question itself was refused, for its key for example.

    """
    return _task(_ask(base_url, key, f"/tasks/{task_id}", {}))


def cancel(base_url: str, key: str, task_id: str) -> bool:
    """Cancel a task that DashScope has not begun; tells whether it was in time (fact sheet §3).

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: no answer this time.
        VendorRefused: refused for another reason than that the task has begun.

    """
    try:
        answer = _ask(base_url, key, f"/tasks/{task_id}/cancel", {}, method="POST")
    except VendorRefused as refused:
        if refused.vendor_code == _TOO_LATE_TO_CANCEL:
            return False
        raise
    if answer.status_code != httpx.codes.OK:
        raise VendorUnavailable(f"DashScope's answer cannot be read (HTTP {answer.status_code}).")
    return True


def tasks_between(base_url: str, key: str, model: str, since: float, until: float) -> list[ListedTask]:
    """List the account's tasks of a model that were created between two times (fact sheet §3).

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: no answer this time.
        VendorRefused: the question itself was refused.

    """
    # The zone of the two times is not documented: each of these is the window in one of them, and short. One that
    # encloses both is eight hours long, more than can be read of a busy account: it is for who refuses the short ones.
    short = [(since, UTC), (until + 1, UTC)], [(since, _BEIJING), (until + 1, _BEIJING)]
    try:
        found = [task for window in short for task in _tasks_in(base_url, key, model, window)]
    except VendorRefused:
        found = _tasks_in(base_url, key, model, [(since, UTC), (until + 1, _BEIJING)])
    return [task for task in dict.fromkeys(found) if since <= task.created_at <= until]


def _tasks_in(base_url: str, key: str, model: str, window: Sequence[tuple[float, tzinfo]]) -> list[ListedTask]:
    start, end = (datetime.fromtimestamp(seconds, zone).strftime("%Y%m%d%H%M%S") for seconds, zone in window)
    found: list[ListedTask] = []
    give_up_at = time.monotonic() + _MAX_LIST_SECONDS
    for page in range(1, MAX_LIST_PAGES + 1):
        if time.monotonic() > give_up_at:
            break
        paging = {"page_no": str(page), "page_size": str(LIST_PAGE_SIZE)}
        filters = {"model_name": model, "start_time": start, "end_time": end}
        rows = _object(_ask(base_url, key, "/tasks", {**filters, **paging})).get("data")
        if not isinstance(rows, list):
            raise VendorUnavailable("DashScope's list of tasks cannot be read.")
        found += map(_listed, rows)
        if len(rows) < LIST_PAGE_SIZE:
            return found
    raise VendorUnavailable("DashScope's list of tasks takes too long.")


@contextmanager
def download(url: str) -> Iterator[tuple[int | None, Iterator[bytes]]]:
    """Open a result: gives its length in bytes, if it is told, and its pieces.

    The key is not sent along: OSS refuses it beside a signature (fact sheet §2).

    Raises:
        VendorUnreachable, VendorUnavailable: it could not be opened.
        ResultIncomplete: it broke off; raised while the pieces are taken.

    """
    try:
        with _client().stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise VendorUnavailable(f"The result's address answered with HTTP {answer.status_code}.")
            length = answer.headers.get("Content-Length", "")
            yield int(length) if length.isdecimal() else None, answer.iter_bytes(PIECE_BYTES)
    except (*_NEVER_SENT, httpx.InvalidURL) as error:
        raise VendorUnreachable(f"No connection to the result's host ({type(error).__name__}).") from None
    except httpx.HTTPError as error:
        raise ResultIncomplete(f"The video broke off on its way ({type(error).__name__}).") from None


@cache
def _client() -> httpx.Client:
    # httpx notes every address that it asks for, and that of a video opens it for a day.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Proxies and .netrc of the environment have no say in where the key goes.
    # No connection is kept: one that Lambda froze is half dead, and a submit over it would end as unknown.
    return httpx.Client(
        timeout=httpx.Timeout(30, connect=5, read=60),
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
    )


def _ask(base_url: str, key: str, path: str, params: Mapping[str, str], method: str = "GET") -> httpx.Response:
    try:
        headers = _authorization(key)
        answer = _client().request(method, base_url + path, params=params, headers=headers, timeout=_PATIENCE)
    except (*_NEVER_SENT, httpx.InvalidURL) as error:
        raise _unreachable(base_url, error) from None
    except httpx.HTTPError as error:
        raise VendorUnavailable(f"DashScope did not answer ({type(error).__name__}).") from None
    if 400 <= answer.status_code < 500:  # noqa: PLR2004 - the same
        raise _refusal(answer)
    return answer


def _listed(row: object) -> ListedTask:
    try:
        task_id, created = row["task_id"], row["gmt_create"]  # type: ignore[index]
        return ListedTask(str(task_id), float(created) / 1000)
    except (KeyError, TypeError, ValueError):
        raise VendorUnavailable("DashScope's list of tasks cannot be read.") from None


def _authorization(key: str) -> dict[str, str]:
    if not _KEY.fullmatch(key):
        raise VendorRefused("InvalidApiKey", "What the stack's secret holds cannot be a key.")
    return {"Authorization": f"Bearer {key}"}


def _unreachable(base_url: str, error: Exception) -> VendorUnreachable:
    host = base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return VendorUnreachable(f"No connection to DashScope at {host} ({type(error).__name__}).")


def _refusal(answer: httpx.Response) -> VendorRefused | VendorThrottled:
    body = _object(answer)
    code = _short(body.get("code") or f"HTTP {answer.status_code}")
    message = _short(body.get("message") or answer.reason_phrase)
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS and (code.startswith((_THROTTLED, "HTTP "))):
        return VendorThrottled(f"DashScope refused for its rate limits: {code}: {message}")
    return VendorRefused(code, message)


def _accepted(answer: httpx.Response) -> Accepted:
    body = _object(answer)
    task_id = _object_of(body, "output").get("task_id")
    if answer.status_code != httpx.codes.OK or not isinstance(task_id, str) or not task_id:
        raise OutcomeUnknown(f"The reply to the submit names no task (HTTP {answer.status_code}).")
    return Accepted(task_id, str(body.get("request_id", "")))


def _task(answer: httpx.Response) -> Task:
    body = _object(answer)
    output = _object_of(body, "output")
    match output.get("task_status"):
        case "SUCCEEDED":
            url, prompt = str(output.get("video_url") or ""), str(output.get("orig_prompt") or "")
            return TaskSucceeded(url, _object_of(body, "usage"), prompt, _ran_for(output))
        case "FAILED":
            reason = _short(output.get("message") or "DashScope gave no reason.")
            return TaskFailed(_short(output.get("code") or "FAILED"), reason)
        case "CANCELED":
            return TaskCanceled()
        case "UNKNOWN":
            return TaskUnknown()
        case str() as status if answer.status_code == httpx.codes.OK:
            return TaskWaiting(status == "PENDING", _local_time(output.get("scheduled_time")))
    raise VendorUnavailable(f"DashScope's answer cannot be read (HTTP {answer.status_code}).")


def _ran_for(output: Mapping[str, Any]) -> float | None:
    began, ended = _local_time(output.get("scheduled_time")), _local_time(output.get("end_time"))
    return None if began is None or ended is None else ended - began


def _local_time(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=_BEIJING).timestamp()
    except (ValueError, OverflowError):
        return None


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json(parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _object_of(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _short(message: object) -> str:
    # DashScope quotes what it could not fetch, and the address of a private image is a key to it.
    text = _ADDRESS.sub("(address)", str(message))
    return text.encode(errors="replace").decode()[:MAX_MESSAGE_CHARACTERS]
