"""Isolates an error of one job from the other jobs of the same run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gallop import log
from gallop.domain.errors import GallopError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def left_to_next_sweep(what: str, job_id: str = "") -> Iterator[None]:
    """Log an error instead of raising it, so that the run continues; the next sweep tries again.

    ``what`` is the log message. Errors of any kind are caught: a record that this version cannot read affects one job
    only.
    """
    try:
        yield
    except GallopError as error:
        log.warning(what, job_id=job_id, error=str(error))
    except Exception as error:  # noqa: BLE001 - see above
        log.exception(what, job_id=job_id, error=type(error).__name__)
