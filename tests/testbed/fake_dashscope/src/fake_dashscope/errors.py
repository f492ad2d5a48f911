"""DashScope's errors: HTTP status, code and message, word for word as it documents them."""

from __future__ import annotations

RATE_QUOTA = "Throttling.RateQuota"

CODES: dict[str, tuple[int, str]] = {
    "InvalidParameter": (400, "The parameter is invalid."),
    "InvalidParameter.DataInspection": (
        400,
        "Unable to download the media resource during the data inspection process.",
    ),
    "DataInspectionFailed": (400, "Input data may contain inappropriate content."),
    "IPInfringementSuspect": (400, "Input data is suspected of being involved in IP infringement."),
    "CustomRoleBlocked": (400, "Input or output data may contain inappropriate content with custom rule."),
    "FaqRuleBlocked": (400, "Input or output data is blocked by faq rule."),
    "InvalidURL": (400, "Invalid URL provided in your request."),
    "InvalidURL.ConnectionRefused": (400, "Connection refused, please provide available URL."),
    "InvalidURL.Timeout": (400, "Download timeout, please check network connection."),
    "InvalidImageFormat": (400, "The input image is in invalid format."),
    "InvalidImage.FileFormat": (400, "Invalid image type. Please ensure the uploaded file is a valid image."),
    "InvalidImageResolution": (400, "The input image resolution is too large or small."),
    "InvalidImage.ImageSize": (400, "The size of image is beyond limit."),
    "InvalidFile.Format": (400, "Invalid file format."),
    "InvalidFile.Size": (400, "Invalid file size."),
    "InvalidFile.Resolution": (400, "The image resolution is invalid."),
    "InvalidFile.AspectRatio": (400, "Invalid file ratio."),
    "InvalidFile.Duration": (400, "Invalid file duration."),
    "InvalidFile.FPS": (400, "Invalid file FPS."),
    "InvalidFile.Openerror": (400, "The file cannot be opened."),
    "BadRequest.EmptyInput": (400, "Required input parameter missing from request."),
    "BadRequest.EmptyParameters": (400, 'Required parameter "parameters" missing from request.'),
    "BadRequest.EmptyModel": (400, 'Required parameter "model" missing from request.'),
    "BadRequest.IllegalInput": (400, "The input parameter requires json format."),
    "BadRequest.InputDownloadFailed": (400, "Failed to download the input file."),
    "BadRequest.UnsupportedFileFormat": (400, "Input file format is not supported."),
    "BadRequest.TooLarge": (400, "Payload Too Large."),
    "BadRequest.ResourceNotExist": (400, "The required resource does not exist."),
    "UnsupportedOperation": (
        400,
        "Failed to cancel the task, please confirm if the task is in PENDING status.",
    ),
    "Arrearage": (400, "Access denied, please make sure your account is in good standing."),
    "InvalidApiKey": (401, "Invalid API-key provided."),
    "AccessDenied": (403, "Access denied."),
    "AccessDenied.Unpurchased": (403, "Access to model denied. Please make sure you are eligible for using the model."),
    "Model.AccessDenied": (403, "Model access denied."),
    "Workspace.AccessDenied": (403, "Workspace access denied."),
    "AllocationQuota.FreeTierOnly": (403, "The free tier of the model has been exhausted."),
    "ModelNotFound": (404, "Model can not be found."),
    "WorkSpaceNotFound": (404, "WorkSpace can not be found."),
    "NotFound": (404, "Not found."),
    "Throttling": (429, "Requests throttling triggered."),
    RATE_QUOTA: (429, "Requests rate limit exceeded, please try again later."),
    "Throttling.BurstRate": (429, "Request rate increased too quickly."),
    "Throttling.AllocationQuota": (429, "Allocated quota exceeded, please increase your quota limit."),
    "CommodityNotPurchased": (429, "Commodity has not purchased yet."),
    "PrepaidBillOverdue": (429, "The prepaid bill is overdue."),
    "PostpaidBillOverdue": (429, "The postpaid bill is overdue."),
    "InternalError": (500, "An internal error has occured, please try again later or contact service support."),
    "InternalError.Algo": (500, "An internal error has occured during execution, please try again later."),
    "InternalError.Upload": (500, "Failed to upload result."),
    "InternalError.FileUpload": (500, "Failed to upload file."),
    "InternalError.Timeout": (500, "An internal timeout error has occured during execution, please try again later."),
    "SystemError": (500, "An system error has occured, please try again later."),
    "ModelServiceFailed": (500, "Failed to request model service."),
    "RequestTimeOut": (500, "Request timed out, please try again later."),
    "RewriteFailed": (500, "Failed to rewrite content for prompt."),
    "ModelServingError": (503, "Too many requests. Your requests are being throttled due to system capacity limits."),
    "ModelUnavailable": (503, "Model is unavailable, please try again later."),
}


class VendorError(Exception):
    """An error of DashScope: an HTTP error reply, or the ``code`` and ``message`` of a FAILED task."""

    def __init__(self, code: str, message: str = "", status: int = 0) -> None:
        """Fill in message and status from ``CODES``; an unknown code is a 400."""
        super().__init__(code, message)
        known_status, known_message = CODES.get(code, (400, code))
        self.code = code
        self.message = message or known_message
        self.status = status or known_status


def missing_or_invalid(name: str) -> VendorError:
    """Return DashScope's error for a required parameter."""
    return VendorError(
        "InvalidParameter",
        f"Required parameter({name}) missing or invalid, please check the request parameters.",
    )
