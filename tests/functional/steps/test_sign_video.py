"""The copy of a video with Content Credentials: signed by the stack's owner, beside a video that stays as it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID
from gallop.adapters import aws as adapters
from gallop.adapters import secrets
from gallop.adapters.table import jobs
from gallop.domain import credentials
from gallop.domain.credentials import Unsigned
from gallop.domain.dashscope.mp4 import BoxWalk
from gallop.domain.job import JobState
from gallop.domain.marks import Marks
from gallop.domain.metrics import Metric
from gallop.domain.request.idempotency import fingerprint_of
from gallop.media import marks

from fake_dashscope.clock import ManualClock
from tests.functional.steps.test_make_thumbnail import stored
from tests.support import marked
from tests.support import sandbox as sandboxes
from tests.support.films import film, frames_of
from tests.support.stack import aws, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gallop.domain.job import Job

    from tests.support.sandbox import Sandbox
    from tests.support.stack import Stack

# It has wheels for most machines only.
pytest.importorskip("c2pa")

from tests.support import c2pa_checker, signed

NAME = "signing-AbCdEf"
ARN = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{NAME}"
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Deploy a stack that signs."""
    with deployed(
        ManualClock(), executing=False, ContentCredentials="on", ContentCredentialsSecretArn=ARN
    ) as deployment:
        aws("secretsmanager").create_secret(Name=NAME, SecretString="-")
        yield deployment


@pytest.fixture
def sandbox(stack: Stack) -> Iterator[Sandbox]:
    """Give a world in which nothing has happened yet; its secret has a certificate."""
    with sandboxes.opened(stack) as sandbox:
        store(signed.authority().secret())
        yield sandbox


def store(secret: str) -> None:
    """Replace the certificate."""
    aws("secretsmanager").put_secret_value(SecretId=NAME, SecretString=secret)
    secrets.clear_cache()


def succeeded(sandbox: Sandbox, video: bytes = b"", **fields: Any) -> Job:  # noqa: ANN401 - any field of a job
    """Return a job that has succeeded with a video."""
    job = stored(sandbox, video or film())
    result = replace(job.result, sha256=hashlib.sha256(video or film()).hexdigest())  # type: ignore[type-var]
    known = {"result": result, "marks": Marks(c2pa=False, xmp=False, aigc=False), **fields}
    with sandbox.stack.acting_as("SaveResultFunction"):
        jobs.advance(job, replace(job, **known))
    sandbox.invoke("FinishFunction", {"job_id": job.id})
    return sandbox.job(job.id)


def sign(sandbox: Sandbox, job: Job) -> Job:
    """Run the step; return the job's new record."""
    assert "finish" == sandbox.invoke("SignFunction", {"job_id": job.id})["next"]
    return sandbox.job(job.id)


def copy_of(sandbox: Sandbox, job: Job) -> bytes:
    """Return the signed copy."""
    return sandbox.result(f"{job.receipts}/signed.mp4")


def checked(copy: bytes) -> c2pa_checker.Checked:
    """Verify a copy without the library that signed it."""
    return c2pa_checker.check(copy, signed.authority().root)


def test_an_independent_check_finds_the_copy_signed(sandbox: Sandbox) -> None:
    """Signature, chain and hashes hold; it claims that a model made the video, and has the hashes of the record."""
    job = sign(sandbox, succeeded(sandbox))
    found = checked(copy_of(sandbox, job))
    (action,) = found.actions
    assert "c2pa.created" == action["action"]
    assert signed.SOURCE_TYPE == action["digitalSourceType"]
    assert f"Gallop with {job.request.model}" == action["softwareAgent"]["name"]
    assert job.result
    assert hashlib.sha256(film()).hexdigest() == job.result.sha256 == found.record["video_sha256"]
    assert fingerprint_of(job.request) == found.record["request_sha256"]
    assert job.id == found.record["job"]
    assert "O=owner" == found.signer


def test_the_copy_tells_no_prompt(sandbox: Sandbox) -> None:
    """It is made to be published: no prompt, no bucket, nothing of the key."""
    job = sign(sandbox, succeeded(sandbox))
    copy = copy_of(sandbox, job)
    secret = [job.request.prompt, sandbox.results, "PRIVATE KEY"]
    assert [] == [text for text in secret if text.encode() in copy]


@pytest.mark.parametrize("place", ["in the pictures", "in the claim", "in the record"])
def test_a_changed_byte_is_found(sandbox: Sandbox, place: str) -> None:
    """By the independent check: whether in the pictures or in what the manifest says of them."""
    copy = copy_of(sandbox, sign(sandbox, succeeded(sandbox)))
    where = {"in the pictures": b"mdat", "in the claim": b"instanceID", "in the record": b"video_sha256"}[place]
    at = copy.index(where) + len(where) + 9
    with pytest.raises(c2pa_checker.ForgedError):
        checked(copy[:at] + bytes([copy[at] ^ 1]) + copy[at + 1 :])


def test_another_root_is_not_trusted(sandbox: Sandbox) -> None:
    """The chain ends at the authority of the owner."""
    copy = copy_of(sandbox, sign(sandbox, succeeded(sandbox)))
    with pytest.raises(c2pa_checker.ForgedError):
        c2pa_checker.check(copy, signed.new_authority().root)


def test_the_video_stays_as_it_is(sandbox: Sandbox) -> None:
    """The copy is a second file, which plays; the bytes of the first, and its one version, are the vendor's."""
    job = sign(sandbox, succeeded(sandbox))
    assert film() == sandbox.result(f"{job.receipts}/video.mp4")
    versions = sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=f"{job.receipts}/")["Versions"]
    names = sorted(one["Key"].rpartition("/")[2] for one in versions)
    assert ["signed.mp4", "video.mp4"] == [name for name in names if name.endswith("mp4")]
    assert 12 == frames_of(copy_of(sandbox, job))


def test_the_copy_is_recorded(sandbox: Sandbox) -> None:
    """With its size, hash and version; its object has the metadata of the video's."""
    job = sign(sandbox, succeeded(sandbox))
    copy = copy_of(sandbox, job)
    head = sandbox.s3.head_object(Bucket=sandbox.results, Key=f"{job.receipts}/signed.mp4")
    assert job.signed
    assert head["VersionId"] == job.signed.version_id
    assert (len(copy), hashlib.sha256(copy).hexdigest()) == (job.signed.size, job.signed.sha256)
    assert "true" == head["Metadata"]["ai-generated"]
    assert "video/mp4" == head["ContentType"]


def test_gallops_own_reader_finds_the_manifest(sandbox: Sandbox) -> None:
    """And the marks that the video had before."""
    job = sign(sandbox, succeeded(sandbox, marked.with_label()))
    walk = BoxWalk(marks.KEEP)
    walk.feed(copy_of(sandbox, job))
    found = marks.found_by(walk)
    assert True is found.c2pa
    assert True is found.aigc


def test_the_manifest_of_the_vendor_stays(sandbox: Sandbox) -> None:
    """A video that is signed already is opened, not created, and keeps its manifest as that of its parent."""
    video = signed.signed(film())
    job = sign(sandbox, succeeded(sandbox, video, marks=Marks(c2pa=True, xmp=False, aigc=False)))
    copy = copy_of(sandbox, job)
    found = checked(copy)
    assert ["c2pa.opened"] == [action["action"] for action in found.actions]
    assert 2 == found.manifests
    assert "Valid" == signed.state_of(copy)


def test_a_second_run_signs_nothing(sandbox: Sandbox) -> None:
    """If its reply was lost, the step is run again: same key, no third file."""
    job = sign(sandbox, succeeded(sandbox))
    assert job == sign(sandbox, job)
    versions = sandbox.s3.list_object_versions(Bucket=sandbox.results, Prefix=f"{job.receipts}/signed.mp4")
    assert 1 == len(versions["Versions"])


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.FAILED, JobState.SUCCEEDED])
def test_only_a_job_with_a_video_is_signed(sandbox: Sandbox, state: JobState) -> None:
    """Without one, nothing happens."""
    job = sandbox.put(state)
    assert job == sign(sandbox, job)
    assert [] == sandbox.results_there()


def unusable(why: Unsigned) -> str:
    """Return a secret that is unusable for this reason."""
    match why:
        case Unsigned.EXPIRED:
            return signed.authority().secret(signed.EXPIRED)
        case Unsigned.NOT_YET_VALID:
            return signed.authority().secret(signed.COMING)
        case Unsigned.REFUSED:
            return signed.authority().secret(purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


@pytest.mark.parametrize("why", [Unsigned.SECRET_INVALID, Unsigned.EXPIRED, Unsigned.NOT_YET_VALID, Unsigned.REFUSED])
def test_a_certificate_that_cannot_be_used_fails_no_job(sandbox: Sandbox, why: Unsigned) -> None:
    """The job has succeeded; its receipt says why there is no copy, and a metric counts it."""
    store(unusable(why))
    job = sign(sandbox, succeeded(sandbox))
    assert JobState.SUCCEEDED == job.state
    sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})
    expected = {"state": "failed", "code": why.value, "reason": credentials.REASONS[why]}
    assert expected == sandbox.receipt(f"{job.receipts}/video.json")["credentials"]
    assert [1] == sandbox.metric(Metric.VIDEOS_UNSIGNED)
    assert f"{job.receipts}/signed.mp4" not in sandbox.results_there()


def test_the_key_of_another_certificate_is_refused(sandbox: Sandbox) -> None:
    """Its signature would hold for nobody."""
    store(signed.authority().secret(key=ec.generate_private_key(ec.SECP256R1())))
    assert Unsigned.REFUSED == sign(sandbox, succeeded(sandbox)).unsigned


def kms_with(key: ec.EllipticCurvePrivateKey) -> Any:  # noqa: ANN401 - a stand-in of boto3's client
    """Return a KMS with one key; the one of the testbed signs no hashes."""

    def sign(*, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, bytes]:  # noqa: N803 - as boto3
        assert KEY_ARN == KeyId
        assert ("DIGEST", "ECDSA_SHA_256") == (MessageType, SigningAlgorithm)
        return {"Signature": key.sign(Message, ec.ECDSA(utils.Prehashed(hashes.SHA256())))}

    return SimpleNamespace(sign=sign)


def test_a_key_in_kms_signs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret has the certificates alone, and the check holds."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificates = (signed.authority().certificate(key), signed.authority().root)
    store("".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates))
    monkeypatch.setitem(environment(sandbox), "CONTENT_CREDENTIALS_KEY_ARN", KEY_ARN)
    with patch.object(adapters, "kms", lambda: kms_with(key)):
        job = sign(sandbox, succeeded(sandbox))
    assert job.id == checked(copy_of(sandbox, job)).record["job"]


def test_a_key_in_kms_that_refuses_fails_no_job(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not exist here: AWS's answer is in the log."""
    monkeypatch.setitem(environment(sandbox), "CONTENT_CREDENTIALS_KEY_ARN", KEY_ARN)
    assert Unsigned.KEY_REFUSED == sign(sandbox, succeeded(sandbox)).unsigned
    assert "NotFoundException" in sandbox.log_lines.getvalue()


def environment(sandbox: Sandbox) -> Any:  # noqa: ANN401 - a mapping that can be changed
    """Return the variables of the function that signs."""
    return sandbox.stack.deployment.functions["SignFunction"].environment


def test_a_missing_secret_fails_no_job(sandbox: Sandbox) -> None:
    """It may have been deleted since."""
    refused = adapters.secretsmanager().exceptions.ResourceNotFoundException({"Error": {}}, "GetSecretValue")
    job = succeeded(sandbox)
    with patch.object(adapters.secretsmanager(), "get_secret_value", side_effect=refused):
        assert Unsigned.SECRET_UNREADABLE == sign(sandbox, job).unsigned


@pytest.mark.parametrize("video", [b"nonsense" * 99], ids=["nonsense"])
def test_a_file_that_cannot_be_signed_fails_no_job(sandbox: Sandbox, video: bytes) -> None:
    """The library's own words are in the log."""
    assert Unsigned.VIDEO_REFUSED == sign(sandbox, succeeded(sandbox, video)).unsigned
    assert "asset could not be parsed" in sandbox.log_lines.getvalue()


def test_a_video_that_is_too_large_is_not_read(sandbox: Sandbox) -> None:
    """The disk of the function has room for three files of the largest size."""
    job = succeeded(sandbox)
    with patch("gallop.steps.sign_video.MAX_BYTES", len(film()) - 1):
        assert Unsigned.VIDEO_TOO_LARGE == sign(sandbox, job).unsigned


def test_a_step_that_was_stopped_is_reported(sandbox: Sandbox) -> None:
    """By the last receipts, which are written in any case."""
    job = succeeded(sandbox)
    sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})
    assert "interrupted" == sandbox.receipt(f"{job.receipts}/video.json")["credentials"]["code"]
    assert [1] == sandbox.metric(Metric.VIDEOS_UNSIGNED)


def test_the_copy_is_in_the_last_receipt(sandbox: Sandbox) -> None:
    """The first one had none, and nothing else has changed."""
    job = succeeded(sandbox)
    first = sandbox.receipt(f"{job.receipts}/video.json")
    job = sign(sandbox, job)
    sandbox.invoke("FinishFunction", {"action": "renew", "job_id": job.id})
    last = sandbox.receipt(f"{job.receipts}/video.json")
    assert job.signed
    assert job.signed.sha256 == last["credentials"]["file"]["sha256"]
    assert {**first, "credentials": last["credentials"]} == last


def test_a_trial_says_until_when_the_certificate_is_valid(sandbox: Sandbox) -> None:
    """The operator's doctor asks; nothing is stored."""
    ends = signed.VALID[1].timestamp()
    assert {"code": "", "valid_until": ends} == sandbox.invoke("SignFunction", {"action": "try"})
    store(signed.authority().secret(signed.EXPIRED))
    found = sandbox.invoke("SignFunction", {"action": "try"})
    assert "certificate_expired" == found["code"]
    assert "PRIVATE KEY" not in json.dumps(found)
    assert [] == sandbox.results_there()


def test_an_unknown_action_is_refused(sandbox: Sandbox) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="Unknown action"):
        sandbox.invoke("SignFunction", {"action": "celebrate"})
