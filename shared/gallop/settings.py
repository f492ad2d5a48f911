"""Settings of the functions: environment variables that the template sets, read when needed and not on import."""

import os
from decimal import Decimal

from gallop.domain.dashscope import addresses


def stack_name() -> str:
    """Return the name of the stack; empty until an update of an earlier version has set the variable."""
    return os.environ.get("STACK_NAME", "")


def service() -> str:
    """Return the short name of the function, for its log."""
    return os.environ.get("POWERTOOLS_SERVICE_NAME", "")


def trace_id() -> str:
    """Return the ID under which X-Ray has the run, which Lambda sets; empty without."""
    return os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0].removeprefix("Root=")


def job_table() -> str:
    """Return the name of the DynamoDB table."""
    return os.environ["JOB_TABLE"]


def inbox_bucket() -> str:
    """Return the name of the bucket for drops and uploads."""
    return os.environ["INBOX_BUCKET"]


def results_bucket() -> str:
    """Return the name of the bucket for videos and receipts."""
    return os.environ["RESULTS_BUCKET"]


def drop_queue_url() -> str:
    """Return the URL of the S3 door's queue."""
    return os.environ["DROP_QUEUE_URL"]


def drop_dead_letter_queue_url() -> str:
    """Return the URL of the queue of the S3 door's messages that failed too often."""
    return os.environ["DROP_DEAD_LETTER_QUEUE_URL"]


def workflow_arn() -> str:
    """Return the ARN of the job workflow."""
    return os.environ["WORKFLOW_ARN"]


def batch_workflow_arn() -> str:
    """Return the ARN of the batch workflow."""
    return os.environ["BATCH_WORKFLOW_ARN"]


def batch_concurrency() -> int:
    """Return the maximum number of open jobs per batch."""
    return int(os.environ["BATCH_CONCURRENCY"])


def webhook_workflow_arn() -> str:
    """Return the ARN of the webhook workflow."""
    return os.environ["WEBHOOK_WORKFLOW_ARN"]


def dashscope_base_url() -> str:
    """Return the DashScope base URL for new jobs, up to and including /api/v1; raise ValueError if it is not https."""
    url = os.environ["DASHSCOPE_BASE_URL"]
    if not addresses.is_base_url(url):
        raise ValueError("DASHSCOPE_BASE_URL must be an https URL that ends in /api/v1.")
    return url


def dashscope_secret_arn() -> str:
    """Return the ARN of the secret with the DashScope key."""
    return os.environ["DASHSCOPE_SECRET_ARN"]


def known_secret_arn() -> str:
    """Return the ARN of that secret in the sweep; empty until an update of an earlier version has set the variable."""
    return os.environ.get("DASHSCOPE_SECRET_ARN", "")


def completion_events() -> bool:
    """Return whether DashScope's completion events are received."""
    return os.environ["COMPLETION_EVENTS"] == "on"


def completion_secret_arn() -> str:
    """Return the ARN of the secret with the completion event token."""
    return os.environ["COMPLETION_SECRET_ARN"]


def api_url() -> str:
    """Return the address of the HTTPS door, without a slash at the end."""
    return os.environ["API_URL"]


def notice_topic_arn() -> str:
    """Return the ARN of the topic for notices of ended jobs; empty if nobody is notified."""
    return os.environ.get("NOTICE_TOPIC_ARN", "")


def notify_of() -> str:
    """Return of which jobs a person is notified: those of ``drops``, or ``all``."""
    return os.environ.get("NOTIFY_OF", "drops")


def notify_with_prompt() -> bool:
    """Return whether a notice has the prompt in it."""
    return os.environ.get("NOTIFY_WITH_PROMPT", "off") == "on"


def signs_videos() -> bool:
    """Return whether finished videos get a copy with Content Credentials."""
    # Until an update has replaced the variables as well.
    return os.environ.get("CONTENT_CREDENTIALS", "off") == "on"


def content_credentials_secret_arn() -> str:
    """Return the ARN of the secret with the certificate that signs Content Credentials."""
    return os.environ["CONTENT_CREDENTIALS_SECRET_ARN"]


def content_credentials_key_arn() -> str:
    """Return the ARN of the KMS key that signs; empty if the private key is in the secret."""
    return os.environ["CONTENT_CREDENTIALS_KEY_ARN"]


def page_url() -> str:
    """Return the address of the page for browsers; empty without one."""
    return os.environ.get("PAGE_URL", "")


def model_version() -> str:
    """Return the version of the model of jobs that name none."""
    return os.environ.get("MODEL_VERSION", _version_of_default_model())


def lone_image() -> str:
    """Return what a lone image is: the reference image of an r2v video, or the first frame of an i2v one."""
    # Until an update has replaced the variables as well: as in version 0.1.0.
    return os.environ.get("LONE_IMAGE", "r2v")


def watermark() -> str:
    """Return what the stack does about the visible watermark: off, on or required."""
    # Until an update has replaced the variables as well: as in version 0.1.0.
    return os.environ.get("WATERMARK", "off")


def default_prompt() -> str:
    """Return the prompt of a lone image without one."""
    return os.environ["DEFAULT_PROMPT"]


def quiet_seconds() -> int:
    """Return the seconds that a drop must stay unchanged before its job starts."""
    return int(os.environ["QUIET_SECONDS"])


def incomplete_seconds() -> int:
    """Return the seconds after which an incomplete drop is reported as incomplete."""
    return int(os.environ["INCOMPLETE_MINUTES"]) * 60


def deadline_seconds() -> int:
    """Return the maximum run time of an accepted job, in seconds."""
    return int(os.environ["DEADLINE_MINUTES"]) * 60


def queue_seconds() -> int:
    """Return the maximum wait of a job in the queue, in seconds."""
    return int(os.environ["QUEUE_HOURS"]) * 3600


def max_in_flight() -> int:
    """Return the maximum number of tasks in flight per account and model."""
    return int(os.environ["MAX_IN_FLIGHT"])


def record_seconds() -> int:
    """Return the seconds that a job's record is kept."""
    return int(os.environ["RECORD_DAYS"]) * 86_400


def max_wait_seconds() -> int:
    """Return the maximum seconds that a function may wait for a job to change."""
    return int(os.environ["MAX_WAIT_SECONDS"])


def browser_origins() -> list[str]:
    """Return the origins of web pages that may call the MCP door."""
    return [origin for origin in os.environ["BROWSER_ORIGINS"].split(",") if origin]


def max_held_requests() -> int:
    """Return the maximum number of requests that may wait at the same time."""
    # Until an update has replaced the variables as well.
    return int(os.environ.get("MAX_HELD_REQUESTS", "3"))


def requests_per_second() -> int:
    """Return the sustained requests per second per API key."""
    return int(os.environ["REQUESTS_PER_SECOND"])


def day_cap() -> Decimal:
    """Return the maximum cost of all jobs per day, in USD; 0 means no cap."""
    return Decimal(os.environ["DAY_CAP"])


def month_cap() -> Decimal:
    """Return the maximum cost of all jobs per month, in USD; 0 means no cap."""
    return Decimal(os.environ["MONTH_CAP"])


def client_day_cap() -> Decimal:
    """Return the maximum cost of each client's jobs per day, in USD; 0 means no cap."""
    return Decimal(os.environ["CLIENT_DAY_CAP"])


def client_month_cap() -> Decimal:
    """Return the maximum cost of each client's jobs per month, in USD; 0 means no cap."""
    return Decimal(os.environ["CLIENT_MONTH_CAP"])


def parks_over_cap() -> bool:
    """Return whether the S3 door parks a job that exceeds a cap, instead of refusing it."""
    return os.environ["OVER_CAP"] == "park"


def _version_of_default_model() -> str:
    """Return the version that the variable of 0.1.0 names.

    An update of the stack replaces the code of a function first, and its variables a moment later.
    """
    return "1.1" if "-1.1-" in os.environ.get("DEFAULT_MODEL", "") else "1.0"
