"""A peer of a function: the same libraries make the calls that the function makes, in their order.

What it imports at its beginning, as a user would, is written in front of this text.
"""

import io
import json
import marshal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

CALLS = Path(__file__).with_name("calls.bin")
POWERTOOLS = "aws_lambda_powertools"
HTTP = f"{POWERTOOLS}.event_handler"
PARAMETERS = f"{POWERTOOLS}.utilities.parameters"
modules: dict[str, Any] = {**sys.modules}
logger = modules[POWERTOOLS].Logger() if POWERTOOLS in modules else None
app = modules[HTTP].APIGatewayHttpResolver() if HTTP in modules else None


@cache
def client(service: str) -> Any:  # noqa: ANN401 - the client of any service
    """Return the client of a service of AWS."""
    return modules["boto3"].client(service)


@cache
def vendor() -> Any:  # noqa: ANN401 - imported where it is used
    """Return the client of DashScope."""
    return modules["httpx"].Client()


def of_aws(service: str, method: str, arguments: dict[str, Any]) -> None:
    """Call AWS."""
    if service == "secretsmanager":
        modules[PARAMETERS].get_secret(arguments["SecretId"])
        return
    try:
        answer = getattr(client(service), method)(**arguments)
    except client(service).exceptions.ClientError:
        return
    if "Body" in answer:
        look_into(answer["Body"].read())


def look_into(video: bytes) -> None:
    """Make a picture of the first frame of a video."""
    if "av" not in modules:
        return
    av = modules["av"]
    with av.open(io.BytesIO(video)) as film:
        frame = next(film.decode(video=0)).reformat(format="yuvj420p")
    picture = av.CodecContext.create("mjpeg", "w")
    picture.width, picture.height, picture.pix_fmt, picture.time_base = (
        frame.width,
        frame.height,
        "yuvj420p",
        frame.time_base,
    )
    picture.encode(frame)


def of_http(method: str, url: str, headers: dict[str, str], body: bytes) -> None:
    """Call DashScope."""
    vendor().request(method, url, headers=headers, content=body)


KINDS: dict[str, Callable[..., None]] = {"aws": of_aws, "http": of_http}


def all_calls() -> dict[str, Any]:
    """Make all calls."""
    for kind, *arguments in marshal.loads(CALLS.read_bytes()):
        KINDS[kind](*arguments)
    return {"ok": True}


def handler(event: dict[str, Any], context: object) -> Any:  # noqa: ANN401 - JSON
    """Answer an event."""
    if app:
        app.route(event["rawPath"], method=[event["requestContext"]["http"]["method"]])(all_calls)
    answer = app.resolve(event, context) if app else json.loads(json.dumps(all_calls()))
    if logger:
        logger.info("done")
    return answer
