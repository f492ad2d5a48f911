"""The doors: the ways in which a job can be created."""

from __future__ import annotations

from enum import StrEnum


class Door(StrEnum):
    """The door through which a job was created."""

    S3 = "s3"
    HTTPS = "https"
