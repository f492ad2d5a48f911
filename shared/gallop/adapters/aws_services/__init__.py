"""The part of AWS's service descriptions that the functions need: JSON of botocore (Apache License 2.0), shortened.

`make docs` writes the files beside this one. botocore's own description is used of any other service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.loaders import Loader

VERSIONS = {
    "dynamodb": "2012-08-10",
    "events": "2015-10-07",
    "s3": "2006-03-01",
    "secretsmanager": "2017-10-17",
    "sqs": "2012-11-05",
    "stepfunctions": "2016-11-23",
}


class ShortLoader(Loader):
    """Finds the shortened descriptions first, and of their services without listing all 400 that botocore knows."""

    def __init__(self) -> None:
        super().__init__(extra_search_paths=[str(Path(__file__).parent)])

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:  # noqa: ANN401 - JSON
        """Load a description, or a part of it."""
        version = VERSIONS.get(service_name)
        if version is None:
            return super().load_service_model(service_name, type_name, api_version)
        return self.load_data(f"{service_name}/{version}/{type_name}")
