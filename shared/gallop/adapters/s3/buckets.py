"""The two buckets: the inbox with drops and uploads, and the results with videos and receipts."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gallop import settings
from gallop.adapters import aws
from gallop.adapters.pieces import joined
from gallop.domain.errors import NoSuchObject, ObjectTooLarge
from gallop.domain.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future

    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopySourceTypeDef, GetObjectOutputTypeDef

    from gallop.domain.drops.drop import Entry, Scope
    from gallop.domain.job import Result
    from gallop.domain.request.uploads import Input

JPEG, MP4 = "image/jpeg", "video/mp4"
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_A_TIME = 3
OWNER = "job"
# By this tag the bucket knows which replaced versions to remove: those of receipts, and none of videos.
RECEIPT_TAG = "content=receipt"
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)


@frozen
class Found:
    """A file in the results bucket, as last read; ``owner`` is a job's ID, or empty."""

    key: str
    etag: str
    version_id: str
    owner: str


@aws.guarded
def list_directly_under(prefix: str) -> list[Entry]:
    """List the inbox's objects directly under a prefix, without those of deeper folders."""
    from gallop.domain.drops.drop import Entry  # noqa: PLC0415 - most functions list nothing, and start sooner

    pages = (
        aws.s3().get_paginator("list_objects_v2").paginate(Bucket=settings.inbox_bucket(), Prefix=prefix, Delimiter="/")
    )
    return [
        Entry(found["Key"], found["Size"], found["ETag"], found["LastModified"].isoformat())
        for page in pages
        for found in page.get("Contents", [])
    ]


def list_scope(scope: Scope) -> list[Entry]:
    """List the objects of a drop's scope, in all forms of its name."""
    from gallop.domain.drops.drop import prefixes_of  # noqa: PLC0415 - as above

    return [entry for prefix in prefixes_of(scope) for entry in list_directly_under(prefix)]


@aws.guarded
def list_beside(key: str) -> list[Entry]:
    """List the files of a batch's folder; at the root of ``drop/``, where there is no folder, the batch itself."""
    from gallop.domain.drops.batch import batch_of  # noqa: PLC0415 - as above

    return list_directly_under(batch_of(key, "", 0).beside)


@aws.guarded
def read(key: str, limit: int) -> tuple[bytes, str]:
    """Read a whole object of the inbox; return its bytes and its version.

    Raises:
        NoSuchObject: There is no such object.
        ObjectTooLarge: It has more than ``limit`` bytes; nothing was read.

    """
    client = aws.s3()
    try:
        response = client.get_object(Bucket=settings.inbox_bucket(), Key=key)
    except client.exceptions.NoSuchKey:
        raise NoSuchObject(key) from None
    return _bounded(response, limit), response.get("VersionId", "")


@aws.guarded
def version_of(key: str) -> str:
    """Return the newest version of an object of the inbox.

    Raises:
        NoSuchObject: There is no such object.

    """
    client = aws.s3()
    try:
        return client.head_object(Bucket=settings.inbox_bucket(), Key=key).get("VersionId", "")
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "404":
            raise NoSuchObject(key) from None
        raise


@aws.guarded
def read_version(key: str, version_id: str, limit: int) -> bytes:
    """Read a whole object of the inbox, in one version.

    Raises:
        ObjectTooLarge: It has more than ``limit`` bytes; nothing was read.

    """
    return _bounded(aws.s3().get_object(Bucket=settings.inbox_bucket(), Key=key, VersionId=version_id), limit)


@aws.guarded
def read_range(key: str, version_id: str, offset: int, size: int) -> bytes:
    """Read some bytes of an object of the inbox, in one version."""
    place = f"bytes={offset}-{offset + size - 1}"
    response = aws.s3().get_object(Bucket=settings.inbox_bucket(), Key=key, VersionId=version_id, Range=place)
    with response["Body"] as body:
        return body.read()


@aws.guarded
def put_receipt(key: str, receipt: Mapping[str, Any], owner: str = "") -> None:
    """Write a receipt into the results bucket; ``owner`` is the ID of the job that it describes, or empty."""
    # An unpaired surrogate in the name of a missing file must not keep the receipt from being written.
    body = json.dumps(receipt, indent=2, ensure_ascii=False).encode(errors="replace")
    aws.s3().put_object(
        Bucket=settings.results_bucket(),
        Key=key,
        Body=body,
        ContentType="application/json",
        CacheControl="no-cache",
        Metadata={OWNER: owner} if owner else {},
        Tagging=RECEIPT_TAG,
    )


@aws.guarded
def result(key: str) -> Found | None:
    """Return a file in the results bucket; None if there is none."""
    client = aws.s3()
    try:
        response = client.head_object(Bucket=settings.results_bucket(), Key=key)
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return None
        raise
    return Found(key, response["ETag"], response.get("VersionId", ""), response["Metadata"].get(OWNER, ""))


@aws.guarded
def owner_of(key: str, version_id: str) -> str:
    """Return the job that a version of a file belongs to; empty for one without a job, and for a deletion's marker."""
    client = aws.s3()
    try:
        response = client.head_object(Bucket=settings.results_bucket(), Key=key, VersionId=version_id)
    except client.exceptions.ClientError as error:
        # Of a marker, S3 answers 405.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {
            HTTPStatus.NOT_FOUND,
            HTTPStatus.METHOD_NOT_ALLOWED,
        }:
            return ""
        raise
    return response["Metadata"].get(OWNER, "")


@aws.guarded
def has_version(file: Result) -> bool:
    """Return whether the version of a file that a job refers to is still there."""
    client = aws.s3()
    try:
        client.head_object(Bucket=file.bucket, Key=file.key, VersionId=file.version_id)
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


@aws.guarded
def read_result(file: Result, limit: int) -> bytes:
    """Read a whole file of a job from the results bucket.

    Raises:
        NoSuchObject: It is no longer there.
        ObjectTooLarge: It has more than ``limit`` bytes; nothing was read.

    """
    client = aws.s3()
    try:
        response = client.get_object(Bucket=file.bucket, Key=file.key, VersionId=file.version_id)
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            raise NoSuchObject(file.key) from None
        raise
    return _bounded(response, limit)


@aws.guarded
def put_table(key: str, table: str) -> None:
    """Write a CSV file into the results bucket."""
    # The byte order mark makes spreadsheets read it as UTF-8.
    aws.s3().put_object(
        Bucket=settings.results_bucket(),
        Key=key,
        Body=table.encode("utf-8-sig", errors="replace"),
        ContentType="text/csv; charset=utf-8",
        CacheControl="no-cache",
    )


@aws.guarded
def put_document(key: str, document: object) -> None:
    """Write JSON for a later step into the results bucket."""
    body = json.dumps(document).encode()
    aws.s3().put_object(Bucket=settings.results_bucket(), Key=key, Body=body, ContentType="application/json")


@aws.guarded
def document(key: str) -> Any:  # noqa: ANN401 - JSON
    """Read what ``put_document`` wrote."""
    with aws.s3().get_object(Bucket=settings.results_bucket(), Key=key)["Body"] as body:
        return json.loads(body.read())


@aws.guarded
def copy_result(key: str, version_id: str, to: str) -> str:
    """Copy a version of a file within the results bucket; return the version of the copy."""
    bucket = settings.results_bucket()
    source: CopySourceTypeDef = {"Bucket": bucket, "Key": key, "VersionId": version_id}
    # Without the tags, which are the receipts' and would need further rights.
    return (
        aws.s3().copy_object(Bucket=bucket, Key=to, CopySource=source, TaggingDirective="REPLACE").get("VersionId", "")
    )


@aws.guarded
def put_picture(key: str, jpeg: bytes, owner: str) -> str:
    """Write an image of a job, or of a group, into the results bucket; return its version."""
    response = aws.s3().put_object(
        Bucket=settings.results_bucket(), Key=key, Body=jpeg, ContentType=JPEG, Metadata={OWNER: owner}
    )
    return response.get("VersionId", "")


@aws.guarded
def remove_result(found: Found) -> None:
    """Delete a file, unless it was replaced after it was read. Its versions stay."""
    client = aws.s3()
    try:
        client.delete_object(Bucket=settings.results_bucket(), Key=found.key, IfMatch=found.etag)
    except client.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in GONE:
            raise


@aws.guarded
def store_stream(
    key: str, pieces: Iterable[bytes], media_type: str, verify: Callable[[], None], metadata: Mapping[str, str]
) -> str:
    """Stream a job's file into the results bucket, with metadata, which has its ``OWNER``; return its version.

    It appears only after ``verify``, called after the last piece, has returned; any exception before that leaves no
    file. Parts are sent while the next ones arrive. Memory use is about five parts, whatever the size.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most functions store no stream, and start sooner

    client = aws.s3()
    bucket = settings.results_bucket()
    started = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=media_type, Metadata=metadata)
    upload = started["UploadId"]
    parts: list[CompletedPartTypeDef] = []

    def send(number: int, part: bytes) -> CompletedPartTypeDef:
        response = client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": response["ETag"]}

    try:
        with ThreadPoolExecutor(PARTS_AT_A_TIME) as pool:
            sending: list[Future[CompletedPartTypeDef]] = []
            for number, part in enumerate(joined(pieces, PART_BYTES), start=1):
                if len(sending) == PARTS_AT_A_TIME:
                    parts.append(sending.pop(0).result())
                sending.append(pool.submit(send, number, part))
            parts += [one.result() for one in sending]
        verify()
        done = client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
        )
    except BaseException:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
        raise
    return done.get("VersionId", "")


@aws.guarded
def remove_input(found: Input) -> None:
    """Delete a version of an image that is kept for jobs, if it exists."""
    aws.s3().delete_object(Bucket=found.bucket, Key=found.key, VersionId=found.version_id)


@aws.guarded
def remove_results(prefix: str) -> None:
    """Delete every version of every file under a prefix of the results bucket."""
    client, bucket = aws.s3(), settings.results_bucket()
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            client.delete_object(Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"])


def _bounded(response: GetObjectOutputTypeDef, limit: int) -> bytes:
    with response["Body"] as body:
        if response["ContentLength"] > limit:
            raise ObjectTooLarge(response["ContentLength"])
        return body.read()
