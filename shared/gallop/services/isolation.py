"""Trouble with one job, when many are looked after: it is logged, and holds up no other."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gallop import log
from gallop.domain.errors import GallopError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def left_to_next_sweep(what: str, job_id: str = "") -> Iterator[None]:
    """Log trouble, and let what follows go on: the next sweep tries again.

    Trouble may be of any kind: a record of another version, which nobody here can read, is one job's alone, too.
    """
    try:
        yield
    except GallopError as trouble:
        log.warning(what, job_id=job_id, trouble=str(trouble))
    except Exception as error:  # noqa: BLE001 - see above
        log.exception(what, job_id=job_id, error=type(error).__name__)
