"""``eval "$(make -s env)"``: the running testbed as shell variables, as the pages' examples use them."""

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
    """Return the variables that AWS's tools and SDKs read, and the addresses of Gallop's doors."""
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
    """Print the variables for a shell; return the exit code."""
    if not RUNNING.exists():
        sys.stderr.write("No testbed is running. Start one with: make up\n")
        return 2
    for name, value in variables(json.loads(RUNNING.read_text(encoding="utf-8"))).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
