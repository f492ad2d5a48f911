"""What the template tells a function, by environment variable; asked when needed, so that imports ask for nothing."""

import os
from decimal import Decimal


def job_table() -> str:
    """Name the table of jobs and keys."""
    return os.environ["JOB_TABLE"]


def inbox_bucket() -> str:
    """Name the bucket that images are dropped in."""
    return os.environ["INBOX_BUCKET"]


def results_bucket() -> str:
    """Name the bucket that videos and receipts appear in."""
    return os.environ["RESULTS_BUCKET"]


def drop_queue_url() -> str:
    """Give the address of the S3 door's queue."""
    return os.environ["DROP_QUEUE_URL"]


def workflow_arn() -> str:
    """Name the state machine."""
    return os.environ["WORKFLOW_ARN"]


def batch_workflow_arn() -> str:
    """Name the state machine of batches."""
    return os.environ["BATCH_WORKFLOW_ARN"]


def batch_concurrency() -> int:
    """Give the number of jobs of a batch that may be open at a time."""
    return int(os.environ["BATCH_CONCURRENCY"])


def webhook_workflow_arn() -> str:
    """Name the state machine that tells of ended jobs."""
    return os.environ["WEBHOOK_WORKFLOW_ARN"]


def dashscope_base_url() -> str:
    """Give the DashScope address of new jobs, up to and including /api/v1."""
    return os.environ["DASHSCOPE_BASE_URL"]


def dashscope_secret_arn() -> str:
    """Name the secret that holds the DashScope key."""
    return os.environ["DASHSCOPE_SECRET_ARN"]


def completion_events() -> bool:
    """Tell whether DashScope's word that a task has ended may come."""
    return os.environ["COMPLETION_EVENTS"] == "on"


def completion_secret_arn() -> str:
    """Name the secret that holds the token of completion events."""
    return os.environ["COMPLETION_SECRET_ARN"]


def default_model() -> str:
    """Name the model of jobs that name none."""
    return os.environ["DEFAULT_MODEL"]


def default_prompt() -> str:
    """Give the prompt of a lone image that comes without one."""
    return os.environ["DEFAULT_PROMPT"]


def quiet_seconds() -> int:
    """Give the seconds without a change after which a drop starts."""
    return int(os.environ["QUIET_SECONDS"])


def incomplete_seconds() -> int:
    """Give the seconds after which an incomplete drop is told so."""
    return int(os.environ["INCOMPLETE_MINUTES"]) * 60


def deadline_seconds() -> int:
    """Give the seconds within which every accepted job ends."""
    return int(os.environ["DEADLINE_MINUTES"]) * 60


def queue_seconds() -> int:
    """Give the seconds for which a job may wait for its turn."""
    return int(os.environ["QUEUE_HOURS"]) * 3600


def max_in_flight() -> int:
    """Give the number of tasks of an account and model that may be at DashScope at a time."""
    return int(os.environ["MAX_IN_FLIGHT"])


def record_seconds() -> int:
    """Give the seconds for which the record of a job is kept."""
    return int(os.environ["RECORD_DAYS"]) * 86_400


def requests_per_second() -> int:
    """Give the requests a second that each key may make in the long run."""
    return int(os.environ["REQUESTS_PER_SECOND"])


def day_cap() -> Decimal:
    """Give what all jobs of a day may cost, in USD; 0 is no cap."""
    return Decimal(os.environ["DAY_CAP"])


def month_cap() -> Decimal:
    """Give what all jobs of a month may cost, in USD; 0 is no cap."""
    return Decimal(os.environ["MONTH_CAP"])


def client_day_cap() -> Decimal:
    """Give what each client's jobs of a day may cost, in USD; 0 is no cap."""
    return Decimal(os.environ["CLIENT_DAY_CAP"])


def client_month_cap() -> Decimal:
    """Give what each client's jobs of a month may cost, in USD; 0 is no cap."""
    return Decimal(os.environ["CLIENT_MONTH_CAP"])


def parks_over_cap() -> bool:
    """Tell whether the S3 door parks what is over a cap; else it refuses it."""
    return os.environ["OVER_CAP"] == "park"
