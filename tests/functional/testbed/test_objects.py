"""S3 takes the keys and refuses the requests that S3 takes and refuses on AWS, and answers in the same XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.functional.testbed.conftest import SmallStack

LONGEST = 1024
# Stored by S3 under a key that XML 1.0 cannot carry.
NOT_IN_XML = ("\x00", "\x01", "\x0b", "\x1f", "\ufffe", "\uffff")


def signed(stack: SmallStack, call: str, key: str, **parameters: Any) -> str:  # noqa: ANN401
    """Sign a URL as the driver."""
    parameters |= {"Bucket": stack.outputs["BoxName"], "Key": key}
    url: str = stack.aws.client("s3").generate_presigned_url(call, Params=parameters)
    return url


def code(answer: httpx.Response) -> tuple[int, str | None]:
    """Give status and error code of an answer."""
    return answer.status_code, ET.fromstring(answer.content).findtext("Code")


@pytest.mark.parametrize("header", ["Bearer gk_1", "Basic YTpi", "AWS4-HMAC-SHA256 Credential=a, Signature=b", ""])
def test_one_way_to_sign_is_allowed(stack: SmallStack, header: str) -> None:
    """A presigned URL with an Authorization header is refused, whatever is in the header, to read and to write."""
    stack.aws.client("s3").put_object(Bucket=stack.outputs["BoxName"], Key="mine/a", Body=b"x")
    headers = {"Authorization": header}
    answer = httpx.get(signed(stack, "get_object", "mine/a"), headers=headers)
    assert (400, "InvalidArgument") == code(answer)
    assert "Only one auth mechanism allowed" in answer.text
    assert (400, "InvalidArgument") == code(httpx.put(signed(stack, "put_object", "mine/a"), headers=headers))


def test_an_authorization_of_another_kind_is_refused(stack: SmallStack) -> None:
    """S3 does not take the key of an API for a caller without a key."""
    url = f"{stack.aws.endpoint_url}/{stack.outputs['BoxName']}/mine/a"
    answer = httpx.get(url, headers={"Authorization": "Bearer gk_1"})
    assert (400, "InvalidArgument") == code(answer)
    assert "Unsupported Authorization Type" in answer.text


@pytest.mark.parametrize("letter", ["x", "é", "図", "😀"])
def test_a_key_has_at_most_1024_bytes(stack: SmallStack, letter: str) -> None:
    """Counted in UTF-8; one byte more is refused by every call that names the key."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["BoxName"]
    size = len(letter.encode())
    fits = letter * (LONGEST // size)
    s3.put_object(Bucket=bucket, Key=fits, Body=b"x")
    assert 1 == s3.head_object(Bucket=bucket, Key=fits)["ContentLength"]
    long = f"{fits}{'x' * (LONGEST % size + 1)}"
    for call in (s3.put_object, s3.get_object, s3.delete_object, s3.create_multipart_upload):
        with pytest.raises(ClientError) as caught:
            call(Bucket=bucket, Key=long)
        error: dict[str, Any] = {**caught.value.response["Error"]}
        assert ("KeyTooLongError", "1024") == (error["Code"], error["MaxSizeAllowed"])
    assert (400, "KeyTooLongError") == code(httpx.get(signed(stack, "get_object", long)))


def test_a_form_cannot_store_a_longer_key_either(stack: SmallStack) -> None:
    """A browser's upload is bound by the same limit."""
    form = stack.aws.client("s3").generate_presigned_post(stack.outputs["BoxName"], "x" * (LONGEST + 1))
    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"x"})
    assert (400, "KeyTooLongError") == code(answer)


@pytest.mark.parametrize(
    "key", ["mine/a\nb", "\n", "a\n/b\n/c", "a\r\nb", "a\tb", "a\rb", "a<&>\"'b", "a//b", "/a", "a/../b"]
)
def test_a_key_that_xml_can_carry_arrives_as_it_is(stack: SmallStack, key: str) -> None:
    """Lines break and tabulators stay, in the object and in all answers."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["BoxName"]
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert b"x" == s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)
    assert key == upload["Key"]
    assert key in [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]]
    s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])
    assert key in listed(stack)


def listed(stack: SmallStack) -> set[str]:
    """List the keys of objects; those of their versions are among the keys of all versions."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["BoxName"]
    objects = {
        one["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for one in page["Contents"]
    }
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    assert objects <= {one["Key"] for page in pages for one in page["Versions"]}
    return objects


@pytest.mark.parametrize("letter", NOT_IN_XML)
def test_a_key_that_xml_cannot_carry_is_stored_and_makes_answers_unreadable(stack: SmallStack, letter: str) -> None:
    """S3 answers 200 with a reference that XML 1.0 forbids; the SDK can list such keys, and can start no upload."""
    s3, bucket = stack.aws.client("s3"), stack.outputs["BoxName"]
    key = f"drop/a{letter}b"
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert b"x" == s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert key in listed(stack)
    answer = httpx.post(signed(stack, "create_multipart_upload", key))
    assert (200, True) == (answer.status_code, f"<Key>drop/a&#x{ord(letter):x};b</Key>" in answer.text)
    with pytest.raises(ET.ParseError):
        ET.fromstring(answer.content)
    with pytest.raises(ClientError):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key=key)


def test_an_object_of_xml_is_left_alone(stack: SmallStack) -> None:
    """What is stored is not an answer of S3's."""
    s3, bucket, content = stack.aws.client("s3"), stack.outputs["BoxName"], b"<a>\x0b\r</a>"
    s3.put_object(Bucket=bucket, Key="mine/a.xml", Body=content, ContentType="application/xml")
    assert content == s3.get_object(Bucket=bucket, Key="mine/a.xml")["Body"].read()
