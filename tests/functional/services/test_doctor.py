"""What ``gallop doctor`` says about facts that the testbed does not produce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gallop.domain.diagnosis import Level
from gallop.services import self_check
from gallop.services.doctor import inside, signing, stack, vendor
from gallop.services.doctor.deployment import OUTPUTS, Deployment

if TYPE_CHECKING:
    from pathlib import Path

SHARED = "https://dashscope-intl.aliyuncs.com/api/v1"
WORKSPACE = "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1"
BEIJING = "https://dashscope.aliyuncs.com/api/v1"
SECRET = "arn:of:the:secret"
REFUSED = {"base_url": WORKSPACE, "code": "InvalidApiKey", "detail": "Refused.", "is_token_plan": False, "account": ""}


@pytest.mark.parametrize(
    ("facts", "level", "seen", "remedy"),
    [
        ({"accepted_at": SHARED}, Level.FAILURE, "another workspace", f"DashScopeBaseUrl={SHARED}"),
        ({"accepted_at": BEIJING}, Level.FAILURE, "the region cn-beijing", f"DashScopeBaseUrl={BEIJING}"),
        ({"accepted_at": ""}, Level.FAILURE, "wrong or revoked", SECRET),
        ({"code": "NOT AUTHORIZED", "accepted_at": ""}, Level.FAILURE, "NOT AUTHORIZED", SECRET),
        ({"code": "Workspace.AccessDenied"}, Level.FAILURE, "knows the key, and refuses", "console"),
        ({"code": "Throttling.AllocationQuota"}, Level.FAILURE, "because of a bill", "Alibaba Cloud"),
        ({"code": "try_again"}, Level.WARNING, "Refused.", "again"),
        ({"is_token_plan": True}, Level.FAILURE, "Token Plan", SECRET),
        ({"is_token_plan": True, "code": "", "models": {}}, Level.WARNING, "accepts the key", SECRET),
    ],
)
def test_each_answer_of_dashscope_has_a_remedy(facts: dict[str, Any], level: Level, seen: str, remedy: str) -> None:
    """A key of another workspace or region, no right, a bill, and the Token Plan are distinguished."""
    found = next(vendor.findings({**REFUSED, **facts}, SECRET))
    assert level is found.level
    assert seen in found.seen
    assert remedy in found.remedy


def deployment(status: str, outputs: tuple[str, ...] = OUTPUTS) -> Deployment:
    """Return a stack with this status."""
    return Deployment("mine", status, dict.fromkeys(outputs, "it"), {}, {})


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("CREATE_COMPLETE", Level.OK),
        ("UPDATE_COMPLETE", Level.OK),
        ("UPDATE_ROLLBACK_COMPLETE", Level.WARNING),
        ("UPDATE_ROLLBACK_FAILED", Level.FAILURE),
        ("UPDATE_IN_PROGRESS", Level.FAILURE),
        ("ROLLBACK_COMPLETE", Level.FAILURE),
    ],
)
def test_only_a_complete_deployment_is_ok(status: str, level: Level) -> None:
    """After a failed update the version before it runs."""
    (found,) = stack.check(deployment(status))
    assert level is found.level
    assert (level is Level.OK) is (not found.remedy)


def test_a_missing_output_is_seen() -> None:
    """It is named."""
    (found,) = stack.check(deployment("CREATE_COMPLETE", OUTPUTS[1:]))
    assert Level.FAILURE is found.level
    assert "ApiUrl" in found.seen


def test_only_bytecode_of_this_python_counts(tmp_path: Path) -> None:
    """That of another version is compiled again at each cold start."""
    source = tmp_path / "module.py"
    source.write_text("", encoding="utf-8")
    assert not self_check.has_bytecode(source)
    compiled = tmp_path / "__pycache__" / self_check.compiled(source).name
    compiled.parent.mkdir()
    compiled.write_bytes(b"\0\0\0\0rest")
    assert not self_check.has_bytecode(source)
    compiled.write_bytes(self_check.MAGIC + b"rest")
    assert self_check.has_bytecode(source)


def test_a_layer_without_bytecode_is_a_warning() -> None:
    """It works, and starts slowly."""
    facts = {"python": "3.13.1", "machine": "aarch64", "botocore": "1", "botocore_needed": "1", "has_bytecode": False}
    assert Level.WARNING is inside.bytecode(facts).level


@pytest.mark.parametrize(
    ("facts", "level", "seen"),
    [
        ({"code": "", "valid_until": 4e9}, Level.OK, "2096-10-02"),
        ({"code": "", "valid_until": 1.0}, Level.WARNING, "1970-01-01"),
        ({"code": "x", "reason": "It has expired.", "detail": ""}, Level.FAILURE, "not signed. It has expired."),
        ({"code": "x", "reason": "Refused.", "detail": "wrong key"}, Level.FAILURE, "Refused. (wrong key)"),
    ],
    ids=["usable", "about to expire", "expired", "refused"],
)
def test_a_certificate_that_signs_no_videos_is_seen(facts: dict[str, Any], level: Level, seen: str) -> None:
    """Jobs succeed without it: nobody else says so before the first video. It is replaced in its secret."""
    found = signing.judged(facts, SECRET)
    assert level is found.level
    assert seen in found.seen
    assert (level is Level.OK) is (SECRET not in found.remedy)


def test_a_stack_that_does_not_sign_needs_no_certificate() -> None:
    """There is nothing to check."""
    assert [] == list(signing.check(deployment("CREATE_COMPLETE")))


@pytest.mark.parametrize(("code", "level"), [("InvalidToken", Level.OK), ("AccessDeniedException", Level.FAILURE)])
def test_a_right_is_seen_by_the_answer_to_a_token_of_nobody(code: str, level: Level) -> None:
    """AWS checks the right before it looks at the token."""
    assert level is inside.task_tokens(code).level
