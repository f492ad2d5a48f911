"""Runs a function once in a process of its own, and prints what memory that took: ``measured.py app.py event``."""

from __future__ import annotations

import importlib.util
import json
import re
import resource
import sys
from pathlib import Path
from types import SimpleNamespace


def peak_bytes() -> int:
    """Give the most memory that this process ever had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage's figure begins with that of the parent, before this program was started.
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        assert found
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(app: str, event: str) -> None:
    """Load the function as Lambda does, with all clients it will need, and run it."""
    spec = importlib.util.spec_from_file_location("app", app)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from gallop.adapters import aws, dashscope  # noqa: PLC0415 - what a warm function has

    for client in (aws.dynamodb, aws.s3, aws.secretsmanager, dashscope._client):  # noqa: SLF001
        client()
    idle = peak_bytes()
    answer = module.handler(json.loads(event), SimpleNamespace(aws_request_id="1"))
    print(json.dumps({"idle": idle, "peak": peak_bytes(), "answer": answer}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
