"""The shortened descriptions of AWS's services."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from botocore.session import Session
from gallop.adapters.aws_services import ShortLoader

from tests.docs import aws_services
from tests.testbed.aws.account import REGION

FILES = dict(aws_services.files())


def session() -> Session:
    """Give a session as the functions have it."""
    made = Session()
    made.register_component("data_loader", ShortLoader())
    return made


@pytest.mark.parametrize("path", FILES)
def test_a_description_is_that_of_botocore(path: str) -> None:
    """After an update of botocore, or a new call, run `make docs`."""
    text = (aws_services.FOLDER / path).read_text(encoding="utf-8")
    assert FILES[path] == text


def test_nothing_else_is_described() -> None:
    """A service that is no longer called leaves no file behind."""
    there = {str(file.relative_to(aws_services.FOLDER)) for file in aws_services.FOLDER.rglob("*.json")}
    assert set(FILES) == there


@pytest.mark.parametrize("region", [REGION, "us-east-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("service", aws_services.CALLED)
def test_a_client_has_the_address_that_boto3_gives_it(service: str, region: str) -> None:
    """In every partition, with the same name to sign requests for."""
    short, whole = (one.create_client(service, region_name=region) for one in (session(), Session()))
    assert whole.meta.endpoint_url == short.meta.endpoint_url
    assert whole.meta.service_model.signing_name == short.meta.service_model.signing_name


def test_other_services_are_there_for_whom_needs_them() -> None:
    """An operator's profile may assume a role by STS before the first call."""
    assert Loader().load_service_model("sts", "service-2") == ShortLoader().load_service_model("sts", "service-2")
