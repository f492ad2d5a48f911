"""What ``gallop doctor`` finds: one finding per check, with what was seen and what to do."""

from __future__ import annotations

from enum import StrEnum

from gallop.domain.errors import AwsTrouble, GallopError
from gallop.domain.frozen import frozen


class Level(StrEnum):
    """How bad a finding is. Only a failure means that the stack does not work."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@frozen
class Finding:
    """The result of a check; ``remedy`` is what to do, if anything: a sentence or a command."""

    check: str
    level: Level
    seen: str
    remedy: str = ""


class RightMissing(GallopError):
    """The operator has not the right that a check needs: the stack may be healthy. ``right`` names it."""

    def __init__(self, right: str) -> None:
        """Keep the name of the right."""
        super().__init__(f"The right {right} is missing.")
        self.right = right


class AwsRefused(AwsTrouble):
    """AWS refused a call, or could not be reached; ``aws_code`` is AWS's word for why."""

    def __init__(self, message: str, aws_code: str) -> None:
        """Keep AWS's code."""
        super().__init__(message)
        self.aws_code = aws_code


def ok(check: str, seen: str) -> Finding:
    """Return that a check found nothing wrong."""
    return Finding(check, Level.OK, seen)


def warning(check: str, seen: str, remedy: str) -> Finding:
    """Return something that an operator should know, although the stack works."""
    return Finding(check, Level.WARNING, seen, remedy)


def failure(check: str, seen: str, remedy: str) -> Finding:
    """Return something because of which the stack does not work."""
    return Finding(check, Level.FAILURE, seen, remedy)
