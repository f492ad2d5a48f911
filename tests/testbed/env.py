"""``eval "$(make -s env)"``: the running testbed in the variables of a shell, as the examples on the pages use them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNNING = Path(__file__).parents[2] / ".testbed.json"


def variables(running: Mapping[str, Any]) -> dict[str, str]:
    """Give what AWS's tools and SDKs read, and where Gallop's doors are."""
    return {
        "AWS_ENDPOINT_URL": running["aws_endpoint_url"],
        "AWS_REGION": running["region"],
        "AWS_DEFAULT_REGION": running["region"],
        "AWS_ACCESS_KEY_ID": running["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": running["aws_secret_access_key"],
        "GALLOP_URL": running["api_url"],
        "GALLOP_KEY": running["api_key"],
        "INBOX": running["inbox_bucket"],
        "RESULTS": running["results_bucket"],
    }


def main() -> int:
    """Write them for a shell; give the exit code."""
    if not RUNNING.exists():
        sys.stderr.write("No testbed runs here. Start one with: make up\n")
        return 2
    for name, value in variables(json.loads(RUNNING.read_text(encoding="utf-8"))).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
