"""AWS's managed policies, verbatim, added to moto one at a time (all of them take seconds).

Those of a template exist already: moto creates them with the template's other resources.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends

from .account import ACCOUNT
from .template import TemplateError


@cache
def _documents() -> dict[str, tuple[str, dict[str, Any]]]:
    policies: dict[str, dict[str, Any]] = json.loads(aws_managed_policies_data)
    return {f"arn:aws:iam::aws:policy{data['Path']}{name}": (name, data) for name, data in policies.items()}


def ensure(arn: str) -> None:
    """Make the policy attachable; raise ``TemplateError`` if neither the account nor AWS has it."""
    backend = iam_backends[ACCOUNT]["aws"]
    if arn in backend.managed_policies:
        return
    if arn not in _documents():
        raise TemplateError(f"AWS has no managed policy {arn}.")
    name, data = _documents()[arn]
    backend.managed_policies[arn] = AWSManagedPolicy.from_data(name, ACCOUNT, "aws-global", data)
