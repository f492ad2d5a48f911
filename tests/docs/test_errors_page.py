"""The page of errors says what the code says, and leaves nothing out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from gallop.domain import failures
from gallop.domain.dashscope import error_codes
from gallop.domain.dashscope.error_codes import Kind
from gallop.domain.failure_codes import FailureCode

from tests.docs import errors_page

PACKAGE = Path(errors_page.__file__).parents[2] / "shared" / "gallop"
# Every code of the fact sheet, §3 to §5 and §9.
CODES = [
    "InvalidParameter",
    "InvalidParameter.DataInspection",
    "DataInspectionFailed",
    "IPInfringementSuspect",
    "CustomRoleBlocked",
    "FaqRuleBlocked",
    "InvalidURL",
    "InvalidURL.ConnectionRefused",
    "InvalidURL.Timeout",
    "InvalidImageFormat",
    "InvalidImage.FileFormat",
    "InvalidImageResolution",
    "InvalidImage.ImageSize",
    "InvalidFile.Format",
    "InvalidFile.Size",
    "InvalidFile.Resolution",
    "InvalidFile.AspectRatio",
    "InvalidFile.Duration",
    "InvalidFile.FPS",
    "InvalidFile.Openerror",
    "BadRequest.EmptyInput",
    "BadRequest.EmptyParameters",
    "BadRequest.EmptyModel",
    "BadRequest.IllegalInput",
    "BadRequest.InputDownloadFailed",
    "BadRequest.UnsupportedFileFormat",
    "BadRequest.TooLarge",
    "BadRequest.ResourceNotExist",
    "UnsupportedOperation",
    "Arrearage",
    "InvalidApiKey",
    "NOT AUTHORIZED",
    "AccessDenied",
    "AccessDenied.Unpurchased",
    "Model.AccessDenied",
    "Workspace.AccessDenied",
    "App.AccessDenied",
    "AllocationQuota.FreeTierOnly",
    "ModelNotFound",
    "WorkSpaceNotFound",
    "NotFound",
    "Conflict",
    "Throttling",
    "Throttling.RateQuota",
    "Throttling.BurstRate",
    "Throttling.AllocationQuota",
    "CommodityNotPurchased",
    "PrepaidBillOverdue",
    "PostpaidBillOverdue",
    "InternalError",
    "InternalError.Algo",
    "InternalError.Upload",
    "InternalError.FileUpload",
    "InternalError.Timeout",
    "SystemError",
    "ModelServiceFailed",
    "RequestTimeOut",
    "RewriteFailed",
    "ModelServingError",
    "ModelUnavailable",
    "Model.NotExist",
    "ServiceUnavailable",
    "GatewayTimeout",
]


def codes_in_the_code() -> set[str]:
    """Give the codes that are written out where a job's end is made."""
    calls = (
        node
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Failure" and node.args
    )
    return {FailureCode[call.args[0].attr] for call in calls if ast.unparse(call.args[0]).startswith("FailureCode.")}  # type: ignore[attr-defined]


def test_the_page_is_that_of_the_code() -> None:
    """After a change of a code or a remedy, run `make docs`."""
    assert errors_page.page() == errors_page.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_the_vendor_has_a_meaning_of_its_own_or_of_its_family(code: str) -> None:
    """No documented code is left to guesses, and each has exactly one meaning."""
    assert error_codes.UNLISTED != error_codes.meaning(code)


def test_a_code_that_nobody_has_seen_has_a_meaning_too() -> None:
    """DashScope adds codes without notice."""
    assert error_codes.UNLISTED == error_codes.meaning("Brand.New.Code") == error_codes.meaning("")
    assert Kind.IMAGE is error_codes.meaning("InvalidImage.Something.New").kind


def test_every_end_of_a_job_is_on_the_page() -> None:
    """A code that a job may end with is listed."""
    assert codes_in_the_code() <= failures.FAILURE_KINDS.keys()
    assert {FailureCode.GENERATION_FAILED, FailureCode.DEADLINE_EXCEEDED} <= codes_in_the_code()
    assert set(FailureCode) == failures.FAILURE_KINDS.keys()


def test_codes_of_refusals_are_not_used_twice() -> None:
    """One code is one thing."""
    codes = [kind.code for kind in errors_page.refusals()]
    assert len(codes) == len(set(codes))
