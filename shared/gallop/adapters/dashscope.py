"""DashScope's API: submit, query, cancel and list tasks, and download videos (fact sheet §1, §2, §5).

The only module that calls DashScope. It never retries: only the caller knows which call may be repeated.
No error raised here contains an address, a key or a prompt.
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

from gallop import metrics
from gallop.domain.dashscope import addresses as vendor_addresses
from gallop.domain.dashscope import error_codes
from gallop.domain.dashscope.error_codes import Kind
from gallop.domain.dashscope.replies import (
    TASK_ID,
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
from gallop.domain.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gallop.domain.request.request import VideoRequest

SUBMIT_PATH = "/services/aigc/video-generation/video-synthesis"
MAX_MESSAGE_CHARACTERS = 500
LIST_PAGE_SIZE = 50
MAX_LIST_PAGES = 40

# Queries are repeated, and the functions that make them run for at least 30 seconds.
_QUERY_TIMEOUT = httpx.Timeout(10, connect=5)
_MAX_LIST_SECONDS = 30

_BEIJING = timezone(timedelta(hours=8))
_KEY = re.compile(r"[\x21-\x7e]+")
_ADDRESS = re.compile(r"(?:https?://|oss://|data:)\S+", re.IGNORECASE)

_TOO_LATE_TO_CANCEL = "UnsupportedOperation"
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def submission(request: VideoRequest, addresses: Sequence[str]) -> dict[str, Any]:
    """Build the body of a submit; ``addresses`` are those of the request's files, in their order.

    Every parameter is explicit, so that DashScope's defaults never apply.
    """
    model = MODELS[request.model]
    values = {one.vendor: request.parameters.get(one.name, one.default) for one in model.parameters}
    types = {field.name: field.type for field in model.media}
    media = [{"type": types[medium.field], "url": url} for medium, url in zip(request.media, addresses, strict=True)]
    return {
        "model": request.model,
        "input": {**({"prompt": request.prompt} if request.prompt else {}), **({"media": media} if media else {})},
        "parameters": {name: value for name, value in values.items() if value is not None},
    }


def submit(base_url: str, key: str, body: Mapping[str, Any]) -> Accepted:
    """Send the POST that costs money, once.

    Raises:
        VendorUnreachable: It was certainly not sent.
        VendorThrottled: DashScope refused it for now.
        VendorRefused: DashScope refused it permanently.
        OutcomeUnknown: It may or may not have created a task.

    """
    headers = {**_authorization(key), "X-DashScope-Async": "enable"}
    try:
        response = _client().post(_checked(base_url) + SUBMIT_PATH, json=body, headers=headers)
    except (*_NEVER_SENT, httpx.InvalidURL) as error:
        raise _unreachable(base_url, error) from None
    except httpx.HTTPError as error:
        raise OutcomeUnknown(f"DashScope's reply to the submit was lost ({type(error).__name__}).") from None
    if 400 <= response.status_code < 500:  # noqa: PLR2004 - RFC 9110's class of client errors
        raise _refusal(response)
    return _accepted(response)


def query(base_url: str, key: str, task_id: str) -> Task:
    """Return the current state of a task.

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: No response this time.
        VendorRefused: DashScope refused the query itself, because of its key for example.

    """
    return _task(_ask(base_url, key, f"/tasks/{task_id}", {}))


def cancel(base_url: str, key: str, task_id: str) -> bool:
    """Cancel a task that DashScope has not started; return whether it was cancelled (fact sheet §3).

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: No response this time.
        VendorRefused: DashScope refused for another reason than that the task has started.

    """
    try:
        response = _ask(base_url, key, f"/tasks/{task_id}/cancel", {}, method="POST")
    except VendorRefused as refused:
        if refused.vendor_code == _TOO_LATE_TO_CANCEL:
            return False
        raise
    if response.status_code != httpx.codes.OK:
        raise VendorUnavailable(f"DashScope sent an unreadable response (HTTP {response.status_code}).")
    return True


def check_key(base_url: str, key: str) -> None:
    """Check that this host accepts the key, by a list of one task, which is free (fact sheet §3).

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: No response this time.
        VendorRefused: DashScope refuses the key, or its right to the API.

    """
    if not isinstance(_object(_ask(base_url, key, "/tasks", {"page_no": "1", "page_size": "1"})).get("data"), list):
        raise VendorUnavailable("DashScope sent an unreadable task list.")


def check_model(base_url: str, key: str, model: str) -> None:
    """Check that this host knows a model, by asking where its files would be uploaded, which is free (§4).

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: No response this time.
        VendorRefused: DashScope does not know the model, or refuses it.

    """
    if "data" not in _object(_ask(base_url, key, "/uploads", {"action": "getPolicy", "model": model})):
        raise VendorUnavailable("DashScope sent an unreadable upload policy.")


def tasks_between(base_url: str, key: str, model: str, since: float, until: float) -> list[ListedTask]:
    """List the account's tasks of a model that were created between two epoch times (fact sheet §3).

    Raises:
        VendorUnreachable, VendorThrottled, VendorUnavailable: No response this time.
        VendorRefused: DashScope refused the query itself.

    """
    # The time zone of the two times is not documented, so ask for the same short window in each possible zone. One
    # window that covers both is eight hours long, too long to read on a busy account: only for when these are refused.
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
            raise VendorUnavailable("DashScope sent an unreadable task list.")
        found += map(_listed, rows)
        if len(rows) < LIST_PAGE_SIZE:
            return found
    raise VendorUnavailable("Reading DashScope's task list took too long.")


@contextmanager
def download(url: str) -> Iterator[tuple[int | None, Iterator[bytes]]]:
    """Open a result; yield its length in bytes, if known, and an iterator over its chunks.

    The key is not sent: OSS refuses it beside a signature (fact sheet §2).

    Raises:
        VendorUnreachable, VendorUnavailable: It could not be opened.
        ResultIncomplete: The download was interrupted; raised while iterating over the chunks.

    """
    try:
        with _client().stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code != httpx.codes.OK:
                raise VendorUnavailable(f"The result URL returned HTTP {response.status_code}.")
            length = response.headers.get("Content-Length", "")
            yield int(length) if length.isdecimal() else None, response.iter_bytes()
    except (*_NEVER_SENT, httpx.InvalidURL) as error:
        raise VendorUnreachable(f"Cannot connect to the result's host ({type(error).__name__}).") from None
    except httpx.HTTPError as error:
        raise ResultIncomplete(f"The video download was interrupted ({type(error).__name__}).") from None


@cache
def _client() -> httpx.Client:
    # httpx logs every URL that it requests, and that of a video grants access for a day.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Proxies and .netrc of the environment must not decide where the key goes.
    # No connection is kept alive: after Lambda froze it, it may be dead, and a submit over it would end as unknown.
    return httpx.Client(
        timeout=httpx.Timeout(30, connect=5, read=60),
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
    )


def _ask(base_url: str, key: str, path: str, params: Mapping[str, str], method: str = "GET") -> httpx.Response:
    try:
        headers = _authorization(key)
        url = _checked(base_url) + path
        response = _client().request(method, url, params=params, headers=headers, timeout=_QUERY_TIMEOUT)
    except (*_NEVER_SENT, httpx.InvalidURL) as error:
        raise _unreachable(base_url, error) from None
    except httpx.HTTPError as error:
        raise VendorUnavailable(f"DashScope did not respond ({type(error).__name__}).") from None
    if 400 <= response.status_code < 500:  # noqa: PLR2004 - as above
        raise _refusal(response)
    return response


def _listed(row: object) -> ListedTask:
    try:
        task_id, created = row["task_id"], row["gmt_create"]  # type: ignore[index]
        return ListedTask(str(task_id), float(created) / 1000)
    except (KeyError, TypeError, ValueError):
        raise VendorUnavailable("DashScope sent an unreadable task list.") from None


def _authorization(key: str) -> dict[str, str]:
    if not _KEY.fullmatch(key):
        raise VendorRefused("InvalidApiKey", "The stack's secret does not contain a valid API key.")
    return {"Authorization": f"Bearer {key}"}


def _checked(base_url: str) -> str:
    """Return a base URL to which a key may be sent; for any other, nothing was sent and no attempt was made."""
    if not vendor_addresses.is_base_url(base_url):
        raise VendorUnreachable("The job's DashScope address is not https; no request is sent there.")
    return base_url


def _unreachable(base_url: str, error: Exception) -> VendorUnreachable:
    host = base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return VendorUnreachable(f"Cannot connect to DashScope at {host} ({type(error).__name__}).")


def _refusal(response: httpx.Response) -> VendorRefused | VendorThrottled:
    body = _object(response)
    code = _short(body.get("code") or f"HTTP {response.status_code}")
    message = _short(body.get("message") or response.reason_phrase)
    # The other 429s are about unpaid bills (fact sheet §5), which waiting does not solve.
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS and error_codes.meaning(code).kind is Kind.RATE:
        from gallop.domain.metrics import Metric  # noqa: PLC0415 - rare, and functions start sooner

        metrics.count(Metric.VENDOR_THROTTLES)
        return VendorThrottled(f"DashScope's rate limit is exceeded: {code}: {message}")
    return VendorRefused(code, message)


def _accepted(response: httpx.Response) -> Accepted:
    body = _object(response)
    task_id = _object_of(body, "output").get("task_id")
    if response.status_code != httpx.codes.OK or not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        raise OutcomeUnknown(f"DashScope's reply to the submit contains no task ID (HTTP {response.status_code}).")
    return Accepted(task_id, str(body.get("request_id", "")))


def _task(response: httpx.Response) -> Task:
    body = _object(response)
    output = _object_of(body, "output")
    match output.get("task_status"):
        case "SUCCEEDED":
            url, prompt = str(output.get("video_url") or ""), str(output.get("orig_prompt") or "")
            usage, ended_at = _object_of(body, "usage"), _local_time(output.get("end_time"))
            return TaskSucceeded(url, usage, prompt, _ran_for(output), ended_at)
        case "FAILED":
            reason = _short(output.get("message") or "DashScope reported no reason.")
            return TaskFailed(_short(output.get("code") or "FAILED"), reason, _local_time(output.get("end_time")))
        case "CANCELED":
            return TaskCanceled()
        case "UNKNOWN":
            return TaskUnknown()
        case str() as status if response.status_code == httpx.codes.OK:
            return TaskWaiting(status == "PENDING", _local_time(output.get("scheduled_time")))
    raise VendorUnavailable(f"DashScope sent an unreadable response (HTTP {response.status_code}).")


def _ran_for(output: Mapping[str, Any]) -> float | None:
    began, ended = _local_time(output.get("scheduled_time")), _local_time(output.get("end_time"))
    return None if began is None or ended is None else ended - began


def _local_time(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=_BEIJING).timestamp()
    except (ValueError, OverflowError):
        return None


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json(parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _object_of(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _short(message: object) -> str:
    # DashScope quotes URLs that it could not fetch, and the URL of a private image grants access to it.
    text = _ADDRESS.sub("(address)", str(message))
    return text.encode(errors="replace").decode()[:MAX_MESSAGE_CHARACTERS]
