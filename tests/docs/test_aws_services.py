"""The shortened descriptions of AWS's services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from botocore import auth, signers
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.session import Session
from gallop.adapters.aws_services import ShortLoader

from tests.docs import aws_services
from tests.testbed.aws.account import REGION

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

FILES = dict(aws_services.files())
REGIONS = [REGION, "us-east-1", "cn-north-1", "us-gov-west-1"]
WAYS = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_ENDPOINT_URL": "http://localhost:4566",
}


def session(loader: Loader) -> Session:
    """Give a session that reads with a loader."""
    made = Session()
    made.register_component("data_loader", loader)
    made.set_credentials("key", "secret")
    return made


SHORT, WHOLE = session(ShortLoader()), session(Loader())


def client(made: Session, service: str, region: str) -> Any:  # noqa: ANN401 - the client of any service
    """Create a client; that of S3 as the functions have it."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"}) if service == "s3" else None
    return made.create_client(service, region, config=config)


class Sent(Exception):
    """Instead of a request."""


@dataclass
class Goes:
    """Where a request goes, and what it is signed for; or why it goes nowhere."""

    url: str = ""
    method: str = ""
    scope: str = ""
    error: str = ""


def sent(by: Any, method: str) -> Goes:  # noqa: ANN401 - as above
    """Return where a call goes."""
    found = Goes()

    def take(request: AWSPreparedRequest, **_: object) -> NoReturn:
        found.url, found.method = str(request.url), str(request.method)
        found.scope = str(request.headers["Authorization"]).partition(",")[0].partition("/")[2]
        raise Sent

    by.meta.events.register_first("before-send", take)
    shape = by.meta.service_model.operation_model(by.meta.method_to_api_mapping[method]).input_shape
    try:
        getattr(by, method)(**sample(shape))
    except Sent:
        return found
    except (BotoCoreError, ValueError) as error:
        found.error = str(error)
    finally:
        by.meta.events.unregister("before-send", take)
    return found


def sample(shape: Any) -> Any:  # noqa: ANN401 - any argument of a call
    """Return an argument with all that is required."""
    match shape.type_name:
        case "structure":
            return {name: sample(shape.members[name]) for name in shape.required_members}
        case "list":
            return [sample(shape.member)]
        case "map":
            return {"name": sample(shape.value)}
        case "string":
            return (shape.enum or ["results-1"])[0]
        case kind:
            return {"integer": 1, "boolean": True, "blob": b"1"}[kind]


@pytest.mark.parametrize("path", FILES)
def test_a_description_is_that_of_botocore(path: str) -> None:
    """After an update of botocore, or a new call, run `make docs`."""
    text = (aws_services.FOLDER / path).read_text(encoding="utf-8")
    assert FILES[path] == text


def test_nothing_else_is_described() -> None:
    """A service that is no longer called leaves no file behind."""
    there = {str(file.relative_to(aws_services.FOLDER)) for file in aws_services.FOLDER.rglob("*.json")}
    assert set(FILES) == there


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("region", REGIONS)
def test_a_request_goes_where_boto3_sends_it(region: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every partition, whatever the environment says of addresses, and signed for the same region and service."""
    monkeypatch.setenv(way, WAYS[way])
    for service in aws_services.CALLED:
        short, whole = (client(one, service, region) for one in (SHORT, WHOLE))
        assert whole.meta.endpoint_url == short.meta.endpoint_url
        for operation in short.meta.method_to_api_mapping:
            goes = sent(whole, operation)
            assert goes == sent(short, operation), operation
            # China has no FIPS, and no region has some other combinations.
            assert way != "AWS_DEFAULT_REGION" or goes.url


@pytest.mark.parametrize("region", REGIONS)
def test_what_is_presigned_is_that_of_boto3(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte: a URL, and a form."""
    monkeypatch.setattr(auth, "get_current_datetime", lambda: datetime(2026, 6, 1, tzinfo=UTC))
    monkeypatch.setattr(signers, "get_current_datetime", lambda: datetime(2026, 6, 1, tzinfo=UTC))
    one = {"Bucket": "results", "Key": "videos/ä b/video.mp4"}
    short, whole = (client(made, "s3", region) for made in (SHORT, WHOLE))
    urls = [made.generate_presigned_url("get_object", {**one, "VersionId": "1"}) for made in (short, whole)]
    assert urls[0] == urls[1]
    assert whole.generate_presigned_post(**one) == short.generate_presigned_post(**one)


def test_other_services_are_there_for_whom_needs_them() -> None:
    """An operator's profile may assume a role by STS before the first call."""
    assert Loader().load_service_model("sts", "service-2") == ShortLoader().load_service_model("sts", "service-2")
