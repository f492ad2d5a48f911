"""Commands of the AWS CLI, as pages and messages print them, run without it: ``aws sqs set-queue-attributes ...``."""

from __future__ import annotations

import json
import shlex
from typing import Any

from botocore import xform_name
from botocore.model import ListShape

from tests.support.stack import aws

_SERVICES = {"s3api": "s3"}


def run(command: str) -> Any:  # noqa: ANN401 - any operation's
    """Run the first command of a text, whose options must be the operation's parameters; return the answer."""
    words = shlex.split(command[command.index("aws ") :])
    client = aws(_SERVICES.get(words[1], words[1]))
    operation = words[2].replace("-", "_")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape
    names = {xform_name(name, "-"): name for name in shape.members}
    values: dict[str, Any] = {}
    option = ""
    for word in words[3:]:
        if word.startswith("--"):
            option = names[_positive(word.removeprefix("--"), names)]
            values[option] = True
        elif option:
            values[option] = _value(shape.members[option], word)
            option = ""
    return getattr(client, operation)(**values)


def _positive(name: str, names: dict[str, str]) -> str:
    return name if name in names else name.removeprefix("no-")


def _value(shape: Any, word: str) -> Any:  # noqa: ANN401 - as botocore takes it
    if shape.type_name in ("structure", "map"):
        return json.loads(word)
    return [word] if isinstance(shape, ListShape) else word
