"""``make key CLIENT=name``: a key of the HTTPS door, shown once; the stack keeps its hash only.

For the testbed that ``make up`` runs; with ``STACK=gallop`` for the stack of that name in your AWS account, which the
AWS credentials of your shell must be able to describe, and whose table they must be able to write to.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from gallop import clock
from gallop.domain import keys
from gallop.edges import client_keys
from gallop.errors import AwsTrouble

RUNNING = Path(__file__).parents[2] / ".testbed.json"
TESTBED_STACK = "gallop"


def main(client: str) -> int:
    """Make a key and show it; give the exit code."""
    if not keys.is_client_name(client):
        return _refuse(f"{client!r} cannot be a client: use a-z, 0-9, dot, hyphen; `s3` is the S3 door's own name.")
    stack = os.environ.get("STACK")
    if not stack and not RUNNING.exists():
        return _refuse("No testbed runs here. Start one (make up), or name a stack of your AWS account (STACK=gallop).")
    if not stack:
        stack = TESTBED_STACK
        os.environ.update(_coordinates(RUNNING))
    key = keys.mint()
    try:
        os.environ["JOB_TABLE"] = _outputs(stack)["JobTableName"]
        client_keys.create(keys.Key(keys.hash_of(key), client, clock.now()))
    except (BotoCoreError, ClientError, AwsTrouble) as error:
        return _refuse(f"Stack {stack!r}: {error}")
    except KeyError:
        return _refuse(f"Stack {stack!r} has no output JobTableName: it is not a Gallop.")
    sys.stderr.write(f"The key of {client!r} at stack {stack!r}, shown this once:\n")
    sys.stdout.write(f"{key}\n")
    return 0


def _coordinates(path: Path) -> dict[str, str]:
    """Give the running testbed as the variables that boto3 reads."""
    running = json.loads(path.read_text(encoding="utf-8"))
    return {
        "AWS_ENDPOINT_URL": running["aws_endpoint_url"],
        "AWS_REGION": running["region"],
        "AWS_DEFAULT_REGION": running["region"],
        "AWS_ACCESS_KEY_ID": running["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": running["aws_secret_access_key"],
    }


def _outputs(stack: str) -> dict[str, str]:
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
