"""What DashScope's own words for a refusal or a failure mean to whoever asked (fact sheet §5).

Every code has exactly one meaning, wherever it comes from: as the answer to a submit, or as the end of a task. Codes
have families (``InvalidImage.ImageSize``), and DashScope adds members to them: what is not listed by name has the
meaning of its family, and what has no family is ``UNLISTED``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Who can do something about it."""

    REQUEST = "request"
    IMAGE = "image"
    MODERATION = "moderation"
    KEY = "key"
    PERMISSION = "permission"
    BILL = "bill"
    RATE = "rate"
    VENDOR = "vendor"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code means. ``retryable``: the same request may succeed later, unchanged."""

    kind: Kind
    retryable: bool
    remedy: str


_REQUEST = Meaning(
    Kind.REQUEST,
    False,
    "Mend what DashScope names. Check that each image can be fetched and is whole, then create the job again. "
    "Nothing was charged.",
)
_IMAGE = Meaning(
    Kind.IMAGE,
    False,
    "Check that each image can be fetched and is whole, then create the job again. Failed tasks cost nothing.",
)
_FETCH = Meaning(
    Kind.IMAGE,
    True,
    "Check that each image can be fetched, and soon, or send the images themselves, then create the job again. "
    "Failed tasks cost nothing.",
)
_MODERATION = Meaning(
    Kind.MODERATION,
    False,
    "DashScope's moderation refused the prompt or an image: change it. Failed tasks are not charged.",
)
_KEY = Meaning(
    Kind.KEY,
    False,
    "Put a DashScope key into the stack's secret that belongs to the region of DashScopeBaseUrl, "
    "then create the job again. Nothing was charged.",
)
_PERMISSION = Meaning(
    Kind.PERMISSION,
    False,
    "Let the account of the stack's key use this model, in DashScope's console, then create the job again. "
    "Nothing was charged.",
)
_BILL = Meaning(
    Kind.BILL, False, "Settle the account's bill with Alibaba Cloud, then create the job again. Nothing was charged."
)
_RATE = Meaning(Kind.RATE, True, "DashScope kept refusing for its rate limits. Create the job again later.")
_VENDOR = Meaning(Kind.VENDOR, True, "Create the job again. DashScope does not charge for failed tasks.")

# What is wrong with the account, and so with every other request, too.
OF_THE_ACCOUNT = frozenset({Kind.KEY, Kind.PERMISSION, Kind.BILL})

UNLISTED = Meaning(
    Kind.VENDOR, True, "See what DashScope says, then create the job again. DashScope does not charge for failed tasks."
)

MEANINGS = {
    "InvalidParameter": _REQUEST,
    "InvalidParameter.DataInspection": _FETCH,
    "DataInspectionFailed": _MODERATION,
    "IPInfringementSuspect": _MODERATION,
    "CustomRoleBlocked": _MODERATION,
    "FaqRuleBlocked": _MODERATION,
    "InvalidURL": _IMAGE,
    "InvalidURL.ConnectionRefused": _IMAGE,
    "InvalidURL.Timeout": _FETCH,
    "InvalidImageFormat": _IMAGE,
    "InvalidImageResolution": _IMAGE,
    "InvalidImage": _IMAGE,
    "InvalidFile": _IMAGE,
    "BadRequest": _REQUEST,
    "BadRequest.InputDownloadFailed": _IMAGE,
    "BadRequest.UnsupportedFileFormat": _IMAGE,
    "BadRequest.TooLarge": _IMAGE,
    "UnsupportedOperation": _REQUEST,
    "Arrearage": _BILL,
    "CommodityNotPurchased": _BILL,
    "PrepaidBillOverdue": _BILL,
    "PostpaidBillOverdue": _BILL,
    "InvalidApiKey": _KEY,
    "NOT AUTHORIZED": _KEY,
    "AccessDenied": _PERMISSION,
    "AccessDenied.Unpurchased": _BILL,
    "Model.AccessDenied": _PERMISSION,
    "Workspace.AccessDenied": _PERMISSION,
    "App.AccessDenied": _PERMISSION,
    "AllocationQuota.FreeTierOnly": _BILL,
    "ModelNotFound": _PERMISSION,
    "Model.NotExist": _PERMISSION,
    "WorkSpaceNotFound": _PERMISSION,
    "NotFound": _REQUEST,
    "Conflict": _REQUEST,
    "Throttling": _RATE,
    "Throttling.AllocationQuota": _RATE,
    "InternalError": _VENDOR,
    "SystemError": _VENDOR,
    "ModelServiceFailed": _VENDOR,
    "RequestTimeOut": _VENDOR,
    "RewriteFailed": _VENDOR,
    "ModelServingError": _VENDOR,
    "ModelUnavailable": _VENDOR,
    "ServiceUnavailable": _VENDOR,
    "GatewayTimeout": _VENDOR,
}


def meaning(code: str) -> Meaning:
    """Tell what a code means: by its own name, or by that of its family."""
    name = code
    while name:
        if name in MEANINGS:
            return MEANINGS[name]
        name = name.rpartition(".")[0]
    return UNLISTED
