"""Content Credentials on a running testbed: function processes with their layers, rights, and the doctor."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import httpx
import pytest
from moto.secretsmanager.models import secretsmanager_backends

from fake_dashscope import FakeDashScope, Limits, Switches
from tests.support.pictures import data_uri, picture
from tests.testbed.aws.account import ACCOUNT, REGION
from tests.testbed.jumping_clock import JumpingClock
from tests.testbed.stack import Testbed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.caller import Caller
    from tests.e2e.conftest import Gallop

# It has wheels for most machines only.
pytest.importorskip("c2pa")

from tests.support import c2pa_checker, signed

NAME = "signing"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{NAME}-AbCdEf"


@pytest.fixture(scope="module")
def testbed() -> Iterator[Testbed]:
    """Run a stack that signs."""
    fake = FakeDashScope(JumpingClock(8.0), limits=Limits.none(), switches=Switches(task_seconds=5.0))
    on = {"ContentCredentials": "on", "ContentCredentialsSecretArn": ARN}
    with Testbed(fake=fake, parameters=on) as running:
        running.client("secretsmanager").create_secret(Name=NAME, SecretString=signed.authority().secret())
        # moto ends it as it likes, and the parameter is set before.
        secretsmanager_backends[ACCOUNT][REGION].secrets[NAME].arn = ARN
        yield running


def test_a_video_is_signed_with_the_rights_of_the_function(caller: Caller) -> None:
    """Each right is used except those for failures, and nothing is refused; the video is the vendor's."""
    body = {"prompt": "A girl smiles.", "images": [data_uri(picture())], "duration": 3}
    job = caller.wait_for_job(caller.create(body).json()["id"])
    receipt = caller.wait_for_thumbnail(f"{job['receipts']}/video.json")
    assert "signed" == receipt["credentials"]["state"]
    copy = caller.video(receipt["credentials"]["file"]["key"])
    record = c2pa_checker.check(copy, signed.authority().root).record
    assert hashlib.sha256(caller.video(receipt["video"]["key"])).hexdigest() == record["video_sha256"]
    address = caller.http.get(f"/v1/videos/{job['id']}/content?variant=signed").headers["Location"]
    assert copy == httpx.get(address).content
    audit = caller.testbed.aws.authority.audit
    (role,) = {entry.principal for entry in audit.entries() if "SignFunctionRole" in entry.principal}
    used = {entry.action for entry in audit.entries(role) if not entry.action.startswith(("logs:", "xray:"))}
    rights = {"dynamodb:GetItem", "dynamodb:UpdateItem", "s3:GetObjectVersion", "s3:PutObject"}
    assert rights | {"secretsmanager:GetSecretValue"} == used
    assert [] == audit.refusals()


def test_the_doctor_says_whether_the_certificate_signs(testbed: Testbed, gallop: Gallop) -> None:
    """Without a job; a certificate that does not sign is a failure."""
    found = {one["check"]: one["level"] for one in json.loads(gallop("doctor", "--json"))}
    assert "ok" == found["signing"]
    expired = signed.authority().secret(signed.EXPIRED)
    testbed.client("secretsmanager").put_secret_value(SecretId=ARN, SecretString=expired)
    with pytest.raises(AssertionError, match="The certificate has expired"):
        gallop("doctor")
