"""Gallop's HTTPS door from Python: the same job as behind every other door, on httpx alone.

::

    from gallop.client import Gallop

    gallop = Gallop()  # GALLOP_URL, GALLOP_KEY
    job = gallop.wait(gallop.make("The cat of [Image 1] jumps.", images=["cat.jpg"]))
    gallop.download(job, "cat.mp4")

``AsyncGallop`` is the same with ``await``. ``gallop.client.errors`` draws the tree of errors.
"""

from gallop.client.asynchronous import AsyncGallop
from gallop.client.errors import Corrupt, GallopError, JobFailed, Refused, Unknown, Unreachable
from gallop.client.jobs import Cancelled, Group, Job, JobError, Marks, Price, Provenance, State, StoredFile, Transfer
from gallop.client.requests import Options
from gallop.client.sources import Source
from gallop.client.sync import Gallop
from gallop.domain.faults import Fault

__all__ = [
    "AsyncGallop",
    "Cancelled",
    "Corrupt",
    "Fault",
    "Gallop",
    "GallopError",
    "Group",
    "Job",
    "JobError",
    "JobFailed",
    "Marks",
    "Options",
    "Price",
    "Provenance",
    "Refused",
    "Source",
    "State",
    "StoredFile",
    "Transfer",
    "Unknown",
    "Unreachable",
]
