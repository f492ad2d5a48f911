"""The SAM CLI, from the package index in an environment of its own, against the embedded AWS."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
from moto.cloudformation import responses
from moto.s3.models import s3_backends
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from tests.support.stack import ROOT
from tests.testbed.aws import cfn_types
from tests.testbed.aws.account import ACCOUNT, REGION
from tests.testbed.aws.template import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = ROOT / ".venv-sam" / "bin" / "sam"
ARTIFACTS = "artifacts"
FOREIGN = ("AWS_", "MAKE", "PYTHONPATH")


def sam(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command, as on a machine without AWS's own configuration."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    own = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_DEFAULT_REGION": REGION}
    environment = inherited | own | {"SAM_CLI_TELEMETRY": "0"} | variables
    return subprocess.run([COMMAND, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def macro() -> Iterator[None]:
    """Let CloudFormation read templates by path-style addresses, and run the SAM macro: moto does neither."""
    cfn_types.register()
    with patch.object(responses, "get_stack_from_s3_url", _expanded):
        yield


def _expanded(url: str, account_id: str, partition: str) -> str:
    del account_id
    bucket, _, key = urlsplit(url).path.lstrip("/").partition("/")
    source = s3_backends[ACCOUNT][partition].get_object(bucket, key)
    if source is None:
        raise ValueError(f"{url} does not exist.")
    return json.dumps(translated(source.value.decode()), default=str)


def translated(text: str) -> dict[str, Any]:
    """Translate a template whose code is in S3."""
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=REGION))
    body: dict[str, Any] = translator.translate(parsed(text), parameter_values={}, get_managed_policy_map=dict)
    translator.metrics.publish()
    return body
