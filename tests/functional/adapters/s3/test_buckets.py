"""What the results bucket removes: replaced versions of receipts, and never one of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.template import stack

if TYPE_CHECKING:
    from tests.support.sandbox import Sandbox


def tags(sandbox: Sandbox, key: str) -> list[dict[str, str]]:
    """Return the tags of a file in the results bucket."""
    found = sandbox.s3.get_object_tagging(Bucket=sandbox.results, Key=key)["TagSet"]
    return [{"Key": tag["Key"], "Value": tag["Value"]} for tag in found]


def test_receipts_have_the_tag_of_the_rule_and_videos_have_none(sandbox: Sandbox) -> None:
    """A video is paid for: a later job of the same drop replaces it, and both versions stay."""
    job = sandbox.storing()
    for function in ("SaveResultFunction", "ThumbnailFunction", "FinishFunction"):
        sandbox.invoke(function, {"job_id": job.id})
    rules = stack.of_type("AWS::S3::Bucket")["ResultsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = (rule for rule in rules if "TagFilters" in rule)
    assert rule["TagFilters"] == tags(sandbox, f"{job.receipts}/status.json")
    assert rule["TagFilters"] == tags(sandbox, f"{job.receipts}/video.json")
    assert [] == tags(sandbox, f"{job.receipts}/video.mp4")
    assert [] == tags(sandbox, f"{job.receipts}/thumbnail.jpg")
    unlimited = [rule for rule in rules if "TagFilters" not in rule and "Prefix" not in rule]
    assert not any("NoncurrentVersionExpiration" in rule or "ExpirationInDays" in rule for rule in unlimited)


def test_the_deployed_bucket_has_the_rules_of_the_template(sandbox: Sandbox) -> None:
    """The rule of the receipts has its tag, and does not apply to all objects."""
    rules = sandbox.s3.get_bucket_lifecycle_configuration(Bucket=sandbox.results)["Rules"]
    filters = {rule["ID"]: rule["Filter"] for rule in rules}
    assert [{"Key": "content", "Value": "receipt"}] == filters["ReplacedReceipts"]["And"]["Tags"]
