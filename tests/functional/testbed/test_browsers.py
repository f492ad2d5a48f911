"""A browser is answered as on AWS: by the CORS rules of the bucket and of the HTTP API, and by nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.functional.testbed.test_variants import running
from tests.testbed.aws.account import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.functional.testbed.conftest import SmallStack

STUDIO = "https://studio.example.com"
RULES = [
    {
        "AllowedMethods": ["POST", "PUT"],
        "AllowedOrigins": [{"Fn::Sub": "https://*.execute-api.${AWS::Region}.${AWS::URLSuffix}"}, STUDIO],
        "AllowedHeaders": ["x-amz-*"],
        "ExposedHeaders": ["ETag"],
        "MaxAge": 60,
    },
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
]
OF_API = {"AllowOrigins": [STUDIO], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["authorization"], "MaxAge": 60}


@pytest.fixture(scope="module")
def stack() -> Iterator[SmallStack]:
    """Run the small stack with CORS."""

    def change(resources: dict[str, Any]) -> None:
        resources["Box"]["Properties"]["CorsConfiguration"] = {"CorsRules": RULES}
        resources["Api"]["Properties"]["CorsConfiguration"] = {**OF_API, "ExposeHeaders": ["etag"]}

    with running(change) as running_stack:
        yield running_stack


def ask(stack: SmallStack, origin: str, method: str, headers: str = "", *, to_api: bool = False) -> httpx.Response:
    """Send a preflight to the bucket, or to the API."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    url = f"{stack.outputs['ApiUrl']}/open" if to_api else f"{stack.aws.endpoint_url}/{stack.outputs['BoxName']}"
    return httpx.options(url, headers={name: value for name, value in sent.items() if value})


def of_cors(answer: httpx.Response) -> dict[str, str]:
    """Return what the answer allows."""
    prefix = "access-control-"
    return {name.removeprefix(prefix): value for name, value in answer.headers.items() if name.startswith(prefix)}


def test_a_preflight_is_allowed_by_the_first_rule_that_matches(stack: SmallStack) -> None:
    """The answer has the origin, the rule's methods, and the headers that the browser asked for."""
    answer = ask(stack, STUDIO, "POST", "X-Amz-Meta-A, x-amz-date")
    assert 200 == answer.status_code
    expected = {
        "allow-origin": STUDIO,
        "allow-methods": "POST, PUT",
        "allow-headers": "x-amz-meta-a, x-amz-date",
        "allow-credentials": "true",
        "expose-headers": "ETag",
        "max-age": "60",
    }
    assert expected == of_cors(answer)
    assert {"allow-origin": "*", "allow-methods": "GET"} == of_cors(ask(stack, "https://a.example", "GET"))


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://a.example", "POST", ""),
        (f"{STUDIO}.example", "POST", ""),
        (STUDIO, "DELETE", ""),
        (STUDIO, "POST", "x-amz-date, authorization"),
        ("https://execute-api.eu-central-1.amazonaws.com", "POST", ""),
    ],
)
def test_a_preflight_that_no_rule_allows_is_refused(stack: SmallStack, origin: str, method: str, headers: str) -> None:
    """S3 says so with 403, and the browser does not send the request."""
    answer = ask(stack, origin, method, headers)
    assert 403 == answer.status_code
    assert "This CORS request is not allowed" in answer.text
    assert {} == of_cors(answer)


def test_a_page_of_the_api_has_the_origin_that_it_would_have_on_aws(stack: SmallStack) -> None:
    """A rule of the template that names API Gateway's addresses lets it through."""
    answer = ask(stack, stack.outputs["ApiUrl"], "POST")
    assert stack.outputs["ApiUrl"] == of_cors(answer)["allow-origin"]


def test_other_requests_are_answered_and_readable_only_by_a_rule(stack: SmallStack) -> None:
    """S3 answers either way; without the headers a page does not see the answer."""
    driver = stack.aws.driver
    session = boto3.Session(driver.access_key_id, driver.secret_access_key, region_name=REGION)
    s3 = session.client("s3", endpoint_url=stack.aws.endpoint_url, config=Config(signature_version="s3v4"))
    s3.put_object(Bucket=stack.outputs["BoxName"], Key="mine/a", Body=b"x")
    form = s3.generate_presigned_post(stack.outputs["BoxName"], "mine/a")
    sent = [
        httpx.post(form["url"], data=form["fields"], files={"file": b"x"}, headers={"Origin": origin})
        for origin in (STUDIO, "https://a.example")
    ]
    assert [204, 204] == [answer.status_code for answer in sent]
    assert [STUDIO, None] == [of_cors(answer).get("allow-origin") for answer in sent]
    url = s3.generate_presigned_url("get_object", {"Bucket": stack.outputs["BoxName"], "Key": "mine/a"})
    assert "*" == of_cors(httpx.get(url, headers={"Origin": "https://a.example"}))["allow-origin"]
    assert {} == of_cors(httpx.get(url))


def test_a_bucket_without_rules_refuses_all_preflights(stack: SmallStack) -> None:
    """So does a request that names no origin."""
    url = f"{stack.aws.endpoint_url}/no-bucket"
    preflight = {"Origin": STUDIO, "Access-Control-Request-Method": "GET"}
    assert "CORS is not enabled" in httpx.options(url, headers=preflight).text
    assert 400 == httpx.options(url).status_code


def test_the_api_allows_exactly_its_origins(stack: SmallStack) -> None:
    """A preflight gets methods and headers, any other request what a page may read of the answer."""
    expected = {
        "allow-origin": STUDIO,
        "allow-methods": "GET,POST",
        "allow-headers": "authorization",
        "max-age": "60",
    }
    assert expected == of_cors(ask(stack, STUDIO, "POST", to_api=True))
    assert {} == of_cors(ask(stack, "https://a.example", "POST", to_api=True))
    answer = httpx.get(f"{stack.outputs['ApiUrl']}/open", headers={"Origin": STUDIO})
    assert {"allow-origin": STUDIO, "expose-headers": "etag"} == of_cors(answer)
