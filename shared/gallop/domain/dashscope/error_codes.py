"""The meaning of DashScope's error codes for a user (fact sheet §5).

Every code has one meaning, both as the answer to a submit and as the result of a task. Codes form families
(``InvalidImage.ImageSize``), and DashScope adds members to them: a code that is not listed has the meaning of its
family, and one without a family is ``UNLISTED``. A refusal without a code, by a gateway, has its HTTP status instead.
"""

from __future__ import annotations

from enum import StrEnum

from gallop.domain.frozen import frozen
from gallop.domain.remedies import Remedy


class Kind(StrEnum):
    """The subject of a code."""

    REQUEST = "request"
    IMAGE = "image"
    MODERATION = "moderation"
    KEY = "key"
    PERMISSION = "permission"
    BILL = "bill"
    RATE = "rate"
    VENDOR = "vendor"


@frozen
class Meaning:
    """What a code means. ``retryable`` says whether the same request may succeed later."""

    kind: Kind
    retryable: bool
    remedy: Remedy


_REQUEST = Meaning(Kind.REQUEST, False, Remedy.FIX_REQUEST)
_IMAGE = Meaning(Kind.IMAGE, False, Remedy.FIX_IMAGES)
_FETCH = Meaning(Kind.IMAGE, True, Remedy.SEND_IMAGES)
_MODERATION = Meaning(Kind.MODERATION, False, Remedy.CHANGE_CONTENT)
_KEY = Meaning(Kind.KEY, False, Remedy.REPLACE_KEY)
_PERMISSION = Meaning(Kind.PERMISSION, False, Remedy.GRANT_ACCESS)
_BILL = Meaning(Kind.BILL, False, Remedy.PAY_BILL)
_RATE = Meaning(Kind.RATE, True, Remedy.CREATE_AGAIN_LATER)
_VENDOR = Meaning(Kind.VENDOR, True, Remedy.CREATE_AGAIN)

# These concern the account, so that every other request fails as well.
OF_THE_ACCOUNT = frozenset({Kind.KEY, Kind.PERMISSION, Kind.BILL})

UNLISTED = Meaning(Kind.VENDOR, True, Remedy.READ_VENDOR_MESSAGE)

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
    "HTTP 401": _KEY,
    "HTTP 402": _BILL,
    "HTTP 403": _PERMISSION,
    "AccessDenied": _PERMISSION,
    "AccessDenied.Unpurchased": _BILL,
    "Model.AccessDenied": _PERMISSION,
    "Workspace.AccessDenied": _PERMISSION,
    "App.AccessDenied": _PERMISSION,
    "AllocationQuota": _BILL,
    "AllocationQuota.FreeTierOnly": _BILL,
    "ModelNotFound": _PERMISSION,
    "Model.NotExist": _PERMISSION,
    "WorkSpaceNotFound": _PERMISSION,
    "NotFound": _REQUEST,
    "Conflict": _REQUEST,
    "HTTP 429": _RATE,
    "Throttling": _RATE,
    # Used-up credits, in spite of the family: waiting does not help.
    "Throttling.AllocationQuota": _BILL,
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
    """Return the meaning of a code, or else that of its family."""
    name = code
    while name:
        if name in MEANINGS:
            return MEANINGS[name]
        name = name.rpartition(".")[0]
    return UNLISTED
