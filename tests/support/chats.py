"""Receivers that answer as Slack's incoming webhooks, Teams' workflows, n8n's Wait node and Make's webhooks do."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Takes the path and the JSON of a request; gives status, text, and what a person or program then has.
    Answerer = Callable[[str, Any], tuple[int, str, str | None]]

CARD = "application/vnd.microsoft.card.adaptive"


@dataclass(slots=True)
class Chat:
    """A running receiver; ``shown`` is what it has accepted."""

    url: str
    shown: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


def slack_answer(_: str, body: Any) -> tuple[int, str, str | None]:  # noqa: ANN401 - JSON
    """Answer as hooks.slack.com/services: text is required, and what is accepted is answered with ``ok``."""
    text = body.get("text") if isinstance(body, dict) else None
    return (200, "ok", text) if isinstance(text, str) and text else (400, "no_text", None)


def teams_answer(_: str, body: Any) -> tuple[int, str, str | None]:  # noqa: ANN401 - JSON
    """Answer as a workflow of Teams: a message with an Adaptive Card."""
    try:
        (attachment,) = body["attachments"]
        card = attachment["content"]
        is_valid = (body["type"], attachment["contentType"], card["type"]) == ("message", CARD, "AdaptiveCard")
        texts = [block["text"] for block in card["body"] if block["type"] == "TextBlock"]
    except (KeyError, TypeError, ValueError):
        return 400, "", None
    return (202, "", "\n".join(texts)) if is_valid and card["version"] else (400, "", None)


def make_off_answer(*_: Any) -> tuple[int, str, str | None]:  # noqa: ANN401 - JSON
    """Answer as Make does while the scenario is switched off."""
    return 410, "There is no scenario listening for this webhook.", None


def make_answer(_: str, body: Any) -> tuple[int, str, str | None]:  # noqa: ANN401 - JSON
    """Answer as a custom webhook of Make: whatever comes is queued."""
    return 200, "Accepted", json.dumps(body)


def n8n_answer(resume_path: str) -> Answerer:
    """Return who answers as n8n does at the address of a Wait node: once, and only with its signature."""
    is_resumed: list[bool] = []

    def answer(path: str, body: Any) -> tuple[int, str, str | None]:  # noqa: ANN401 - JSON
        if path.partition("?")[0] != resume_path.partition("?")[0]:
            return 404, '{"code": 404, "message": "The execution does not exist."}', None
        if path != resume_path:
            return 401, '{"error": "Invalid token"}', None
        if is_resumed:
            return 409, '{"code": 409, "message": "The execution has finished already."}', None
        is_resumed.append(True)
        return 200, '{"message": "Workflow was started"}', json.dumps(body)

    return answer


@contextmanager
def chat(answerer: Answerer) -> Iterator[Chat]:
    """Receive, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, text, shown = answerer(self.path, body)
            here.statuses.append(status)
            here.shown += [shown] if shown is not None else []
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the signature of http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        here = Chat(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
