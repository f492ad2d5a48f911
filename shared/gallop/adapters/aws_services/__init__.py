"""The part of AWS's service descriptions that the functions need: JSON of botocore (Apache License 2.0), shortened.

`make docs` writes the files beside this one. botocore's own description is used of any other service.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from botocore.loaders import Loader, instance_cache

FOLDER = Path(__file__).parent
VERSIONS = {
    "dynamodb": "2012-08-10",
    "events": "2015-10-07",
    "kms": "2014-11-01",
    "s3": "2006-03-01",
    "secretsmanager": "2017-10-17",
    "sns": "2010-03-31",
    "sqs": "2012-11-05",
    "stepfunctions": "2016-11-23",
}


class ShortLoader(Loader):
    """Finds the shortened descriptions first, and of their services without listing all 400 that botocore knows."""

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Load a description, or a part of it."""
        version = VERSIONS.get(service_name)
        if version is None:
            return super().load_service_model(service_name, type_name, api_version)
        return self.load_data(f"{service_name}/{version}/{type_name}")

    @instance_cache
    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Load a file, named without its ending."""
        try:
            text = (FOLDER / f"{name}.json").read_bytes()
        except FileNotFoundError:
            found: tuple[Any, str] = super().load_data_with_path(name)
            return found
        # The path of botocore's own file, of which this is a part: one of a user's would win over its rules.
        return json.loads(text), f"{self.BUILTIN_DATA_PATH}/{name}"
