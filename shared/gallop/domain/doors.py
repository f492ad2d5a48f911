"""The ways in."""

from __future__ import annotations

from enum import StrEnum


class Door(StrEnum):
    """Which way a job came in."""

    S3 = "s3"
    HTTPS = "https"
